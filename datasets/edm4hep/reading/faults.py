"""What is wrong with one event costs that event: it is emptied, and it is said what was wrong."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from datasets.detectors import Detector
from datasets.edm4hep.chunk import Chunk
from datasets.edm4hep.errors import EventFault
from datasets.edm4hep.layout import PARTS, PodioLayout, leaves
from datasets.edm4hep.reading.subsets import as_own
from datasets.edm4hep.reading.tables import to_events
from datasets.events import EventData, Fault, Origin

NONE: Mapping[str, str] = MappingProxyType({})


def readable_events(
    chunk: Chunk,
    layout: PodioLayout,
    detector: Detector,
    parts: Collection[str] = PARTS,
    chosen: Mapping[str, str] = NONE,
    path: str | Path = "",
) -> EventData:
    """The events of a chunk; those that contradict themselves are empty, and named in `origin`.

    Where only the truth or the baseline of an event does, only that is empty. `chosen` are the
    collections that are only references (`subsets`).
    """
    numbers, faults = np.arange(chunk.first_event, chunk.first_event + chunk.events), []
    while True:
        try:
            events = to_events(as_own(chunk, chosen), layout, detector, parts)
        except EventFault as error:  # of all events where this is wrong: there are not many kinds
            if {(n, error.part) for n in error.faults} <= {(f.event, f.part) for f in faults}:
                raise  # emptied already: it would be wrong for ever
            faults += [Fault(number, error.part, what) for number, what in error.faults.items()]
            concerned = leaves(layout, detector, (error.part,)) if error.part else chunk.columns
            chunk = chunk.without(error.faults, frozenset(concerned))
        else:
            return replace(events, origin=Origin(str(path), numbers, tuple(faults)))
