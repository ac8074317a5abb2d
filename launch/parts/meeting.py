"""Where processes that share work meet: a folder beside what they make, which all of them see.

Beside NAME it is `.NAME.group/TOKEN`, made anew by the first process each time:

about.json   how many processes, and what they were asked for
0, 1, ...    the sign of life of a process: a number that grows every second
1.failed     what went wrong in it, as a line
done         the first process has put all parts together
...          parts (`dealing`), and what the first process has done before the others

Nobody compares clocks. A process is dead when its number has not grown for SILENCE_S, by the clock
of who looks; so it may be as slow as it likes, but must live.
"""

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets.storage.files import read_json, write_json, write_text
from launch.shell.runs import RunError

BEAT_S = 1.0
SILENCE_S = 30.0  # longer than any pause that a network's file system makes
LEAVING_S = 5.0  # that the first process gives the others to see how it ended
LOOK_S = 0.05


@dataclass(frozen=True)
class Watch:
    """How long ago numbers of a folder grew, as far as this process has looked."""

    folder: Path
    seen: dict[int, tuple[bytes, float]] = field(default_factory=dict)

    def silence(self, number: int) -> float | None:
        """Seconds since the sign of life of a process was another; None: it has none."""
        try:
            sign = (self.folder / str(number)).read_bytes()
        except FileNotFoundError:
            return None
        now = time.monotonic()
        if self.seen.get(number, (None,))[0] != sign:
            self.seen[number] = sign, now
        return now - self.seen[number][1]

    def grows(self, number: int) -> bool:
        """Whether it was seen to grow; not so when it is looked at for the first time."""
        before = self.seen.get(number)
        self.silence(number)
        return before is not None and self.seen[number] != before


@dataclass(frozen=True)
class Group:
    """A process of several, which share work. Without a folder it is alone."""

    number: int = 0
    size: int = 1
    watch: Watch | None = None

    @property
    def first(self) -> bool:
        return self.number == 0

    @property
    def folder(self) -> Path:
        """Of several alone."""
        assert self.watch is not None, "a process alone meets nobody"
        return self.watch.folder

    def check(self) -> None:
        """Raises RunError where a process is gone or has failed: of all others, for the first one;
        the others look at the first alone, which tells them."""
        if self.watch is None:
            return
        for other in range(1, self.size) if self.first else (0,):
            silence, failed = self.watch.silence(other), self.folder / f"{other}.failed"
            with suppress(FileNotFoundError):
                raise RunError(f"process {other} of the group has failed: {failed.read_text()}")
            if silence is None or silence > SILENCE_S:
                raise RunError(
                    f"process {other} of the group is gone, or its machine, or the file system of "
                    f"{self.folder.parent.parent}: start all of them again"
                )

    def wait_for(self, file: Path) -> None:
        """Until it is there. Raises RunError as `check`."""
        checked = time.monotonic()
        while not file.exists():
            time.sleep(LOOK_S)
            if time.monotonic() - checked > BEAT_S:
                self.check()
                checked = time.monotonic()

    def after_first(self, name: str, work: Callable[[], Any]) -> Any:
        """What `work` returns, which the first process has done before the others begin: it may
        write what they read."""
        if self.watch is None:
            return work()
        ready = self.folder / f"{name}.ready"
        if not self.first:
            self.wait_for(ready)
        found = work()
        if self.first:
            ready.touch()
        return found


ALONE = Group()


@contextmanager
def meeting(
    output: Path, number: int, size: int, asked: Mapping[str, Any], wait_s: float
) -> Iterator[Group]:
    """A process of a group that makes `output`; left when the first process has left.

    Raises RunError where they do not meet in time, were asked for different things, one of them
    came twice, another group makes the same, or one fails or dies.
    """
    about = {"processes": size, **asked}
    place = output.with_name(f".{output.name}.group")
    until = time.monotonic() + wait_s
    watch = _begun(place, about) if number == 0 else _found(place, until, wait_s)
    group = Group(number, size, watch)
    try:
        with _living(watch.folder / str(number), number), _telling(group):
            if group.first:
                _gathered(group, until, wait_s)
            else:
                _check_same(read_json(watch.folder / "about.json"), about)
            yield group
            if group.first:
                (watch.folder / "done").touch()
            else:
                group.wait_for(watch.folder / "done")
    finally:  # no file of it is open here: a network's file system would keep it
        if _is_over(group):
            _clear(watch.folder)


