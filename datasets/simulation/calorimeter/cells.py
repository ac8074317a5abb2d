"""Calorimeter cells: energy spots -> hits, and which particle gave how much to each."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets import schema
from datasets.events import Links, Table, offsets_of
from datasets.simulation.calorimeter.faces import SECTORS, normals, sector_of
from datasets.simulation.calorimeter.showers import Spots
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix

# A cell's number, from the highest bits: event, region, layer (ECAL, HCAL, muon chambers in one
# count), row, column; a row of the barrel is 256 times its sector plus the place in it. Below it
# the spot's number, so that one sort brings cells together and keeps the particles of a cell in
# order, whatever the sorting algorithm.
REGION, LAYER, ROW, COLUMN, SPOT = 2, 7, 12, 12, 22
MOST_EVENTS = 1 << (63 - REGION - LAYER - ROW - COLUMN - SPOT)
IN_SECTOR = 8  # bits for the place of a row in its sector


class Cells(NamedTuple):
    """Coordinates of cells: columns of the packed number."""

    event: Int[np.ndarray, " n"]
    region: Int[np.ndarray, " n"]
    layer: Int[np.ndarray, " n"]
    row: Int[np.ndarray, " n"]
    column: Int[np.ndarray, " n"]


class Geometry(NamedTuple):
    """By layer number: depth of its middle behind the face (mm), cell size (mm) and so on."""

    depth: Float[np.ndarray, " layers"]
    cell: Float[np.ndarray, " layers"]
    subdetector: Int[np.ndarray, " layers"]
    threshold: Float[np.ndarray, " layers"]  # GeV
    type: Int[np.ndarray, " layers"]  # LCIO's CHT code but for 1000 (barrel) or 2000 (end)


def geometry(detector: CLICLike) -> Geometry:
    """ECAL layers, then HCAL layers, then muon chambers.

    Raises ValueError where a detector has too many layers or cells to be numbered.
    """
    counts = (detector.ecal_layers, detector.hcal_layers, detector.muon_layers)
    ecal, hcal, muon = (np.arange(n) + 0.5 for n in counts)
    depth = np.concatenate([
        ecal * detector.ecal_depth / detector.ecal_layers,
        detector.hcal_start + hcal * detector.hcal_depth / detector.hcal_layers,
        detector.muon_start + muon * detector.muon_spacing,
    ])  # fmt: skip
    size = np.repeat([detector.ecal_cell, detector.hcal_cell, detector.muon_cell], counts)
    _fits(detector, depth, size)
    # Kind 0, 1, 2 + 10 x calorimeter 1, 2, 3 + 10000 x layer within the calorimeter.
    types = [10 * (k + 1) + k + 10000 * np.arange(n) for k, n in enumerate(counts)]
    return Geometry(
        depth,
        size,
        np.repeat(np.array([schema.ECAL, schema.HCAL, schema.OTHER], np.int8), counts),
        np.repeat([detector.ecal_threshold, detector.hcal_threshold, 0.0], counts),
        np.concatenate(types).astype(np.int32),
    )


def _fits(detector: CLICLike, depth, size) -> None:
    """Raises ValueError where a detector has more layers or cells than a number has bits for."""
    across = (detector.barrel_face + depth) * np.tan(np.pi / SECTORS) / size
    along = max(detector.barrel_end, detector.ecal_end) / size
    if (
        len(depth) >= 1 << LAYER
        or across.max() >= 1 << (IN_SECTOR - 1)
        or along.max() >= 1 << (COLUMN - 1)
    ):
        raise ValueError(
            f"cells of {size.min()} mm in {len(depth)} layers are too many for a detector with a"
            f" barrel face at {detector.barrel_face} mm: take larger cells or fewer layers"
        )


def digitise(
    spots: Spots, event: Int[np.ndarray, " spots"], events: int, detector: CLICLike
) -> tuple[Table, Links]:
    """Hits in the columns of `EventData.hits`, and links hit -> particle.

    Spots behind the last layer, in the gap between barrel and end caps, in the hole around the
    beam or later than the time window are lost, as are cells below threshold. The weight of a
    link is the particle's share of the hit's energy; noise (particle -1) has no links.
    """
    layout = geometry(detector)
    key, inside = _keys(spots, event, layout, detector)
    inside &= spots.delay < detector.latest_hit
    kept = np.flatnonzero(inside)
    if len(kept) >= 1 << SPOT or events > MOST_EVENTS:
        raise ValueError(
            f"{events} events with {len(kept)} spots are too many at once:"
            f" at most {MOST_EVENTS} with {1 << SPOT}"
        )
    packed = np.sort((key[kept] << SPOT) | np.arange(len(kept)))
    order = kept[packed & ((1 << SPOT) - 1)]
    cell, particle = packed >> SPOT, spots.particle[order]

    # A share is a run of spots of one particle in one cell, a hit a run of shares in one cell.
    new_cell = _changes(cell)
    new_share = new_cell | _changes(particle)
    first_spot = np.flatnonzero(new_share)
    share = np.bincount(np.cumsum(new_share) - 1, spots.energy[order])
    starts_hit = new_cell[first_spot]
    hit_of_share = np.cumsum(starts_hit) - 1
    energy = np.bincount(hit_of_share, share)
    first_of_hit = first_spot[starts_hit]
    cell = cell[first_of_hit]
    layer = (cell >> (ROW + COLUMN)) & ((1 << LAYER) - 1)
    seen = (energy > 0) & (energy >= layout.threshold[layer])

    of_share = particle[first_spot]
    share_seen = np.flatnonzero(seen[hit_of_share] & (of_share >= 0))
    hit_of_share = (np.cumsum(seen) - 1)[hit_of_share[share_seen]]
    time = _earliest(spots.delay[order], first_of_hit)[seen]
    energy = energy[seen]
    weight = share[share_seen] / energy[hit_of_share]
    links = Links(hit_of_share, of_share[share_seen], weight.astype(np.float32))
    coordinates = _unpack(cell[seen])
    offsets = offsets_of(np.bincount(coordinates.event, minlength=events))
    return Table(offsets, _hits(coordinates, energy, time, layout, detector)), links


def _earliest(values, starts) -> Float[np.ndarray, " runs"]:
    """Least values of the runs that begin at these places."""
    return np.minimum.reduceat(values, starts) if len(starts) else np.zeros(0, np.float32)


def _changes(values) -> np.ndarray:
    """True where a value differs from the one before it, and at the start."""
    changed = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed


def _keys(spots: Spots, event, layout: Geometry, detector: CLICLike):
    """The number of every spot's cell, and whether the spot lies in one."""
    x, y, z = spots.position
    sector = sector_of(x, y)
    normal_x, normal_y = normals(sector)
    away, along = x * normal_x + y * normal_y, np.abs(z)
    # The barrel of the chambers is longer, as it stands around the end caps.
    outside = away > detector.barrel_face + detector.hcal_end
    end = np.where(outside, np.float32(detector.chambers_end), np.float32(detector.barrel_end))
    barrel = along < end
    depth = np.where(
        barrel, away - np.float32(detector.barrel_face), along - np.float32(detector.endcap_face)
    )
    hole = (x * x + y * y < np.float32(detector.endcap_inner_radius**2)) | (depth < 0)
    layer = _layer(depth, detector)
    ring = ~barrel & (layer < detector.ecal_layers) & (away > detector.ecal_end)
    layer[ring] = detector.ecal_layers
    inside = (layer >= 0) & (barrel | ~hole)

    density = (1 / layout.cell).astype(np.float32)[layer]
    first = np.where(barrel, (sector << IN_SECTOR) + (1 << (IN_SECTOR - 1)), 1 << (ROW - 1))
    across = np.where(barrel, y * normal_x - x * normal_y, x)
    row = np.floor(across * density).astype(np.int64) + first
    column = np.floor(np.where(barrel, z, y) * density).astype(np.int64) + (1 << (COLUMN - 1))
    region = np.where(barrel, helix.BARREL, np.where(z > 0, helix.ENDCAP_PLUS, helix.ENDCAP_MINUS))
    panel = (event.astype(np.int64) << REGION) | region
    return (((((panel << LAYER) | layer) << ROW) | row) << COLUMN) | column, inside


