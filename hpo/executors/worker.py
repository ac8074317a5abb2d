"""A worker process: `python -m hpo.executors.worker FD`, started by `ProcessExecutor`.

It makes its objective once and then runs one trial after another. The messages are JSON:

in    {"factory", "settings"} once, then {"trial"} or {"cancel": number}
out   {"ready"} or {"fatal": error} once, then {"event"} as they happen or {"cancelled": number}

The end of the input is the end of the worker, at once and with everything it started: that is
how it ends with its parent, even one killed with -9. Nothing heavy is imported before the
factory, so that environment variables (devices, threads) act.
"""

import errno
import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hpo.types import Completed, Event, Failed, Reported, Trial, event_to_json, one_line


def main(descriptor: int) -> None:
    """Serve the connection until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    inbox, cancelled = queue.SimpleQueue(), set()
    threading.Thread(target=_listen, args=(connection, inbox, cancelled), daemon=True).start()

    def send(message: Mapping[str, Any]) -> None:
        connection.send_bytes(json.dumps(message).encode())

    setup = inbox.get()
    try:
        objective = load_factory(setup["factory"])(setup["settings"])
    except Exception as error:
        traceback.print_exc()
        send({"fatal": f"{setup['factory']}: {one_line(error)}"})
        return
    send({"ready": True})
    while True:
        fields = inbox.get()["trial"]
        trial = Trial(**{**fields, "folder": Path(fields["folder"])})
        ended = False
        try:
            for event in run(objective, trial):
                send({"event": event_to_json(event)})
                ended = not isinstance(event, Reported)
                if trial.number in cancelled:
                    break
        except Exception as error:
            send({"fatal": f"trial {trial.number}: {one_line(error)}"})
            return
        if not ended:
            send({"cancelled": trial.number})


def load_factory(name: str) -> Callable[[Mapping[str, Any]], Callable[[Trial], Iterator]]:
    """The function that "module:function" names. Raises ValueError where there is none."""
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f'{name!r} is no "module:function" to import: {error}') from error


def no_room(error: BaseException) -> bool:
    """Whether the disk or its quota is full; libraries hand on the system's words, not its code."""
    full = (errno.ENOSPC, errno.EDQUOT)
    words = tuple(os.strerror(code) for code in full)
    return getattr(error, "errno", None) in full or any(word in str(error) for word in words)


def run(objective: Callable[[Trial], Iterator[Any]], trial: Trial) -> Iterator[Event]:
    """The events of one job. What the objective raises becomes Failed, with the traceback kept in
    `error.txt` in the trial's folder; only a full disk is raised."""
    epoch = trial.first_epoch
    try:
        trial.folder.mkdir(parents=True, exist_ok=True)
        reports = iter(objective(trial))
        while epoch < trial.last_epoch:
            metrics = next(reports, None)
            if metrics is None:
                raise ValueError(f"the objective ended after epoch {epoch} of {trial.last_epoch}")
            epoch += 1
            yield Reported(trial.number, epoch, {k: _plain(v) for k, v in metrics.items()})
        yield Completed(trial.number, epoch)
    except (Exception, SystemExit) as error:
        if no_room(error):
            raise  # no fault of the trial: the study stops here, and goes on when there is room
        traceback.print_exc()  # into the worker's log, for the folder may be what is broken
        if trial.folder.is_dir():
            (trial.folder / "error.txt").write_text(traceback.format_exc())
        yield Failed(trial.number, one_line(error))


def _plain(value: Any) -> Any:
    """A metric as JSON: numbers and array scalars as floats, anything else as its text."""
    if isinstance(value, bool | str):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return repr(value)


def _listen(connection: Connection, inbox: queue.SimpleQueue, cancelled: set[int]) -> None:
    """Sort messages while the main thread trains; end everything when they end."""
    while True:
        try:
            message = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        if "cancel" in message:
            cancelled.add(message["cancel"])
        else:
            inbox.put(message)


if __name__ == "__main__":
    main(int(sys.argv[1]))
