"""Tracks of the one full-simulation event among simulated ones: `python -m
datasets.simulation.validation.track_check FOLDER`, with the folder of the event's file.

A single event of 24 tracks fluctuates, and that one, ee -> Z(nunu) H(bb) in CLD, is of a kind of
which there is one in fourteen: 7 of its 18 charged particles were born 8 to 40 mm from the beam.
So its quantiles are compared with those of simulated events of that kind, one event at a time:
with the interval that holds 90% of them.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets.events import Table
from datasets.simulation import generate
from datasets.simulation.detector import CLD_LIKE
from datasets.simulation.reconstruction import tracks
from datasets.simulation.tracker import hits as tracker_hits
from datasets.simulation.tracker.transport import transport
from datasets.simulation.validation import fidelity

QUANTITIES = ("|D0| [mm]", "|Z0| [mm]", "chi2/ndf", "ndf", "innermost radius [mm]")
LEVELS = (0.1, 0.5, 0.9)
INTERVAL = (0.05, 0.5, 0.95)
NEAR, FAR, LATE_BORN = 8.0, 40.0, 7  # mm, and how many charged particles are born between them
FEWEST_TRACKS = 10


class Row(NamedTuple):
    """A quantile of the real event, and what simulated events have for it at `INTERVAL`."""

    name: str
    level: float
    real: float
    simulated: tuple[float, float, float]

    @property
    def inside(self) -> bool:
        return self.simulated[0] <= self.real <= self.simulated[2]


def quantiles(found: Table) -> Float[np.ndarray, "events quantities levels"]:
    """Of each event, for which it must have tracks."""
    columns = (
        np.abs(found["D0"]),
        np.abs(found["Z0"]),
        found["chi2"] / found["ndf"],
        found["ndf"],
        found["radiusOfInnermostHit"],
    )
    return np.array([
        [np.quantile(column[first:last], LEVELS) for column in columns]
        for first, last in zip(found.offsets[:-1], found.offsets[1:], strict=True)
    ])  # fmt: skip


def similar(
    events: int, seed: int, portion: int = 128
) -> Float[np.ndarray, "similar quantities levels"]:
    """`quantiles` of those of so many events that are of the kind of the real one."""
    rng = np.random.default_rng(seed)
    parts = []
    for particles, vertices in generate.collide(fidelity.NUNU_BB_240, events, seed, portion):
        radius = np.hypot(vertices[:, 0], vertices[:, 1])
        late = (particles["charge"] != 0) & (radius > NEAR) & (radius < FAR)
        alike = np.bincount(particles.event[late], minlength=len(particles.counts)) >= LATE_BORN
        moved = transport(particles, vertices, CLD_LIKE, rng)
        trace = tracker_hits.seen(moved.trace, CLD_LIKE, rng)
        found, _ = tracks.reconstruct(moved.particles, moved.vertices, trace, CLD_LIKE, rng)
        kept = alike & (found.counts >= FEWEST_TRACKS)
        rows = np.repeat(kept, found.counts)
        offsets = np.concatenate([[0], np.cumsum(found.counts[kept])])
        if kept.any():
            columns = {name: column[rows] for name, column in found.columns.items()}
            parts.append(quantiles(Table(offsets, columns)))
    return np.concatenate(parts)


def compare(
    real: Float[np.ndarray, "quantities levels"],
    simulated: Float[np.ndarray, "similar quantities levels"],
) -> list[Row]:
    bounds = np.quantile(simulated, INTERVAL, axis=0)
    return [
        Row(name, level, float(real[i, j]), tuple(bounds[:, i, j].tolist()))
        for i, name in enumerate(QUANTITIES)
        for j, level in enumerate(LEVELS)
    ]


def main(folder: Path, events: int = 6000, seed: int = 3) -> None:
    """A row for each quantile of each quantity."""
    real = quantiles(fidelity.real_event(folder).tracks)[0]
    simulated = similar(events, seed)
    rows = compare(real, simulated)
    print(f"{len(simulated)} of {events} simulated events are like the real one")
    print(f"{'':24} quantile     real    5%, 50% and 95% of simulated events")
    for row in rows:
        three = "  ".join(f"{value:8.4g}" for value in row.simulated)
        verdict = "inside" if row.inside else "OUTSIDE"
        print(f"{row.name:24} {row.level:8} {row.real:8.4g}    {three}   {verdict}")
    print(f"{sum(row.inside for row in rows)} of {len(rows)} inside")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