def _layer(normal, detector: CLICLike) -> Int[np.ndarray, " spots"]:
    """Layer of a depth behind the face; -1 outside. What is in a gap counts for the HCAL."""
    first_chamber = detector.ecal_layers + detector.hcal_layers
    ecal = normal * np.float32(detector.ecal_layers / detector.ecal_depth)
    hcal = (normal - np.float32(detector.hcal_start)) * np.float32(
        detector.hcal_layers / detector.hcal_depth
    )
    layer = np.where(
        normal < detector.ecal_depth,
        np.maximum(ecal, 0),
        detector.ecal_layers + np.maximum(hcal, 0),
    ).astype(np.int32)
    behind = np.flatnonzero(layer >= first_chamber)
    chamber = np.floor((normal[behind] - detector.muon_start) / detector.muon_spacing)
    hit = (chamber >= 0) & (chamber < detector.muon_layers)
    layer[behind] = np.where(hit, first_chamber + chamber, -1)
    return layer


def _unpack(cell) -> Cells:
    fields = []
    for bits in (COLUMN, ROW, LAYER, REGION):
        fields.append(cell & ((1 << bits) - 1))
        cell = cell >> bits
    return Cells(cell, *reversed(fields))


def _hits(cells: Cells, energy, time, layout: Geometry, detector: CLICLike):
    """Positions are the centres of the cells."""
    size, depth = (v.astype(np.float32)[cells.layer] for v in (layout.cell, layout.depth))
    barrel = cells.region == helix.BARREL
    in_sector = (cells.row & ((1 << IN_SECTOR) - 1)) - (1 << (IN_SECTOR - 1))
    row = np.where(barrel, in_sector, cells.row - (1 << (ROW - 1))) + np.float32(0.5)
    column = (cells.column - (1 << (COLUMN - 1))) + np.float32(0.5)
    row, column = row * size, column * size
    side = np.where(cells.region == helix.ENDCAP_PLUS, np.float32(1), np.float32(-1))
    x, y, z = row, column, side * (np.float32(detector.endcap_face) + depth)
    z[barrel] = column[barrel]
    away, across = np.float32(detector.barrel_face) + depth[barrel], row[barrel]
    normal_x, normal_y = normals((cells.row >> IN_SECTOR)[barrel])
    x[barrel] = away * normal_x - across * normal_y
    y[barrel] = away * normal_y + across * normal_x
    return {
        "x": x.astype(np.float32),
        "y": y.astype(np.float32),
        "z": z.astype(np.float32),
        "energy": energy.astype(np.float32),
        "time": time,
        "subdetector": layout.subdetector[cells.layer],
        "type": layout.type[cells.layer] + np.where(barrel, 1000, 2000).astype(np.int32),
    }
