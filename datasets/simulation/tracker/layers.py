"""Layers of the tracker, and where paths cross them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix

NEAREST = 0.01  # mm of path; what is crossed before lies where the path begins
STEEPEST = 0.1  # least cosine to the normal: no path through a layer is longer


class Layers(NamedTuple):
    """Cylinders about the z axis, then disks. Columns of disks that only cylinders have are 0."""

    cylinders: int
    radius: Float[np.ndarray, " layers"]  # mm, of cylinders
    z: Float[np.ndarray, " layers"]  # mm, of disks
    low: Float[np.ndarray, " layers"]  # mm, bounds of |z| on cylinders and of the radius on disks
    high: Float[np.ndarray, " layers"]
    material: Float[np.ndarray, " layers"]  # radiation lengths at right angles
    ladders: Int[np.ndarray, " layers"]  # flat ones around, of cylinders
    stagger: Float[np.ndarray, " layers"]  # mm, how much farther out every second one is
    sensitive: Bool[np.ndarray, " layers"]
    vertex: Bool[np.ndarray, " layers"]


class Crossings(NamedTuple):
    """Crossings of paths with layers, by path and in order along it."""

    path: Int[np.ndarray, " crossings"]
    layer: Int[np.ndarray, " crossings"]
    s: Float[np.ndarray, " crossings"]  # mm, transverse path from the start
    position: Float[np.ndarray, "crossings 3"]  # mm
    cosine: Float[np.ndarray, " crossings"]  # of the angle to the normal, at least `STEEPEST`


def layers_of(detector: CLICLike) -> Layers:
    """The sensors of barrel and ends, the beam pipe, and the tube around the inner tracker."""
    radius, half = np.array(detector.barrel_layers).T
    dead = np.array([detector.beam_pipe, detector.support_tube])
    radius = np.concatenate([radius, dead])
    half = np.concatenate([half, [detector.endcap_face, detector.endcap_face]])
    z, inner, outer = np.tile(np.array(detector.disks).T, 2)
    z = z * np.repeat([1.0, -1.0], len(detector.disks))
    none = np.zeros_like
    high = np.concatenate([half, outer])
    around = np.concatenate([radius, outer])
    vertex = around < detector.vertex_radius
    material = np.where(vertex, detector.vertex_material, detector.tracker_material)
    material[len(radius) - 2] = detector.beam_pipe_material
    ladders = 2 * np.rint(np.pi * around / detector.ladder).astype(np.int64)
    return Layers(
        cylinders=len(radius),
        radius=np.concatenate([radius, none(z)]),
        z=np.concatenate([none(radius), z]),
        low=np.concatenate([none(radius), inner]),
        high=high,
        material=material,
        ladders=np.where(vertex, detector.vertex_ladders, ladders),
        stagger=np.where(vertex, 0.0, detector.stagger),
        sensitive=~np.isin(np.arange(len(high)), [len(radius) - 2, len(radius) - 1]),
        vertex=vertex,
    )


def crossings(path: helix.Path, end: Float[np.ndarray, " n"], layers: Layers) -> Crossings:
    """All crossings up to the transverse path `end` (mm), in the first turn and in all others."""
    owner, layer, s = (
        np.concatenate(columns)
        for columns in zip(
            _of_lines(path, end, layers),
            _of_arcs(path, end, layers),
            _of_disks(path, end, layers),
            strict=True,
        )
    )
    # Most cylinders are crossed beyond their ends; that much is seen without their azimuth.
    z = path.z[owner] + s * path.slope[owner]
    possible = np.flatnonzero((layer >= layers.cylinders) | (np.abs(z) < layers.high[layer]))
    owner, layer, s = owner[possible], layer[possible], s[possible]
    x, y, z, phi = helix.at(helix.Path(*(column[owner] for column in path)), s)
    radius = np.hypot(x, y)
    on_disk = layer >= layers.cylinders
    along = np.where(on_disk, radius, np.abs(z))
    inside = np.flatnonzero((along >= layers.low[layer]) & (along < layers.high[layer]))
    # One key for both: paths are shorter than a kilometre.
    inside = inside[np.argsort(owner[inside] * 1e6 + s[inside])]
    owner, layer, s, radius, on_disk = (
        column[inside] for column in (owner, layer, s, radius, on_disk)
    )
    x, y, z, phi = (column[inside] for column in (x, y, z, phi))
    slope = path.slope[owner]
    radial = np.abs(x * np.cos(phi) + y * np.sin(phi)) / np.maximum(radius, 1e-9)
    cosine = np.where(on_disk, np.abs(slope), radial) / np.sqrt(1 + slope**2)
    position = np.stack([x, y, z], axis=1)
    return Crossings(owner, layer, s, position, np.maximum(cosine, STEEPEST))


def on_ladders(
    position: Float[np.ndarray, "n 3"], layer: Int[np.ndarray, " n"], layers: Layers
) -> Float[np.ndarray, "n 3"]:
    """Points of cylinders, moved outwards to the flat ladders that they stand for."""
    step = 2 * np.pi / layers.ladders[layer]
    phi = np.arctan2(position[:, 1], position[:, 0])
    number = np.rint(phi / step)
    farther = layers.stagger[layer] * (number % 2) / np.maximum(layers.radius[layer], 1.0)
    outwards = np.where(layer < layers.cylinders, (1 + farther) / np.cos(phi - step * number), 1.0)
    return position * np.stack([outwards, outwards, np.ones_like(outwards)], axis=1)


def _of_lines(path: helix.Path, end, layers: Layers) -> tuple[np.ndarray, ...]:
    """Straight paths and cylinders."""
    straight = np.flatnonzero(path.turn == 0)
    line = helix.Path(*(column[straight, None] for column in path))
    roots = helix.line_to_radius(line, layers.radius[: layers.cylinders])
    return _between(roots, straight, end[straight, None])


def _of_arcs(path: helix.Path, end, layers: Layers) -> tuple[np.ndarray, ...]:
    """Curved paths and cylinders: twice in every turn."""
    curved = np.flatnonzero(path.turn != 0)
    arc = helix.Path(*(column[curved, None] for column in path))
    roots = helix.arc_to_radius(arc, layers.radius[: layers.cylinders])
    owner, layer, s = _between(roots, curved, end[curved, None])
    period = 2 * np.pi / np.abs(path.turn[owner])
    turns = 1 + np.floor((end[owner] - s) / period).astype(np.int64)
    first = np.repeat(np.cumsum(turns) - turns, turns)
    turn = np.arange(len(first)) - first
    return (
        np.repeat(owner, turns),
        np.repeat(layer, turns),
        np.repeat(s, turns) + turn * np.repeat(period, turns),
    )


def _of_disks(path: helix.Path, end, layers: Layers) -> tuple[np.ndarray, ...]:
    slope = np.where(path.slope == 0, 1e-12, path.slope)[:, None]
    s = (layers.z[layers.cylinders :] - path.z[:, None]) / slope
    owner, layer, s = _between([s], np.arange(len(path.x)), end[:, None])
    return owner, layer + layers.cylinders, s


def _between(roots, rows, end) -> tuple[np.ndarray, ...]:
    """Owner, column and value of the finite roots on the way."""
    found = [np.nonzero((s > NEAREST) & (s < end)) for s in roots]
    return (
        np.concatenate([rows[row] for row, _ in found]),
        np.concatenate([column for _, column in found]),
        np.concatenate([s[where] for s, where in zip(roots, found, strict=True)]),
    )
