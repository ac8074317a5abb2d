"""Processes that make shards and events: fresh interpreters, which die with who asked for them."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.synchronize import Event

from datasets.builders.records import DatasetError


def check_guarded() -> None:
    """Ends a process that runs the script of another anew, and has come to what that has begun:
    the other one says what to do (`processes`)."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # as multiprocessing asks
        raise SystemExit(1)


@contextmanager
def processes(workers: int, killed: str) -> Iterator[ProcessPoolExecutor]:
    """So many of them. Raises DatasetError: `killed`, where one was; and what to do where none
    began, because each runs the script anew whose process asks for them."""
    check_guarded()
    context = multiprocessing.get_context("spawn")
    begun = context.Event()
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(begun,)) as pool:
        try:
            yield pool
        except BrokenProcessPool:
            script = getattr(sys.modules["__main__"], "__file__", None)
            raise DatasetError(
                killed if begun.is_set() or not script else _not_begun(script)
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _not_begun(script: str) -> str:
    return (
        f"none of the processes that shall do the work began: each runs {script} anew, and ended "
        'there. What a script does must stand below a line `if __name__ == "__main__":`'
    )


def _begin(begun: Event) -> None:
    """A worker whose parent was killed would wait for work for ever; Ctrl-C is the parent's."""
    begun.set()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
