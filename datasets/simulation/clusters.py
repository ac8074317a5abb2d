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
LEAST_ENERGY = 0.1  # GeV


class Grid(NamedTuple):
    """Numbering of the towers of one event: rows of the barrel, then of the two ends.

    All rows are `stride` long, with a margin of empty towers, so that neighbours are a fixed
    number apart; the barrel closes around the axis.
    """

    barrel_rows: int
    end_rows: int
    stride: int

    @property
    def barrel(self) -> int:
        return self.barrel_rows * self.stride

    @property
    def end(self) -> int:
        return (self.end_rows + 2 * REACH) * self.stride

    @property
    def size(self) -> int:
        return self.barrel + 2 * self.end


class Towers(NamedTuple):
    """Occupied towers by ascending number (event * grid.size + place), and those of the hits."""

    number: Int[np.ndarray, " towers"]
    energy: Float[np.ndarray, " towers"]
    index: Int[np.ndarray, " grid"]  # number -> row here plus 1; 0 where empty
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
    seed = _watershed(towers, grid)
    label = seed[towers.of_hit]
    count = np.bincount(label, minlength=len(seed))
    energy = np.bincount(label, hits["energy"], len(seed))
    kept = (count >= FEWEST_HITS) & (energy >= LEAST_ENERGY)
    # Seeds are numbered as the towers: clusters come out sorted by event.
    number = np.cumsum(kept) - 1
    members = np.flatnonzero(kept[label])
    order = np.argsort(number[label[members]], kind="stable")
    links = Links(number[label[members]][order], members[order], np.ones(len(members), np.float32))
    columns = _columns(hits, links, int(kept.sum()))
    events = towers.number[kept] // grid.size
    return Table(offsets_of(np.bincount(events, minlength=len(hits.counts))), columns), links


def _grid(detector: CLICLike) -> Grid:
    ends = 2 * round(1.3 * detector.barrel_face / TOWER)
    barrel_columns = 2 * int(np.ceil(detector.barrel_end / TOWER))
    return Grid(
        round(2 * np.pi * detector.barrel_face / TOWER),
        ends,
        max(barrel_columns, ends) + 2 * REACH,
    )


def _towers(hits: Table, region, grid: Grid, detector: CLICLike) -> Towers:
    number = _number(hits, region, grid, detector)
    # Occupied numbers in ascending order, by marking them instead of sorting.
    size = len(hits.counts) * grid.size
    occupied = np.zeros(size, bool)
    occupied[number] = True
    numbers = np.flatnonzero(occupied)
    n = len(numbers)
    index = np.zeros(size, np.int32)
    index[numbers] = np.arange(1, n + 1)
    of_hit = index[number] - 1
    return Towers(numbers, np.bincount(of_hit, hits["energy"], n), index, of_hit)


def _number(hits: Table, region, grid: Grid, detector: CLICLike) -> Int[np.ndarray, " hits"]:
    """Barrel: azimuth and z on the face; ends: x and y on the face, the rim taking what is out."""
    x, y, z = hits["x"], hits["y"], hits["z"]
    barrel = region == helix.BARREL
    radius = np.where(barrel, np.hypot(x, y), np.abs(z))
    scale = np.where(barrel, detector.barrel_face, detector.endcap_face) / (TOWER * radius)
    around = np.floor(np.arctan2(y, x) * (grid.barrel_rows / (2 * np.pi))) % grid.barrel_rows
    end_row = np.clip(np.floor(x * scale) + grid.end_rows // 2, 0, grid.end_rows - 1)
    half = (grid.stride - 2 * REACH) // 2
    column = np.clip(np.floor(np.where(barrel, z, y) * scale) + half, 0, 2 * half - 1)
    first = grid.barrel + (region - 1) * grid.end
    row = np.where(barrel, around, end_row + REACH)
    place = np.where(barrel, 0, first) + row * grid.stride + column + REACH
    return hits.event * grid.size + place.astype(np.int64)


def _watershed(towers: Towers, grid: Grid) -> Int[np.ndarray, " towers"]:
    """For every tower the index of the seed that its slope leads to."""
    energy = np.concatenate([[0.0], towers.energy])  # the first stands for all empty towers
    density = sum(
        0.5 ** (abs(rows) + abs(columns)) * energy[other]
        for rows, columns, other in _neighbours(towers, grid, 1)
    )
    best, up = density.copy(), np.arange(1, len(energy))
    density = np.concatenate([[-1.0], density])
    for _, _, other in _neighbours(towers, grid, REACH):
        higher = density[other]
        # Among equals the later tower is the higher, so that no two point at each other.
        better = (higher > best) | ((higher == best) & (other > up))
        best[better] = higher[better]
        up[better] = other[better]
    up -= 1
    while not np.array_equal(up, up[up]):
        up = up[up]
    return up


def _neighbours(towers: Towers, grid: Grid, reach: int):
    """Distance in rows and columns, and the entries of `index` there, for a square around."""
    place = towers.number % grid.size
    event = towers.number - place
    in_barrel = place < grid.barrel
    for rows in range(-reach, reach + 1):
        moved = place + rows * grid.stride
        moved[in_barrel] %= grid.barrel
        moved += event
        for columns in range(-reach, reach + 1):
            yield rows, columns, towers.index[moved + columns]


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
