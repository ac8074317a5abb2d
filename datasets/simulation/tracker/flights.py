"""Flights of particles through the tracker, from where they begin to what ends them."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.constants import LIGHT
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix
from datasets.simulation.tracker.kinematics import energy_of

NOTHING, CONVERTS, RADIATES, COLLIDES, DECAYS = range(5)  # what ends a flight


class Flights(NamedTuple):
    """Particles on their way, each from a vertex (mm, ns)."""

    row: Int[np.ndarray, " n"]  # of the particle
    pdg: Int[np.ndarray, " n"]
    mass: Float[np.ndarray, " n"]
    charge: Float[np.ndarray, " n"]
    momentum: Float[np.ndarray, "n 3"]  # GeV
    vertex: Float[np.ndarray, "n 3"]
    time: Float[np.ndarray, " n"]


class Fates(NamedTuple):
    """How flights end: `NOTHING` for those that leave the tracker."""

    kind: Int[np.ndarray, " n"]
    s: Float[np.ndarray, " n"]  # mm, transverse path to the place; inf for those that leave


class Trace(NamedTuple):
    """Sensors that charged particles crossed, sorted by particle and in order along its way."""

    row: Int[np.ndarray, " crossings"]  # of the particle
    layer: Int[np.ndarray, " crossings"]
    position: Float[np.ndarray, "crossings 3"]  # mm
    cosine: Float[np.ndarray, " crossings"]  # of the angle to the normal
    time: Float[np.ndarray, " crossings"]  # ns
    momentum: Float[np.ndarray, " crossings"]  # GeV
    turn: Float[np.ndarray, " crossings"]  # 1/mm
    outgoing: Bool[np.ndarray, " crossings"]  # on the first half turn


def path_of(flights: Flights, detector: CLICLike) -> helix.Path:
    return helix.path_of(flights.vertex, *flights.momentum.T, flights.charge, detector.field)


def pace(flights: Flights) -> Float[np.ndarray, " n"]:
    """ns per mm of transverse path."""
    transverse = np.maximum(np.hypot(flights.momentum[:, 0], flights.momentum[:, 1]), 1e-9)
    return energy_of(flights.momentum, flights.mass) / transverse / LIGHT
