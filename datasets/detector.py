"""What a detector is to reader and writer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from datasets.schema import TRACKER, Face


class TrackerTruth(NamedTuple):
    """Collections that lead from the hits of a tracker to particles."""

    relations: str  # measured hit -> simulated hit
    simulated: str  # simulated hits; each knows its particle


@dataclass(frozen=True)
class Detector:
    """What reader and writer must know of a detector."""

    name: str
    field: float  # tesla, along the beam
    calorimeter_hits: Mapping[str, int]  # hit collection -> `subdetector` code
    # Hit collection -> the way to its particles; None where there is none.
    tracker_hits: Mapping[str, TrackerTruth | None]
    face: Face | None = None  # of the electromagnetic calorimeter; what models compare tracks at
    # Collections that are not called as in CLIC and CLD: tracks, clusters, candidates, hit_links,
    # track_links.
    collections: Mapping[str, str] = field(default_factory=dict)

    @property
    def hits(self) -> tuple[str, ...]:
        """All hit collections in the order of the hits of an event: calorimeters before trackers,
        each by name, as in the published datasets."""
        return (*sorted(self.calorimeter_hits), *sorted(self.tracker_hits))

    def code(self, collection: str) -> int:
        """The `subdetector` code of the hits of a collection."""
        return self.calorimeter_hits.get(collection, TRACKER)
