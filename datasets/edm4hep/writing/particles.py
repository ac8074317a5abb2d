"""Particles that a model found, as a collection of EDM4HEP's ReconstructedParticles.

They stand event by event beside those of the file they were made of, and know its tracks and
clusters by its own numbers of collections.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.edm4hep.writing.file import written_whole
from datasets.edm4hep.writing.frames import (
    NOWHERE,
    Collection,
    record,
    references,
    write_frames,
)
from datasets.events import offsets_of

# Its number is the one podio gives to that name; schema 2 is that of EDM4hep 0.99, which later ones
# know.
COLLECTION = Collection("MLPFParticles", 0x1DB30CCB, "edm4hep::ReconstructedParticle", schema=2)


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
    Raises EDM4HEPError where there are no events.
    """
    frames = (_fields(found, events, numbers) for found, events in portions)
    return written_whole(path, lambda partial: write_frames(partial, COLLECTION, frames))


def _fields(found: Found, events: int, numbers: Mapping[str, int]) -> dict[str, Any]:
    """The objects and their relations, a list an event each."""
    import awkward as ak

    counts = np.bincount(found.event, minlength=events)
    bounds, related = {}, {}
    for relation, place in (("clusters", found.cluster), ("tracks", found.track)):
        has = place >= 0
        bounds |= _bounds(relation, has, found.event, counts)
        target = np.full(has.sum(), numbers.get(relation, 0))
        of = np.bincount(found.event[has], minlength=events)
        related[relation] = ak.unflatten(references(place[has], target), of)
    none = np.zeros(len(found.event), bool)
    bounds |= _bounds("particles", none, found.event, counts)
    related["particles"] = ak.unflatten(references(np.zeros(0), np.zeros(0)), counts * 0)
    nowhere = references(np.full(len(none), NOWHERE), np.zeros(len(none)))
    related["decayVertex"] = ak.unflatten(nowhere, counts)  # one each, unlike of the others
    objects = record(_members(found) | bounds, f"{COLLECTION.type}Data")
    return {
        COLLECTION.name: ak.unflatten(objects, counts),
        **{f"_{COLLECTION.name}_{relation}": array for relation, array in related.items()},
    }


def _members(found: Found) -> dict[str, Any]:
    """In EDM4hep's order; what a model does not say is 0."""
    px, py, pz, energy = found.p4.T
    mass = np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))  # of rounded numbers
    zero = np.zeros(len(energy), np.float32)
    return {
        "PDG": found.pdg.astype(np.int32),
        "energy": energy.astype(np.float32),
        "momentum": _vector(px, py, pz),
        "referencePoint": _vector(zero, zero, zero),
        "charge": found.charge.astype(np.float32),
        "mass": mass.astype(np.float32),
        "goodnessOfPID": zero,
        "covMatrix": record(
            {"values": np.zeros((len(zero), 10), np.float32)}, "edm4hep::CovMatrix4f"
        ),
    }


def _vector(x, y, z):
    axes = {axis: values.astype(np.float32) for axis, values in zip("xyz", (x, y, z), strict=True)}
    return record(axes, "edm4hep::Vector3f")


def _bounds(relation: str, has, event, counts) -> dict[str, np.ndarray]:
    """Where the references of each particle, to at most one object, begin and end in its event."""
    before = offsets_of(has)  # of all particles; each event counts from its own first
    first = before[offsets_of(counts)[:-1]][event]
    return {
        f"{relation}_begin": (before[:-1] - first).astype(np.uint32),
        f"{relation}_end": (before[1:] - first).astype(np.uint32),
    }
