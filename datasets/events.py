"""`EventData`: a batch of collisions as flat columns, and `Samples`: what a model learns from.

Producers of `EventData` are `datasets.edm4hep` (files) and `datasets.simulation`; its one
consumer is `datasets.truth.target`, which turns it into `Samples`. Nothing here loops over events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.schema import CLIC_FACE, Face


@dataclass(frozen=True)
class Table:
    """Rows of all events behind each other; event i owns rows offsets[i]:offsets[i+1]."""

    offsets: Int[np.ndarray, " events_plus_1"]
    columns: Mapping[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def __len__(self) -> int:
        return int(self.offsets[-1])

    @property
    def counts(self) -> Int[np.ndarray, " events"]:
        return np.diff(self.offsets)

    @property
    def event(self) -> Int[np.ndarray, " rows"]:
        """The event number of every row."""
        return np.repeat(np.arange(len(self.offsets) - 1), self.counts)


@dataclass(frozen=True)
class Links:
    """Sparse weighted relation between rows of two tables (row numbers count over all events)."""

    source: Int[np.ndarray, " links"]
    target: Int[np.ndarray, " links"]
    weight: Float[np.ndarray, " links"]


class Fault(NamedTuple):
    """What is wrong with an event of a file, which is empty therefore."""

    event: int  # number in the file
    part: str  # what of it is empty: truth, baseline; "": all of it
    what: str


class Origin(NamedTuple):
    """Where events were read, and what could not be."""

    path: str
    numbers: Int[np.ndarray, " events"]  # in the file
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class EventData:
    """Everything known about a batch of events. Units as in `datasets.schema`.

    particles   pdg, px, py, pz, mass, charge, generator_status, simulator_status
    tracks      type, chi2, ndf, dEdx, dEdxError, radiusOfInnermostHit, tanLambda, D0, phi, omega,
                Z0, time (the state at the interaction point)
    clusters    type, x, y, z, iTheta, phi, energy
    hits        x, y, z, energy, time, subdetector, type (calorimeter, muon and tracker hits)
    candidates  pdg, charge, px, py, pz, mass (the rule-based reconstruction)
    """

    field: float  # tesla
    face: Face | None  # of the electromagnetic calorimeter; None: not known
    particles: Table
    tracks: Table
    clusters: Table
    hits: Table
    candidates: Table
    daughters: Links  # particle (parent) -> particle (daughter); weight 1
    hit_particle: Links  # hit -> particle; weight as in the link collection, any scale
    track_particle: Links  # track -> particle; weight = fraction of the track's hits
    cluster_hit: Links  # cluster -> hit; weight 1
    candidate_track: Links  # candidate -> track; weight 1
    candidate_cluster: Links  # candidate -> cluster; weight 1
    origin: Origin | None = None  # None: of no file, or of several

    @property
    def events(self) -> int:
        return len(self.particles.offsets) - 1


# Which tables the rows of each relation count in.
ENDS = {
    "daughters": ("particles", "particles"),
    "hit_particle": ("hits", "particles"),
    "track_particle": ("tracks", "particles"),
    "cluster_hit": ("clusters", "hits"),
    "candidate_track": ("candidates", "tracks"),
    "candidate_cluster": ("candidates", "clusters"),
}


def offsets_of(counts: Int[np.ndarray, " events"]) -> Int[np.ndarray, " events_plus_1"]:
    """Row boundaries from the number of rows of each event."""
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def join_tables(tables: Sequence[Table]) -> Table:
    """The rows of several batches as one table."""
    return Table(
        offsets_of(np.concatenate([t.counts for t in tables])),
        {name: np.concatenate([t[name] for t in tables]) for name in tables[0].columns},
    )


def join_events(parts: Sequence[EventData]) -> EventData:
    """Several batches as one. All must be of one detector: magnetic field and calorimeter face."""
    if len({(part.field, part.face) for part in parts}) != 1:
        raise ValueError(
            "cannot join events of detectors with different magnetic fields or calorimeter faces"
        )
    joined = {
        f.name: join_tables([getattr(part, f.name) for part in parts])
        for f in fields(EventData)
        if f.type is Table
    }
    for name, ends in ENDS.items():
        shift = [
            np.cumsum([0] + [len(getattr(part, table)) for part in parts])[:-1] for table in ends
        ]
        links = [getattr(part, name) for part in parts]
        joined[name] = Links(
            np.concatenate([link.source + s for link, s in zip(links, shift[0], strict=True)]),
            np.concatenate([link.target + s for link, s in zip(links, shift[1], strict=True)]),
            np.concatenate([link.weight for link in links]),
        )
    return replace(parts[0], **joined, origin=_joined_origin([part.origin for part in parts]))


def _joined_origin(origins: Sequence[Origin | None]) -> Origin | None:
    """Of parts of one file."""
    if None in origins or len({origin.path for origin in origins}) != 1:
        return None
    numbers = np.concatenate([origin.numbers for origin in origins])
    faults = tuple(fault for origin in origins for fault in origin.faults)
    return Origin(origins[0].path, numbers, faults)


def take_events(events: EventData, chosen: Int[np.ndarray, " chosen"]) -> EventData:
    """The chosen events, in the order given, each at most once."""
    tables = {f.name: getattr(events, f.name) for f in fields(EventData) if f.type is Table}
    rows = {name: ragged_rows(table.offsets, chosen) for name, table in tables.items()}
    place = {}
    for name, table in tables.items():
        place[name] = np.full(len(table), -1)
        place[name][rows[name]] = np.arange(len(rows[name]))
    taken = {
        name: Table(
            offsets_of(table.counts[chosen]),
            {column: values[rows[name]] for column, values in table.columns.items()},
        )
        for name, table in tables.items()
    }
    for name, (source, target) in ENDS.items():
        links = getattr(events, name)
        kept = place[source][links.source] >= 0
        taken[name] = Links(
            place[source][links.source[kept]],
            place[target][links.target[kept]],
            links.weight[kept],
        )
    if events.origin is not None:
        taken["origin"] = events.origin._replace(numbers=events.origin.numbers[chosen])
    return replace(events, **taken)


def ragged_rows(
    offsets: Int[np.ndarray, " events_plus_1"], events: Int[np.ndarray, " chosen"]
) -> Int[np.ndarray, " rows"]:
    """The row numbers of the chosen events, event after event. No other event is looked at."""
    first = offsets[events]
    counts = offsets[events + 1] - first
    return np.repeat(first - offsets_of(counts)[:-1], counts) + np.arange(counts.sum())


@dataclass(frozen=True)
class Samples:
    """Training arrays of a batch of events: one row per element."""

    offsets: Int[np.ndarray, " events_plus_1"]
    X: Float[np.ndarray, "elements features"]
    ytarget: Float[np.ndarray, "elements targets"]
    ycand: Float[np.ndarray, "elements targets"]
    genmet: Float[np.ndarray, " events"]  # GeV
    genjets: Table  # columns schema.JET_FEATURES: jets of all visible status-1 particles
    targetjets: Table  # the same from ytarget
    elements: str = "clusters"  # of schema.ELEMENTS: what the rows are
    shares: Table | None = None  # columns schema.SHARE_FEATURES; None: not known
    face: Face = CLIC_FACE  # of the detector's electromagnetic calorimeter

    @property
    def events(self) -> int:
        return len(self.offsets) - 1
