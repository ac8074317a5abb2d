"""Calorimeter clusters: a watershed over towers, in which showers that overlap merge.

Hits are projected towards the interaction point onto the calorimeter face and summed in towers.
Every tower points at the densest tower around it; those that point at themselves are the seeds,
and a cluster is all that flows to one seed: CLUE (Rovere et al., Front. Big Data 3 (2020) 591315)
with the cells of a grid for its points. Nothing here knows of particles.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import schema
from datasets.events import Links, Table, offsets_of
from datasets.simulation.detector import CLICLike

TOWER = 20.0  # mm
REACH = 2  # towers, how far a tower looks for a denser one
CROWD = 8  # ECAL hits in a square of three towers; those with fewer are isolated
COARSE = 3  # ECAL hits for a hit of other calorimeters
FEWEST_HITS = 7
LEAST_ENERGY = 0.1  # GeV
PLACE = 32  # bits for the place of a hit


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


def cluster(hits: Table, detector: CLICLike) -> tuple[Table, Links]:
    """Clusters in the columns of `EventData.clusters`, and links cluster -> hit.

    A hit is in one cluster at most. Hits with few others around, and clusters with too few hits
    or too little energy to be told from noise, are given up and stay outside.
    """
    grid = _grid(detector)
    towers = _towers(hits, grid, detector)
    around = _neighbours(towers, grid)
    seed = _watershed(towers, around)
    label = seed[towers.of_hit]
    inside = np.flatnonzero(_crowded(towers, hits["subdetector"], around)[towers.of_hit])
    label = label[inside]
    count = np.bincount(label, minlength=len(seed))
    energy = np.bincount(label, hits["energy"][inside], len(seed))
    kept = (count >= FEWEST_HITS) & (energy >= LEAST_ENERGY)
    # Seeds are numbered as the towers: clusters come out sorted by event.
    number = (np.cumsum(kept) - 1)[label]
    stays = np.flatnonzero(kept[label])
    # Sorted by cluster, hits in their own order: numbers packed together sort faster than rows.
    order = np.sort((number[stays] << PLACE) | stays) & ((1 << PLACE) - 1)
    links = Links(number[order], inside[order], np.ones(len(order), np.float32))
    columns = _columns(hits, links, int(kept.sum()))
    events = towers.number[kept] // grid.size
    return Table(offsets_of(np.bincount(events, minlength=len(hits.counts))), columns), links


def _grid(detector: CLICLike) -> Grid:
    """Large enough for the corner where barrel and ends meet."""
    ends = 2 * (int(detector.barrel_face / TOWER) + 1)
    barrel_columns = 2 * (int(detector.endcap_face / TOWER) + 1)
    return Grid(
        round(2 * np.pi * detector.barrel_face / TOWER),
        ends,
        max(barrel_columns, ends) + 2 * REACH,
    )


def _towers(hits: Table, grid: Grid, detector: CLICLike) -> Towers:
    number = _number(hits, grid, detector)
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


def _number(hits: Table, grid: Grid, detector: CLICLike) -> Int[np.ndarray, " hits"]:
    """Barrel: azimuth and z on a cylinder; ends: x and y on the face.

    The direction from the centre decides between them, not the subdetector, so that a shower
    that leaves the barrel for an end cap stays together.
    """
    x, y, z = hits["x"], hits["y"], hits["z"]
    radius, along = np.hypot(x, y), np.abs(z)
    barrel = along * np.float32(detector.barrel_face) < radius * np.float32(detector.endcap_face)
    face = np.where(barrel, np.float32(detector.barrel_face), np.float32(detector.endcap_face))
    scale = face / (TOWER * np.where(barrel, radius, along))
    around = np.arctan2(y, x) * np.float32(grid.barrel_rows / (2 * np.pi))
    around = np.floor(around).astype(np.int64) % grid.barrel_rows
    end_row = np.floor(x * scale).astype(np.int64) + grid.end_rows // 2
    column = np.floor(np.where(barrel, z, y) * scale).astype(np.int64) + grid.stride // 2
    first = grid.barrel + (z < 0) * grid.end
    place = np.where(barrel, around, end_row + REACH) * grid.stride + column
    return hits.event * grid.size + place + np.where(barrel, 0, first)


def _neighbours(towers: Towers, grid: Grid) -> Int[np.ndarray, "rows columns towers"]:
    """The entries of `index` in the square of `REACH` around each tower: row 0 is all empty."""
    place = towers.number % grid.size
    event = towers.number - place
    in_barrel = place < grid.barrel
    side = 2 * REACH + 1
    around = np.empty((side, side, len(place)), np.int32)
    for rows in range(side):
        moved = place + (rows - REACH) * grid.stride
        moved += np.where(moved < 0, grid.barrel, 0)
        moved -= np.where(in_barrel & (moved >= grid.barrel), grid.barrel, 0)
        moved += event
        for columns in range(side):
            np.take(towers.index, moved + (columns - REACH), out=around[rows, columns])
    return around


def _near(around, reach: int):
    """Distance in rows and columns, and the neighbours there, of a smaller square."""
    for rows in range(-reach, reach + 1):
        for columns in range(-reach, reach + 1):
            yield abs(rows) + abs(columns), around[REACH + rows, REACH + columns]


def _crowded(towers: Towers, subdetector, around) -> Bool[np.ndarray, " towers"]:
    """Towers with enough hits in them and in those around; coarse cells count more."""
    weight = np.where(subdetector == schema.ECAL, np.float32(1), np.float32(COARSE))
    hits = np.concatenate([[0.0], np.bincount(towers.of_hit, weight, len(towers.number))])
    return sum(hits[other] for _, other in _near(around, 1)) >= CROWD


def _watershed(towers: Towers, around) -> Int[np.ndarray, " towers"]:
    """For every tower the index of the seed that its slope leads to."""
    energy = np.concatenate([[0.0], towers.energy])  # the first stands for all empty towers
    density = sum(0.5**distance * energy[other] for distance, other in _near(around, 1))
    # By rank among equals the later tower is the higher, so that no two point at each other.
    order = np.argsort(density, kind="stable")
    rank = np.empty(len(order) + 1, np.int32)
    rank[0], rank[order + 1] = -1, np.arange(len(order))
    best = rank[1:].copy()
    for _, other in _near(around, REACH):
        np.maximum(best, rank[other], out=best)
    up = order[best]
    while not np.array_equal(up, up[up]):
        up = up[up]
    return up


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
