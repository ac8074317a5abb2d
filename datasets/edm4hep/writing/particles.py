"""Particles that a model found, as a collection of EDM4HEP's ReconstructedParticles.

They stand event by event beside those of the file they were made of, and know its tracks and
clusters by its own numbers of collections.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.layout import reference_leaves
from datasets.edm4hep.podio import PODIO_2025
from datasets.edm4hep.writing.file import written_whole
from datasets.events import offsets_of

COLLECTION = "MLPFParticles"
NUMBER = 0x4D4C5046  # podio's of that collection: any that a file does not have


class Found(NamedTuple):
    """Particles of some consecutive events. GeV."""

    event: Int[np.ndarray, " particles"]  # from 0, in order
    pdg: Int[np.ndarray, " particles"]
    charge: Int[np.ndarray, " particles"]
    p4: Float[np.ndarray, "particles 4"]  # px, py, pz, E
    track: Int[np.ndarray, " particles"]  # place among those of the event; -1: of none
    cluster: Int[np.ndarray, " particles"]


def write_particles(
    path: Path, portions: Iterable[tuple[Found, int]], numbers: Mapping[str, int]
) -> int:
    """Writes the particles of portions of so many events, whole or not at all; how many events.

    `numbers` are podio's of the collections of tracks and clusters, by "tracks" and "clusters".
    Raises EDM4HEPError where there is no portion.
    """
    names = {NUMBER: COLLECTION}
    chunks = (Chunk(_columns(found, n, numbers), names, 0) for found, n in portions)
    return written_whole(path, chunks, PODIO_2025.name)


def _columns(found: Found, events: int, numbers: Mapping[str, int]) -> dict[str, Jagged]:
    counts = np.bincount(found.event, minlength=events)
    px, py, pz, energy = found.p4.T
    mass = np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))  # of rounded numbers
    none, zero = np.zeros(len(energy), np.uint32), np.zeros(len(energy), np.float32)
    members = {
        "PDG": found.pdg.astype(np.int32),
        "energy": energy,
        **dict(zip(("momentum.x", "momentum.y", "momentum.z"), (px, py, pz), strict=True)),
        **dict.fromkeys(("referencePoint.x", "referencePoint.y", "referencePoint.z"), zero),
        "charge": found.charge,
        "mass": mass,
        "goodnessOfPID": zero,
        "particles_begin": none,
        "particles_end": none,
    }
    columns = {
        f"{COLLECTION}.{name}": Jagged(
            counts, values if values.dtype.kind in "iu" and name != "charge" else _float(values)
        )
        for name, values in members.items()
    }
    for relation, place in (("tracks", found.track), ("clusters", found.cluster)):
        columns |= _one_each(relation, found.event, place, counts, numbers.get(relation, 0))
    return columns


def _float(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float32)


def _one_each(relation: str, event, place, counts, number: int) -> dict[str, Jagged]:
    """References of the particles to at most one object each."""
    has = place >= 0
    before = offsets_of(has)  # of all particles; each event counts from its own first
    first = before[offsets_of(counts)[:-1]][event]
    index, collection = reference_leaves(PODIO_2025.branch(COLLECTION, relation))
    of = np.bincount(event[has], minlength=len(counts))
    return {
        f"{COLLECTION}.{relation}_begin": Jagged(counts, (before[:-1] - first).astype(np.uint32)),
        f"{COLLECTION}.{relation}_end": Jagged(counts, (before[1:] - first).astype(np.uint32)),
        index: Jagged(of, place[has].astype(np.int32)),
        collection: Jagged(of, np.full(has.sum(), number, np.uint32)),
    }
