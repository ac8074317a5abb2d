"""All flights of a batch as one table of particles, with links to their parents."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.events import Links, Table, offsets_of
from datasets.schema import OVERLAID
from datasets.simulation.tracker.flights import DECAYS, NOTHING, Flights, Trace

# Bits of the simulator status in LCIO; `OVERLAID` is another.
CREATED, NOT_AT_ITS_END, IN_TRACKER, IN_CALORIMETER, LEFT, STOPPED = (
    1 << bit for bit in (30, 28, 27, 26, 25, 24)
)


class Transported(NamedTuple):
    """Particles after the tracker: the given ones and those made on the way.

    `leaving` has the same rows as `particles`, with the momenta and places of the last flights.
    """

    particles: Table
    vertices: Float[np.ndarray, "particles 3"]  # mm, where they were made
    daughters: Links
    ended: Bool[np.ndarray, " particles"]  # in the tracker; seen no further
    leaving: Flights
    trace: Trace


def collected(particles: Table, flown, fates, traces, parents) -> Transported:
    """All flights as one table of particles, the new ones at the end of their events."""
    flights = Flights(*(np.concatenate(columns) for columns in zip(*flown, strict=True)))
    kind = np.concatenate([fate.kind for fate in fates])
    parent = np.concatenate(parents)
    made = len(particles) + np.arange(len(parent))
    event, overlaid = particles.event, particles["simulator_status"] & OVERLAID
    for of_generation in parents:
        event, overlaid = (np.append(known, known[of_generation]) for known in (event, overlaid))
    order = np.argsort(event, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))

    first, last = np.zeros((2, len(event)), np.int64)
    number = np.arange(len(flights.row))
    first[flights.row[::-1]] = number[::-1]
    last[flights.row] = number
    start = Flights(*(column[first] for column in flights))
    leaving = Flights(*(column[last[order]] for column in flights))
    ended = kind[last] != NOTHING
    status = overlaid | _status(start.pdg, kind[last])
    status[made] |= CREATED
    # Only what electrons radiate comes from particles that go on.
    status[made[np.abs(start.pdg[parent]) == 11]] |= NOT_AT_ITS_END
    columns = {
        "pdg": start.pdg,
        **dict(zip(("px", "py", "pz"), start.momentum.T, strict=True)),
        "mass": start.mass,
        "charge": start.charge,
        "generator_status": np.append(particles["generator_status"], np.zeros(len(made), np.int64)),
        "simulator_status": status,
    }
    trace = Trace(*(np.concatenate(columns) for columns in zip(*traces, strict=True)))
    trace = trace._replace(row=place[trace.row])
    by_row = np.argsort(trace.row, kind="stable")
    return Transported(
        Table(
            offsets_of(np.bincount(event, minlength=len(particles.counts))),
            {name: column[order] for name, column in columns.items()},
        ),
        start.vertex[order],
        Links(place[parent], place[made], np.ones(len(made))),
        ended[order],
        leaving._replace(row=np.arange(len(order))),
        Trace(*(column[by_row] for column in trace)),
    )


def _status(pdg, kind) -> Int[np.ndarray, " n"]:
    """Where particles end, as Geant4 files say it."""
    unseen = np.isin(np.abs(pdg), (12, 14, 16))
    return np.select(
        [kind == DECAYS, kind != NOTHING, unseen],
        [IN_TRACKER, IN_TRACKER | STOPPED, LEFT],
        IN_CALORIMETER | STOPPED,
    )
