"""What a reader is to the fuzzer, and what it did with an input."""

import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PARTED = b"\n---8<---\n"  # between the files of an input that is several


class Reader(NamedTuple):
    """`seeds` are sound inputs; `read` reads one, in a folder of its own, or raises one of
    `refusals`, whose message names the file where `names` is set."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    read: Callable[[bytes, Path], None]
    refusals: tuple[type[Exception], ...]
    names: bool = True


class Finding(NamedTuple):
    """What a reader did that it should not have done, and where."""

    reader: str
    what: str  # the kind of the exception and its first line
    where: str  # the line of the project that it went through last

    @property
    def key(self) -> str:
        """The same for the same mistake, whatever the values."""
        return f"{self.what.split(':')[0]} {self.where}"


def judged(reader: Reader, data: bytes, folder: Path) -> Finding | None:
    """None where the input was read, or refused in one line of the project's own."""
    try:
        reader.read(data, folder)
    except Exception as error:
        found = _fault(reader, error, folder)
        if found is not None:
            text = " ".join(str(error).split())[:200]
            where = _last_line_of_ours(error)
            return Finding(reader.name, f"{type(error).__name__}: {text} ({found})", where)
    return None


def _fault(reader: Reader, error: Exception, folder: Path) -> str | None:
    """What is wrong with an exception as an answer to the input; None: nothing."""
    if not isinstance(error, reader.refusals):
        return "not the project's own"
    frames = traceback.extract_tb(error.__traceback__)
    if not _is_ours(frames[-1].filename):
        return "not raised by the project"
    message = str(error)
    if not message.strip() or "\n" in message or len(message) > 1500:
        return "not one line"
    if reader.names and str(folder) not in message:
        return "does not name the file"
    return None


def _last_line_of_ours(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _is_ours(frame.filename)]
    frame = ours[-1] if ours else frames[-1]
    return f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}" if ours else frame.filename


def _is_ours(file: str) -> bool:
    path = Path(file)
    if not path.is_relative_to(ROOT):
        return False
    return path.relative_to(ROOT).parts[0] not in ("tests", ".venv")
