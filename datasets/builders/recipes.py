"""What a dataset is made of: shards, each with its events' source and the split it belongs to.

A recipe is a plain value. What a shard holds depends on the recipe alone, not on how many
processes make it; whole shards, and whole files, belong to one split.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from datasets.builders.names import DETECTORS, PROCESSES
from datasets.seeds import of_shards
from mlpf_install.wording import counted

if TYPE_CHECKING:
    from datasets.edm4hep import Source

CONTENT = 2  # grows where the same recipe makes other shards: half-made datasets begin anew
EVENTS_OF_A_SHARD = {"clusters": 100, "hits": 50, "tracks_hits": 50}


class RecipeError(ValueError):
    """A dataset that cannot be made of what was asked for, or one made of something else."""


@dataclass(frozen=True)
class Simulated:
    """Events of the fast simulation."""

    process: str
    events: int
    seed: int
    detector: str = "clic"  # of names.DETECTORS


@dataclass(frozen=True)
class Extracted:
    """Events [first, last) of an EDM4HEP file."""

    path: str
    bytes: int  # its size tells it from another file that took its place
    detector: str  # "": told by its collections
    first: int
    last: int


class File(NamedTuple):
    """What a recipe has to know of an EDM4HEP file."""

    events: int
    bytes: int


@dataclass(frozen=True)
class Shard:
    """A part of a dataset that is made in one go."""

    split: str
    index: int
    source: Simulated | Extracted

    @property
    def name(self) -> str:
        return f"{self.split}-{self.index:05d}"


@dataclass(frozen=True)
class Recipe:
    """A dataset to be made."""

    name: str  # of the TFDS dataset
    elements: str  # of schema.ELEMENTS
    description: str
    shards: tuple[Shard, ...]
    visibility: str = "present"  # of truth.VISIBILITIES: which particles are to be found

    @property
    def digest(self) -> str:
        """Tells recipes apart, and what other versions make of them: equal in every process."""
        content = json.dumps([CONTENT, plain(self)], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:12]

    @property
    def splits(self) -> dict[str, list[Shard]]:
        """Shards by split, in order."""
        names = dict.fromkeys(shard.split for shard in self.shards)
        return {name: [s for s in self.shards if s.split == name] for name in names}


def plain(recipe: Recipe) -> dict:
    """The recipe as JSON can hold it; of a simulated detector only what is not as it always was."""
    found = json.loads(json.dumps(asdict(recipe)))
    for shard, made in zip(found["shards"], recipe.shards, strict=True):
        if isinstance(made.source, Simulated) and made.source.detector == DETECTORS[0]:
            del shard["source"]["detector"]
    return found


def simulation(
    name: str,
    process: str,
    elements: str,
    events: Mapping[str, int],
    seed: int,
    shard_events: int,
    detector: str = "clic",
) -> Recipe:
    """`events` of a process by split; each shard of each process has its own random numbers.

    Another detector sees the same collisions.
    """
    parts = [
        (place, split, index, count)
        for place, split in enumerate(events)
        for index, count in enumerate(_parts(events[split], shard_events))
    ]
    places = [(place, index) for place, _, index, _ in parts]
    own = of_shards(seed, PROCESSES.index(process), places)
    shards = tuple(
        Shard(split, index, Simulated(process, count, of_it, detector))
        for (_, split, index, count), of_it in zip(parts, own, strict=True)
    )
    seen = "" if detector == DETECTORS[0] else f" in a detector like {detector.upper()}"
    description = f"Fast simulation of e+e- -> {process} at 380 GeV{seen}."
    return Recipe(name, elements, description, shards)


def of_paths(
    name: str,
    elements: str,
    paths: Iterable[str | Path],
    detector: str,
    shares: Mapping[str, float],
    seed: int,
) -> Recipe:
    """`of_files` of the files at the paths, which are opened to count their events.

    A file is told by its real path: one that is named twice must not be in two splits.
    `detector` may be "": told by the files. Raises EDM4HEPError where a file cannot be read, or
    the files differ in layout or detector.
    """
    from datasets import edm4hep

    real = list(dict.fromkeys(map(os.path.realpath, paths)))
    return of_sources(name, elements, edm4hep.check(real, detector or None), detector, shares, seed)


def of_sources(
    name: str,
    elements: str,
    sources: Iterable["Source"],
    detector: str,
    shares: Mapping[str, float],
    seed: int,
) -> Recipe:
    """`of_files` of files that `edm4hep.check` has looked at."""
    from datasets import detectors

    detector = detectors.reference(detector) if detector else ""
    files = {str(s.path): File(s.events, os.path.getsize(s.path)) for s in sources}
    return of_files(name, elements, files, detector, shares, seed)


def of_files(
    name: str,
    elements: str,
    files: Mapping[str, File],
    detector: str,
    shares: Mapping[str, float],
    seed: int,
) -> Recipe:
    """The events of EDM4HEP files, which `files` has by their paths; empty ones are set aside.

    Files are dealt to the splits whole, in an order that the seed and their names decide.
    Raises RecipeError where there are fewer files than splits.
    """
    names = sorted(path for path, file in files.items() if file.events)
    if not names:
        raise RecipeError(f"none of the {len(files)} files holds an event")
    if len(names) < len(shares):
        aside = f" ({empty} without events set aside)" if (empty := len(files) - len(names)) else ""
        raise RecipeError(
            f"{counted(len(names), 'file')} cannot fill {len(shares)} splits that "
            f"share no file{aside}: give more files, or --splits=all for a single split"
        )
    shuffled = [names[i] for i in np.random.default_rng(seed).permutation(len(names))]
    shards = [
        (split, Extracted(path, file.bytes, detector, first, min(first + size, file.events)))
        for split, chosen in _dealt(shuffled, shares).items()
        for path in sorted(chosen)
        for file in [files[path]]
        for size in [EVENTS_OF_A_SHARD[elements]]
        for first in range(0, file.events, size)
    ]
    so_far = dict.fromkeys(shares, 0)
    numbered = []
    for split, source in shards:
        numbered.append(Shard(split, so_far[split], source))
        so_far[split] += 1
    return Recipe(name, elements, f"{len(names)} EDM4HEP files.", tuple(numbered))


def counts(events: int, shares: Mapping[str, float]) -> dict[str, int]:
    """So many events in each split. Raises RecipeError where a split would stay empty."""
    bounds = np.round(np.cumsum([0.0, *shares.values()]) * events).astype(int)
    found = {name: int(n) for name, n in zip(shares, np.diff(bounds), strict=True)}
    if min(found.values()) < 1:
        raise RecipeError(f"--events={events} leaves a split empty ({found}): at least 1 for each")
    return found


def _dealt(names: Sequence[str], shares: Mapping[str, float]) -> dict[str, list[str]]:
    """Names by split: at least one each, the others where most is missing to the share."""
    wanted = np.array([*shares.values()]) * len(names)
    numbers = np.ones(len(wanted), int)
    for _ in range(len(names) - len(wanted)):
        numbers[np.argmax(wanted - numbers)] += 1
    bounds = np.cumsum([0, *numbers])
    return {
        split: list(names[first:last])
        for split, first, last in zip(shares, bounds[:-1], bounds[1:], strict=True)
    }


def _parts(events: int, size: int) -> list[int]:
    whole, rest = divmod(events, size)
    return [size] * whole + [rest] * (rest > 0)


def same(folder: Path, stored: Mapping, recipe: Recipe) -> None:
    """Raises RecipeError if a dataset was made by another recipe."""
    given = plain(recipe)
    changed = [key for key in given if stored.get(key) != given[key]]
    if changed:
        raise RecipeError(
            f"{folder} was made by another recipe (other {', '.join(changed)}); choose another "
            "place or name, or delete it"
        )
