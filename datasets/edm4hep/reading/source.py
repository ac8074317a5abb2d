"""Opening EDM4HEP files: what they are, and in one line what is wrong with them."""

import glob
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from datasets.detectors import Detector
from datasets.edm4hep.errors import EDM4HEPError
from datasets.edm4hep.layout import PARTS, PodioLayout, leaves, pointed_at
from datasets.edm4hep.reading.metadata import numbers_of
from datasets.edm4hep.reading.subsets import source_of, subset_leaves
from datasets.edm4hep.reading.survey import Survey, known_detector, parts_of, surveyed
from mlpf_install.wording import counted

CONTAINERS = ("TTree", "ROOT::RNTuple")


class Source(NamedTuple):
    """A file that can be read: podio's layout of it, its detector, its number of events, the
    version of EDM4hep, and what is unusual."""

    path: Path
    layout: PodioLayout
    detector: Detector
    events: int
    version: str
    notes: tuple[str, ...]
    parts: frozenset[str]  # of those that were asked for, what there is


def described(source: Source) -> tuple[str, ...]:
    """What a person should know of a file, in lines."""
    return (
        f"{source.path}: {counted(source.events, 'event')} of {source.detector.name}, EDM4hep "
        f"{source.version}, podio's layout of {source.layout.name}",
        *(f"note: {note}" for note in source.notes),
    )


class Contents(NamedTuple):
    """An open file, and what its events are to be read with."""

    branches: Mapping[str, object]  # uproot's, by leaf, of a TTree or of an RNTuple
    collections: Mapping[int, str]  # podio's numbers and their names
    parts: frozenset[str]  # that are read
    about: Survey


def inspect(
    path: str | Path,
    detector: str | Detector | None = None,
    needs: Collection[str] = PARTS,
    wants: Collection[str] = (),
) -> Source:
    """What a file is, once all that `read` needs is known to be there. Raises as `read` does."""
    with opened(path, detector, needs, wants) as contents:
        found = contents.about
        known = found.detector if detector is None else known_detector(detector)
        return Source(
            Path(path), found.layout, known, found.events, found.version, found.notes,
            contents.parts,
        )  # fmt: skip


def survey(path: str | Path, detector: str | Detector | None = None) -> Survey:
    """What a file has and lacks. Raises EDM4HEPError only where it is no EDM4HEP at all."""
    known = None if detector is None else known_detector(detector)
    with told(path), _file(Path(path)) as file:
        return surveyed(file, _events(file), known)


@contextmanager
def opened(
    path: str | Path,
    detector: str | Detector | None,
    needs: Collection[str] = PARTS,
    wants: Collection[str] = (),
) -> Iterator[Contents]:
    """The file, checked to have all parts that are needed; of those wanted, what there is is read.

    `detector` is a name, a `Detector`, or None where the file shall tell.
    """
    known = None if detector is None else known_detector(detector)
    with told(path):
        file = _file(Path(path))
    with file:
        with told(path):
            tree = _events(file)
            found = surveyed(file, tree, known)
            parts = parts_of(found, needs, wants)
            read = (*leaves(found.layout, found.detector, parts), *subset_leaves(found.chosen))
            there = {key.rsplit("/", 1)[-1] for key in tree.keys()}  # noqa: SIM118, not a dict
            contents = Contents(
                branches={leaf: tree[source_of(leaf, found.chosen, there)] for leaf in read},
                collections=numbers_of(
                    found.metadata,
                    found.layout.aliases,
                    pointed_at(found.layout, found.detector, parts),
                ),
                parts=parts,
                about=found,
            )
        yield contents


def _file(path: Path):
    import uproot

    _check_header(path)
    # Every array is read once: a cache would not help, and the pages of a mapped file count as
    # memory of the process, which shall not grow with the file.
    return uproot.open(path, array_cache=None, handler=uproot.MultithreadedFileSource)


@contextmanager
def told(path: str | Path) -> Iterator[None]:
    """One line with the name of the file for all that goes wrong with it.

    For what uproot does alone: it meets damage with any kind of exception.
    """
    try:
        yield
    except EDM4HEPError as error:
        raise EDM4HEPError(f"{path}: {error}") from None
    except PermissionError as error:
        raise EDM4HEPError(f"{path}: {error.strerror}") from error
    except NotImplementedError as error:
        raise EDM4HEPError(f"{path}: uproot cannot read this file ({_line(error)})") from error
    except Exception as error:
        raise EDM4HEPError(f"{path}: damaged ROOT file, get it again ({_line(error)})") from error


def _line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__


def _check_header(path: Path) -> None:
    """A ROOT file starts with 'root' and says in its header where it ends."""
    if path.is_dir():
        raise EDM4HEPError("a folder, not a file: name the files in it")
    if not path.is_file():
        many = glob.has_magic(path.name)
        raise EDM4HEPError("no such file" + "; one is needed, not a pattern" * many)
    with path.open("rb") as file:
        header = file.read(24)
    if header[:4] != b"root":
        raise EDM4HEPError("not a ROOT file")
    size = path.stat().st_size
    if len(header) < 24:
        raise EDM4HEPError(f"truncated, only {size} bytes are left: get it again")
    version, _ = struct.unpack(">ii", header[4:12])
    # From a million on, the version marks files with 64-bit pointers.
    (end,) = (
        struct.unpack(">q", header[12:20])
        if version >= 1_000_000
        else struct.unpack(">i", header[12:16])
    )
    if size < end:
        raise EDM4HEPError(f"truncated, {size} of {end} bytes are there: get it again")


def _events(file):
    """The events, as a TTree or an RNTuple: both are asked for leaves by the same names."""
    if "events" not in file:
        raise EDM4HEPError("a ROOT file, but without the tree 'events' of EDM4HEP")
    container = file.classname_of("events")
    if container not in CONTAINERS:
        raise EDM4HEPError(
            f"'events' is a {container}: only a TTree or an RNTuple of ROOT 6.34 or later can be "
            "read"
        )
    return file["events"]
