"""Paths of particles in a solenoid, in closed form.

A particle of charge q and transverse momentum pT [GeV] turns on a circle of radius
pT / (GEV_PER_TESLA_MM B) mm; `turn` is the signed change of its azimuth per mm of transverse path,
negative for positive charges. See PDG Review, "Particle Detectors", magnetic spectrometers, and
for the track parameters T. Kraemer, "Track parameters in LCIO" (LC-DET-2006-004).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.constants import GEV_PER_TESLA_MM

BARREL, ENDCAP_PLUS, ENDCAP_MINUS = 0, 1, 2

Vector = Float[np.ndarray, " n"]


class Path(NamedTuple):
    """A start (mm), the azimuth there, the turn per mm of transverse path, and dz per mm of it."""

    x: Vector
    y: Vector
    z: Vector
    phi: Vector
    turn: Vector  # 1/mm, 0 for straight lines
    slope: Vector  # tan(lambda)


class Arrival(NamedTuple):
    """Where and with what direction (unit vector) a path meets the calorimeter face."""

    position: Float[np.ndarray, "n 3"]
    direction: Float[np.ndarray, "n 3"]
    region: Int[np.ndarray, " n"]
    length: Vector  # path in space, mm
    arrives: Bool[np.ndarray, " n"]


class Perigee(NamedTuple):
    """Track parameters at the point nearest to the z axis, in the convention of LCIO."""

    D0: Vector
    Z0: Vector
    phi: Vector
    omega: Vector
    tanLambda: Vector


def path_of(
    vertex: Float[np.ndarray, "n 3"],
    px: Vector,
    py: Vector,
    pz: Vector,
    charge: Vector,
    field: float,
) -> Path:
    """The path of particles with these momenta (GeV) from these vertices (mm)."""
    pt = np.maximum(np.hypot(px, py), 1e-9)
    turn = -charge * GEV_PER_TESLA_MM * field / pt
    return Path(*vertex.T, np.arctan2(py, px), turn, pz / pt)


def at(path: Path, s: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """x, y, z (mm) and azimuth after a transverse path `s` (mm)."""
    half = 0.5 * path.turn * s
    chord = s * np.sinc(half / np.pi)  # sinc keeps straight lines exact
    x = path.x + chord * np.cos(path.phi + half)
    y = path.y + chord * np.sin(path.phi + half)
    return x, y, path.z + s * path.slope, path.phi + 2 * half


def to_radius(path: Path, radius: float) -> Vector:
    """Transverse path to the first crossing of a cylinder from inside; inf where there is none."""
    straight = path.turn == 0
    return np.where(
        straight, line_to_radius(path, radius)[1], arc_to_radius(path, radius).min(axis=0)
    )


def line_to_radius(path: Path, radius: Float[np.ndarray, " *m"]) -> Float[np.ndarray, "2 *nm"]:
    """Both crossings of straight paths with cylinders, the later one last; inf where none is."""
    along = path.x * np.cos(path.phi) + path.y * np.sin(path.phi)
    inside = along**2 + radius**2 - path.x**2 - path.y**2
    root = np.sqrt(np.maximum(inside, 0))
    return np.where(inside >= 0, np.stack([-along - root, -along + root]), np.inf)


def arc_to_radius(path: Path, radius: Float[np.ndarray, " *m"]) -> Float[np.ndarray, "2 *nm"]:
    """Both crossings of curved paths with cylinders in the first full turn; inf where none is.

    About the centre c, |position|^2 = c^2 + 1/h^2 + 2 c sin(azimuth - arg c) / h.
    """
    h = np.where(path.turn == 0, 1.0, path.turn)
    cx, cy = path.x - np.sin(path.phi) / h, path.y + np.cos(path.phi) / h
    c = np.hypot(cx, cy)
    sine = (radius**2 - c**2 - 1 / h**2) * (h / (2 * np.maximum(c, 1e-12)))
    reached = np.abs(sine) <= 1
    first = np.arcsin(np.clip(sine, -1, 1))
    ahead, side = np.arctan2(cy, cx) - path.phi, np.sign(h)
    # What is ahead in the direction of h, between 0 and a full circle.
    turned = np.mod(np.stack([first + ahead, np.pi - first + ahead]) * side, 2 * np.pi)
    return np.where(reached, turned / np.abs(h), np.inf)


def to_face(path: Path, barrel: float, endcap: float, longest: float = 3e4) -> Arrival:
    """Follow paths to the cylinder of radius `barrel` or the planes z = +-`endcap` (mm).

    `longest` is the length in space after which a curling particle counts as lost.
    """
    along_barrel = to_radius(path, barrel)
    slope = np.where(path.slope == 0, 1e-12, path.slope)
    along_endcap = (np.sign(slope) * endcap - path.z) / slope
    s = np.minimum(along_barrel, along_endcap)
    length = s * np.sqrt(1 + path.slope**2)
    arrives = (length < longest) & (s >= 0)
    x, y, z, phi = at(path, np.where(arrives, s, 0.0))
    cosine = 1 / np.sqrt(1 + path.slope**2)
    region = np.where(
        along_barrel <= along_endcap, BARREL, np.where(z > 0, ENDCAP_PLUS, ENDCAP_MINUS)
    )
    return Arrival(
        np.stack([x, y, z], axis=1),
        np.stack([cosine * np.cos(phi), cosine * np.sin(phi), cosine * path.slope], axis=1),
        region,
        length,
        arrives,
    )


def perigee(path: Path) -> Perigee:
    """Track parameters of curved paths at the z axis (all `turn` must differ from 0)."""
    radius = -1 / path.turn  # 1/omega, positive for positive charges in a positive field
    cx, cy = path.x + radius * np.sin(path.phi), path.y - radius * np.cos(path.phi)
    sign = np.sign(radius)
    phi = np.arctan2(sign * cx, -sign * cy)
    back = np.mod(phi - path.phi + np.pi, 2 * np.pi) - np.pi
    return Perigee(
        radius - sign * np.hypot(cx, cy),
        path.z + path.slope * back / path.turn,
        phi,
        -path.turn,
        path.slope,
    )


def path_of_perigee(state: Perigee) -> Path:
    """The path that starts at the perigee: the inverse of `perigee`."""
    return Path(
        -state.D0 * np.sin(state.phi),
        state.D0 * np.cos(state.phi),
        state.Z0,
        state.phi,
        -state.omega,
        state.tanLambda,
    )
