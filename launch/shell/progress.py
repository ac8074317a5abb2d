"""Progress of long work: a live bar on a terminal, a line every few seconds in a log."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from datasets.progress import Update

_LOG_EVERY_S = 10.0


def say(text: str) -> None:
    """One line to the person, above any live bar."""
    print(text, flush=True)


def end_where_unread() -> None:
    """Ends the program, as SIGPIPE would, where nobody reads any more what it says: `| head`."""
    pipe = select.poll()
    pipe.register(sys.stdout.fileno(), 0)
    if any(event & select.POLLERR for _, event in pipe.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is not said yet
        sys.exit(128 + signal.SIGPIPE)


@contextmanager
def progress(what: str, total: int, unit: str) -> Iterator[Update]:
    """Shows how far `what` is; the block calls the yielded function with (done, note)."""
    show = _bar if Console().is_terminal else _lines
    with show(what, total, unit) as update:
        yield update


@contextmanager
def _bar(what: str, total: int, unit: str) -> Iterator[Update]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns) as bar:
        task = bar.add_task(what, total=total, rate="", note="")
        start, first = time.monotonic(), None

        def update(done: float, note: str = "") -> None:
            nonlocal first
            first = done if first is None else first
            rate = _rate(done - first, time.monotonic() - start, unit)
            bar.update(task, completed=done, rate=rate, note=note)

        yield update


@contextmanager
def _lines(what: str, total: int, unit: str) -> Iterator[Update]:
    start, shown, first = time.monotonic(), time.monotonic(), None
    latest = said = ""

    def update(done: float, note: str = "") -> None:
        nonlocal shown, first, latest, said
        first = done if first is None else first
        now = time.monotonic()
        rate = _rate(done - first, now - start, unit)
        latest = f"  {what}: {done:g} of {total:g} {unit}  {rate}  {note}".rstrip()
        if now - shown >= _LOG_EVERY_S:
            say(latest)
            shown, said = now, latest

    yield update
    if latest != said:
        say(latest)


def phrase(*parts: str) -> str:
    """The parts of a note with commas between; of what there is nothing to say, none."""
    return ", ".join(filter(None, parts))


def _rate(done: float, seconds: float, unit: str) -> str:
    return f"{done / seconds:.3g} {unit}/s" if done > 0 and seconds > 0 else ""
