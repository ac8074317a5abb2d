"""Events that no dataset holds: simulated to measure on, with what could be reconstructed at best.

Portions come in order, made by several processes; which events they hold depends on process,
number and seed alone. The calorimeters are calibrated, for `truth.limits`, with events of their
own that are always the same.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from datasets import seeds
from datasets.builders.names import DETECTORS, PROCESSES
from datasets.builders.processes import processes
from datasets.builders.records import DatasetError
from datasets.events import EventData, Samples, Table, take_events
from datasets.simulation import simulate
from datasets.truth.calibration import Calibration, Showers, calibrate, showers
from datasets.truth.limits import floor, oracle
from datasets.truth.soundness import sound
from datasets.truth.target import Settings, to_samples
from datasets.truth.truth import Truth, four_momenta, stable, truth

PORTION = 200  # events simulated in one go
CALIBRATED_WITH = ("ttbar", 200)  # process, events


class Fresh(NamedTuple):
    """Some events, all tables event by event."""

    samples: Samples
    generated: Table  # px, py, pz, energy of all final particles but neutrinos
    limits: Mapping[str, Table]  # `oracle`, `floor`: columns schema.JET_FEATURES


class Source(NamedTuple):
    """Events of one portion, as a process makes them."""

    process: str
    events: int
    seed: int
    detector: str = "clic"  # of names.DETECTORS


def sources(
    process: str, events: int, seed: int, portion: int = PORTION, detector: str = "clic"
) -> list[Source]:
    """Portions of so many events of a process: with seeds that no shard of a dataset has which is
    made with the same `seed`. Raises DatasetError on an unknown process or detector, or no
    events."""
    if process not in PROCESSES:
        raise DatasetError(f"no process {process!r}: choose among {', '.join(PROCESSES)}")
    if detector not in DETECTORS:
        raise DatasetError(f"no detector {detector!r}: choose among {', '.join(DETECTORS)}")
    if events < 1:
        raise DatasetError(f"cannot evaluate {events} events: at least 1")
    return _sources(process, events, seed, portion, seeds.MEASURED, detector)


def _sources(
    process: str, events: int, seed: int, portion: int, use: int, detector: str
) -> list[Source]:
    sizes = [min(portion, events - first) for first in range(0, events, portion)]
    uses = [(use, number) for number in range(len(sizes))]
    own = seeds.of_shards(seed, PROCESSES.index(process), uses)
    return [Source(process, n, of_it, detector) for n, of_it in zip(sizes, own, strict=True)]


@contextmanager
def simulation(
    workers: int, elements: str = "clusters"
) -> Iterator[Callable[[Sequence[Source]], Iterator[Fresh]]]:
    """A function from sources, all of one detector, to their events, in order, which several
    processes make. `elements` is the form of their samples."""
    killed = (
        "a process that simulated events was killed, maybe for want of memory: fewer workers need "
        "less"
    )
    with processes(workers, killed) as pool:
        calibrations: dict[str, Calibration] = {}

        def portions(wanted: Sequence[Source]) -> Iterator[Fresh]:
            (detector,) = {source.detector for source in wanted}
            if detector not in calibrations:
                own = _sources(*CALIBRATED_WITH, 0, 100, seeds.CALIBRATING, detector)
                found = _in_order(pool, workers, _showers, own)
                calibrations[detector] = calibrate([*found])
            yield from _in_order(pool, workers, fresh, wanted, calibrations[detector], elements)

        yield portions


def _in_order(pool: ProcessPoolExecutor, workers: int, function, tasks, *arguments) -> Iterator:
    """Results in the order of the tasks; few more than there are workers wait to be taken."""
    waiting, todo = deque(), deque(tasks)
    while todo or waiting:
        while todo and len(waiting) < workers + 1:
            waiting.append(pool.submit(function, todo.popleft(), *arguments))
        yield waiting.popleft().result()


def _showers(source: Source) -> Showers:
    events = simulate(*source)
    return showers(events, truth(events))


def fresh(source: Source, calibration: Calibration, elements: str = "clusters") -> Fresh:
    """The events of a source; those that a dataset would leave out are left out here, too."""
    return with_limits(simulate(*source), calibration, elements)


def with_limits(events: EventData, calibration: Calibration, elements: str = "clusters") -> Fresh:
    """Samples of the events, what was generated, and what could be reconstructed at best."""
    events, found = _usable(events)
    seen = showers(events, found)
    rows = np.flatnonzero(stable(events.particles))
    p4 = four_momenta(events.particles)[rows]
    generated = Table(
        np.searchsorted(rows, events.particles.offsets),
        dict(zip(("px", "py", "pz", "energy"), p4.T, strict=True)),
    )
    made = {"oracle": oracle, "floor": floor}
    limits = {name: make(events, found, seen, calibration) for name, make in made.items()}
    return Fresh(to_samples(events, Settings(elements)), generated, limits)


def _usable(events: EventData) -> tuple[EventData, Truth]:
    """Events whose values are finite, and in which a visible particle has an element."""
    well = sound(events)
    events = events if well.all() else take_events(events, np.flatnonzero(well))
    found = truth(events)
    owners = found.rows[found.assignment.primary]
    filled = np.unique(events.particles.event[owners])
    if len(filled) == events.events:
        return events, found
    events = take_events(events, filled)
    return events, truth(events)