@contextmanager
def _telling(group: Group) -> Iterator[None]:
    """What goes wrong in the block, the others are told; the first process gives them time."""
    try:
        yield
    except BaseException as error:
        reason = " ".join(str(error).split()) or "interrupted"
        with suppress(OSError, ValueError):
            write_text(group.folder / f"{group.number}.failed", f"{type(error).__name__}: {reason}")
        raise
    finally:
        if group.first:
            _wait_for_others(group)


def _begun(place: Path, about: Mapping[str, Any]) -> Watch:
    """By the first process: a folder, in place of one that a dead group has left."""
    old = [Watch(path.parent) for path in place.glob("*/0")]
    until = time.monotonic() + 3 * BEAT_S
    while old and time.monotonic() < until:
        if any(watch.grows(0) for watch in old if (watch.folder / "0").exists()):
            raise RunError(f"another group of processes is working in {place}: wait for its end")
        time.sleep(LOOK_S)
    shutil.rmtree(place, ignore_errors=True)
    folder = place / uuid.uuid4().hex
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise RunError(f"processes cannot meet in {place}: {error.strerror}") from None
    write_json(folder / "about.json", about)
    return Watch(folder)


def _found(place: Path, until: float, wait_s: float) -> Watch:
    """By the others: the folder of a first process that lives."""
    seen: dict[Path, Watch] = {}
    while time.monotonic() < until:
        for path in place.glob("*/0"):
            watch = seen.setdefault(path.parent, Watch(path.parent))
            with suppress(FileNotFoundError, KeyError):  # it may be cleared just now
                if watch.grows(0):
                    return watch
        time.sleep(LOOK_S)
    raise _late(place, wait_s)


def _gathered(group: Group, until: float, wait_s: float) -> None:
    others = [group.folder / str(number) for number in range(1, group.size)]
    while not all(path.exists() for path in others):
        if failed := next(group.folder.glob("*.failed"), None):
            raise RunError(f"process {failed.stem} of the group has failed: {failed.read_text()}")
        if time.monotonic() > until:
            raise _late(group.folder.parent, wait_s)
        time.sleep(LOOK_S)


def _late(place: Path, wait_s: float) -> RunError:
    return RunError(
        f"not all processes of the group met within {wait_s:g} s in {place}: where none says that "
        "it failed, start all of them, with the same flags, or give them more time (--wait)"
    )


def _check_same(expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    names = sorted({*expected, *found})
    if differ := [name for name in names if expected.get(name) != found.get(name)]:
        name = differ[0]
        raise RunError(
            f"--{name} is {found.get(name)!r} in this process and {expected.get(name)!r} in the "
            "first one: all processes of a group need the same flags"
        )


@contextmanager
def _living(path: Path, number: int) -> Iterator[None]:
    """A number grows in the file until the block is left; then there is none."""
    try:
        # Synchronous: other machines see what the file system has, not what is kept here.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_SYNC)
    except FileExistsError:
        raise RunError(
            f"process {number} of the group is there already: number them from 0, each once; where "
            "one was lost, start all of them again"
        ) from None
    except FileNotFoundError:
        raise RunError(
            f"the group has ended before process {number} came: its first process says why"
        ) from None
    over = threading.Event()

    def beat() -> None:
        count = 0
        while True:
            with suppress(OSError):  # a full disk, or a network that comes back
                os.pwrite(file, b"%020d" % count, 0)
            count += 1
            if over.wait(BEAT_S):
                return

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        os.close(file)
        path.unlink(missing_ok=True)


def _wait_for_others(group: Group) -> None:
    """Until they have seen how it ended, or are not going to soon."""
    until = time.monotonic() + LEAVING_S
    while any(silence is not None for silence in _silences(group)) and time.monotonic() < until:
        time.sleep(LOOK_S)


def _is_over(group: Group) -> bool:
    """Whether nobody is left who would look for what became of the group: a process that was busy
    until now finds it there, and is the last."""
    silences = [silence for silence in _silences(group) if silence is not None]
    return all(group.first and silence > LEAVING_S / 2 for silence in silences)


def _silences(group: Group) -> list[float | None]:
    assert group.watch is not None, "a process alone meets nobody"
    others = (number for number in range(group.size) if number != group.number)
    return [group.watch.silence(number) for number in others]


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # another group has begun there
        folder.parent.rmdir()
