"""Muons in a tracker in which nothing happens on the way."""

from dataclasses import replace

import numpy as np

from datasets.events import Table
from datasets.simulation.detector import CLICLike

# Nothing happens on the way.
CLEAR = replace(
    CLICLike(), beam_pipe_material=0.0, vertex_material=0.0, tracker_material=0.0, tracker_noise=0.0
)


def muons(momentum, events: int) -> Table:
    n = len(momentum)
    columns = {
        "pdg": np.full(n, 13),
        **dict(zip(("px", "py", "pz"), momentum.T, strict=True)),
        "mass": np.full(n, 0.10566),
        "charge": np.full(n, -1.0),
        "generator_status": np.ones(n, np.int64),
        "simulator_status": np.zeros(n, np.int64),
    }
    return Table(np.linspace(0, n, events + 1).astype(np.int64), columns)


def central(n: int, low: float, high: float, rng) -> np.ndarray:
    """Momenta with |eta| < 1."""
    pt = np.exp(rng.uniform(np.log(low), np.log(high), n))
    phi, eta = rng.uniform(-np.pi, np.pi, n), rng.uniform(-1, 1, n)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1)
