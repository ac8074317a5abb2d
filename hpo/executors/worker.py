"""A worker process: `python -m hpo.executors.worker FD`, started by `ProcessExecutor`.

It makes its objective once and then runs one trial after another. The messages are JSON:

in    {"factory", "settings"} once, with {"group"} where it is one of several that train together;
      then {"trial"} or {"cancel": number}
out   {"coordinator": HOST:PORT} from the first of a group; {"ready"} or {"fatal": error} once, then
      {"event"} as they happen or {"cancelled": number}; and {"alive"} every BEAT_S seconds,
      whatever it does

The end of the input is the end of the worker, at once and with everything it started: that is
how it ends with its parent, even one killed with -9, and on Linux even where it was stopped itself.
Nothing heavy is imported before the factory, so that environment variables (devices, threads) act.
"""

import ctypes
import importlib
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hpo.core.secrets import without_secrets
from hpo.core.types import Configuration, Reported, Trial, event_to_json, from_json, one_line
from hpo.executors.running import Objective, run, with_folders

BEAT_S = 1.0
PR_SET_PDEATHSIG = 1  # of prctl(2)

Inbox = queue.SimpleQueue[dict[str, Any]]
"""Messages for the main thread."""


def main(descriptor: int) -> None:
    """Serve the connection until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _go_on_where_the_parent_ends()
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    inbox, cancelled, one_by_one = Inbox(), set[int](), threading.Lock()

    def send(message: Mapping[str, Any]) -> None:
        with one_by_one:
            connection.send_bytes(json.dumps(message).encode())

    threading.Thread(target=_listen, args=(connection, inbox, cancelled), daemon=True).start()
    threading.Thread(target=_live, args=(send,), daemon=True).start()

    setup = inbox.get()
    try:
        objective = with_folders(_made(setup, send))
    except Exception as error:
        print(without_secrets(traceback.format_exc()), end="", file=sys.stderr)
        send({"fatal": f"{setup['factory']}: {one_line(error)}"})
        return
    send({"ready": True})
    while True:
        fields = inbox.get()["trial"]
        configuration = from_json(Configuration, fields["configuration"])
        folder = Path(fields["folder"])
        trial = Trial(**{**fields, "configuration": configuration, "folder": folder})
        ended = False
        try:
            for event in run(objective, trial, sys.stderr):
                send({"event": event_to_json(event)})
                ended = not isinstance(event, Reported)
                if trial.number in cancelled:
                    break
        except Exception as error:
            send({"fatal": f"trial {trial.number}: {one_line(error)}"})
            return
        if not ended:
            send({"cancelled": trial.number})


def _go_on_where_the_parent_ends() -> None:
    """A worker that was stopped is to hear of that, too. The kernel means the thread that started
    this process, which may end earlier: to one that runs, the signal says nothing."""
    with suppress(AttributeError, OSError):  # not on Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGCONT)


def _made(setup: Mapping[str, Any], send: Callable[[Mapping[str, Any]], None]) -> Objective:
    """The objective. One that trains in groups finds in settings["group"] which `process` of how
    many `processes` it is, and where the first one, the `coordinator`, is to be reached. Raises
    ValueError where an objective cannot: each of a group would train the trial alone."""
    factory, settings = load_factory(setup["factory"]), setup["settings"]
    if "group" not in setup:
        return factory(settings)
    if not getattr(factory, "in_groups", False):
        name = setup["factory"].rpartition(":")[2]
        raise ValueError(
            "it does not train in groups of processes: set resources.processes = 1, or "
            f"{name}.in_groups = True where it heeds settings['group']"
        )
    group = dict(setup["group"])
    if group["process"] == 0:
        group["coordinator"] = _free_address(group.pop("host", "127.0.0.1"))
        send({"coordinator": group["coordinator"]})
    return factory({**settings, "group": group})


def _free_address(host: str) -> str:
    """HOST:PORT that nobody uses yet."""
    with socket.socket() as free:
        free.bind((host, 0))
        return f"{host}:{free.getsockname()[1]}"


def load_factory(name: str) -> Callable[[Mapping[str, Any]], Objective]:
    """The function that "module:function" names. Raises ValueError where there is none."""
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f'{name!r} is no "module:function" to import: {error}') from error


def _live(send: Callable[[Mapping[str, Any]], None]) -> None:
    """Say that this process is alive; its end, or the parent's, is the end of it."""
    with suppress(OSError):
        while True:
            time.sleep(BEAT_S)
            send({"alive": True})


def _listen(connection: Connection, inbox: Inbox, cancelled: set[int]) -> None:
    """Sort messages while the main thread trains; end everything when they end.

    A trial that comes is no longer cancelled, whatever became of its earlier job.
    """
    while True:
        try:
            message = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        if "cancel" in message:
            cancelled.add(message["cancel"])
            continue
        if "trial" in message:
            cancelled.discard(message["trial"]["number"])
        inbox.put(message)


if __name__ == "__main__":
    main(int(sys.argv[1]))
