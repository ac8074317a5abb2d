"""Calorimeter clusters: a watershed over towers, in which showers that overlap merge.

Hits are projected towards the interaction point onto the calorimeter face and summed in towers.
Every tower points at the densest tower around it; those that point at themselves are the seeds,
and a cluster is all that flows to one seed: CLUE (Rovere et al., Front. Big Data 3 (2020) 591315)
with the cells of a grid for its points. Nothing here knows of particles.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.events import Links, Table, offsets_of
from datasets.simulation import helix
from datasets.simulation.detector import CLICLike

TOWER = 20.0  # mm
REACH = 2  # towers, how far a tower looks for a denser one
FEWEST_HITS = 5
LEAST_ENERGY = 0.08  # GeV
PAD = REACH


class Grid(NamedTuple):
    """One array for the towers of all events: for each event the barrel, then the two ends."""

    barrel_rows: int  # around the axis; their number times the tower is the circumference
    barrel_columns: int
    end_side: int

    @property
    def barrel_size(self) -> int:
        return self.barrel_rows * (self.barrel_columns + 2 * PAD)

    @property
    def end_size(self) -> int:
        return (self.end_side + 2 * PAD) ** 2

    @property
    def size(self) -> int:
        return self.barrel_size + 2 * self.end_size


class Towers(NamedTuple):
    """Occupied towers, in the order of the grid, and the tower of every hit."""

    event: Int[np.ndarray, " towers"]
    region: Int[np.ndarray, " towers"]
    row: Int[np.ndarray, " towers"]
    column: Int[np.ndarray, " towers"]
    energy: Float[np.ndarray, " towers"]
    of_hit: Int[np.ndarray, " hits"]


def cluster(
    hits: Table, region: Int[np.ndarray, " hits"], detector: CLICLike
) -> tuple[Table, Links]:
    """Clusters in the columns of `EventData.clusters`, and links cluster -> hit.

    A hit is in one cluster at most; clusters with too few hits or too little energy to be told
    from noise are given up, and their hits stay outside.
    """
    grid = _grid(detector)
    towers = _towers(hits, region, grid, detector)
    label = _watershed(towers, grid)[towers.of_hit]
    count = np.bincount(label)
    energy = np.bincount(label, hits["energy"])
    kept = (count >= FEWEST_HITS) & (energy >= LEAST_ENERGY)
    # Roots are towers in the order of the grid: clusters come out sorted by event.
    number = np.cumsum(kept) - 1
    members = np.flatnonzero(kept[label])
    order = np.argsort(number[label[members]], kind="stable")
    links = Links(number[label[members]][order], members[order], np.ones(len(members)))
    columns = _columns(hits, links, int(kept.sum()))
    events = towers.event[np.flatnonzero(kept)]
    return Table(offsets_of(np.bincount(events, minlength=len(hits.counts))), columns), links


def _grid(detector: CLICLike) -> Grid:
    end = detector.barrel_face + detector.hcal_end
    return Grid(
        round(2 * np.pi * detector.barrel_face / TOWER),
        2 * int(np.ceil(detector.barrel_end / TOWER)),
        2 * int(np.ceil(end / TOWER)),
    )


def _towers(hits: Table, region, grid: Grid, detector: CLICLike) -> Towers:
    """Barrel: azimuth and z on the face; ends: x and y on the face."""
    x, y, z = hits["x"], hits["y"], hits["z"]
    barrel = region == helix.BARREL
    scale = np.where(
        barrel, detector.barrel_face / np.hypot(x, y), detector.endcap_face / np.abs(z)
    )
    around = np.arctan2(y, x) * (grid.barrel_rows / (2 * np.pi))
    row = np.floor(np.where(barrel, around, x * scale / TOWER)).astype(np.int64)
    row = np.where(barrel, row % grid.barrel_rows, row + grid.end_side // 2)
    column = np.floor(np.where(barrel, z, y) * scale / TOWER).astype(np.int64)
    column += np.where(barrel, grid.barrel_columns, grid.end_side) // 2
    address = _address(hits.event, region, row, column, grid)
    # Occupied addresses in ascending order, by marking instead of sorting.
    occupied = np.zeros(len(hits.counts) * grid.size, bool)
    occupied[address] = True
    number = np.cumsum(occupied, dtype=np.int32) - 1
    of_hit = number[address]
    n = int(number[-1]) + 1 if len(number) else 0
    first = np.empty(n, np.int64)
    first[of_hit] = np.arange(len(of_hit))
    return Towers(
        hits.event[first], region[first], row[first], column[first],
        np.bincount(of_hit, hits["energy"], n), of_hit,
    )  # fmt: skip


def _address(event, region, row, column, grid: Grid):
    """Place in the grid; rows of the barrel close around the axis, all else has a margin."""
    barrel = (row % grid.barrel_rows) * (grid.barrel_columns + 2 * PAD) + column + PAD
    end = (row + PAD) * (grid.end_side + 2 * PAD) + column + PAD
    end = grid.barrel_size + (region - 1) * grid.end_size + end
    return event * grid.size + np.where(region == helix.BARREL, barrel, end)


def _watershed(towers: Towers, grid: Grid) -> Int[np.ndarray, " towers"]:
    """For every tower the number of the tower that its slope leads to."""
    n = len(towers.energy)
    events = int(towers.event[-1]) + 1 if n else 0
    at = np.full(events * grid.size, n, np.int32)  # n stands for an empty tower
    own = _address(towers.event, towers.region, towers.row, towers.column, grid)
    at[own] = np.arange(n)

    def neighbours(reach: int):
        for dr in range(-reach, reach + 1):
            row = _address(towers.event, towers.region, towers.row + dr, towers.column, grid)
            for dc in range(-reach, reach + 1):
                yield dr, dc, at[row + dc]

    energy = np.append(towers.energy, 0.0)
    density = np.zeros(n + 1)
    for dr, dc, other in neighbours(1):
        density[:n] += 0.5 ** (abs(dr) + abs(dc)) * energy[other]
    density[n] = -1.0
    # Equal densities are told apart by the tower's number, so that no two point at each other.
    best, up = density[:n].copy(), np.arange(n)
    for _, _, other in neighbours(REACH):
        higher = density[other]
        better = (higher > best) | ((higher == best) & (other > up) & (other < n))
        best = np.where(better, higher, best)
        up = np.where(better, other, up)
    while True:
        further = up[up]
        if np.array_equal(further, up):
            return up
        up = further


def _columns(hits: Table, links: Links, n: int) -> dict[str, np.ndarray]:
    """Energy-weighted means of the member hits."""
    of, hit = links.source, links.target
    energy = hits["energy"][hit]
    total = np.bincount(of, energy, n)
    x, y, z = (np.bincount(of, energy * hits[axis][hit], n) / total for axis in "xyz")
    return {
        "type": np.ones(n, np.int64),
        "x": x,
        "y": y,
        "z": z,
        "iTheta": np.arctan2(np.hypot(x, y), z),
        "phi": np.arctan2(y, x),
        "energy": total,
    }
