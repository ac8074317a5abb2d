"""The way into the calorimeters: twelve flat faces of the barrel, two ends, and a gap between.

The paths of `helix` end on a cylinder and two planes; from there a particle goes straight on to
the face that it meets. The gap between the barrel and the end caps is taken to be empty: a
shower that gets there goes on in the end cap.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.constants import LIGHT
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix

SECTORS = 12  # of the barrels; the first one faces the x axis
STEEPEST = 0.2  # cosine; no path through a layer is longer than five times its depth


class Entry(NamedTuple):
    """Where, in what direction (unit vector) and how late a particle enters a calorimeter."""

    position: Float[np.ndarray, "n 3"]  # mm
    direction: Float[np.ndarray, "n 3"]
    normal: Float[np.ndarray, " n"]  # cosine between the direction and the normal of the face
    to_gap: Float[np.ndarray, " n"]  # mm to the end of the barrel; inf for who does not leave there
    gap: Float[np.ndarray, " n"]  # mm on the way between the barrel and the end cap
    delay: Float[np.ndarray, " n"]  # ns after light on the straight line from the centre


def enter(
    arrival: helix.Arrival,
    vertices: Float[np.ndarray, "n 3"],
    speed: Float[np.ndarray, " n"],
    detector: CLICLike,
) -> Entry:
    """Particles of this speed (of light) from these vertices (mm), on the face.

    The way from the centre to the vertex counts as one at the speed of light.
    """
    x, y, z = arrival.position.T
    barrel = (arrival.region == helix.BARREL) & (np.abs(z) < detector.barrel_end)
    normal_x, normal_y = normals(sector_of(x, y))
    dx, dy, dz = arrival.direction.T
    cosine = np.maximum(np.where(barrel, dx * normal_x + dy * normal_y, np.abs(dz)), STEEPEST)
    missing = np.where(
        barrel,
        detector.barrel_face - (x * normal_x + y * normal_y),
        detector.endcap_face - np.abs(z),
    )
    step = np.maximum(missing, 0.0) / cosine
    position = arrival.position + step[:, None] * arrival.direction
    way = np.linalg.norm(vertices, axis=1) + (arrival.length + step) / speed
    forward = np.maximum(np.abs(dz), 1e-3)
    to_gap = np.maximum(detector.barrel_end - np.abs(position[:, 2]), 0.0) / forward
    return Entry(
        position,
        arrival.direction,
        cosine,
        np.where(barrel, to_gap, np.inf),
        (detector.endcap_face - detector.barrel_end) / forward,
        np.maximum(way - np.linalg.norm(position, axis=1), 0.0) / LIGHT,
    )


def sector_of(x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Number, 0 to 11, of the sector of the barrel in which a point lies."""
    turns = np.arctan2(y, x) * np.float32(SECTORS / (2 * np.pi))
    return np.rint(turns).astype(np.int16) % SECTORS


def normals(sector: Int[np.ndarray, " n"]) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the unit vectors at right angles to the faces of sectors."""
    angle = np.arange(SECTORS) * (2 * np.pi / SECTORS)
    return np.cos(angle).astype(np.float32)[sector], np.sin(angle).astype(np.float32)[sector]
