"""Noise of the calorimeters: cells that are over threshold although no particle is in them."""

import numpy as np
from jaxtyping import Int

from datasets.simulation.calorimeter.cells import geometry
from datasets.simulation.calorimeter.faces import SECTORS, normals
from datasets.simulation.calorimeter.showers import Spots
from datasets.simulation.detector import CLICLike

NOBODY = -1  # the particle of a spot of noise
OVER = 0.1  # mean excess over the threshold, in thresholds


def noise(
    events: int, detector: CLICLike, rng: np.random.Generator
) -> tuple[Spots, Int[np.ndarray, " spots"]]:
    """Spots at random places and times in random layers of ECAL and HCAL, and their events.

    Their number in an event is Poisson of the detector's rates, which are an assumption: the
    full-simulation events at hand have no noise.
    """
    layout = geometry(detector)
    ecal = rng.poisson(detector.ecal_noise, events)
    hcal = rng.poisson(detector.hcal_noise, events)
    event = np.repeat(np.tile(np.arange(events), 2), np.concatenate([ecal, hcal]))
    n, in_ecal = len(event), np.arange(len(event)) < ecal.sum()
    layer = np.where(
        in_ecal,
        rng.integers(0, detector.ecal_layers, n),
        detector.ecal_layers + rng.integers(0, detector.hcal_layers, n),
    )
    energy = layout.threshold[layer] * (1 + OVER * rng.standard_exponential(n))
    position = _places(layout.depth[layer], in_ecal, detector, rng)
    delay = detector.latest_hit * rng.random(n)
    f = np.float32
    return Spots(
        np.full(n, NOBODY), energy.astype(f), position.astype(f), delay.astype(f)
    ), event  # fmt: skip


def _places(depth, in_ecal, detector: CLICLike, rng) -> np.ndarray:
    """x, y, z (mm): barrel and end caps by their areas, uniform over each layer."""
    n, width = len(depth), np.tan(np.pi / SECTORS)
    away = detector.barrel_face + depth
    outer = detector.barrel_face + np.where(in_ecal, detector.ecal_depth, detector.hcal_end)
    inner = detector.endcap_inner_radius
    area = 2 * SECTORS * width * away * 2 * detector.barrel_end
    ends = 2 * np.pi * (outer**2 - inner**2)
    barrel = rng.random(n) * (area + ends) < area

    normal_x, normal_y = normals(rng.integers(0, SECTORS, n))
    across = away * width * rng.uniform(-1, 1, n)
    along = detector.barrel_end * rng.uniform(-1, 1, n)
    radius = np.sqrt(inner**2 + (outer**2 - inner**2) * rng.random(n))
    angle = rng.uniform(-np.pi, np.pi, n)
    return np.where(
        barrel,
        [away * normal_x - across * normal_y, away * normal_y + across * normal_x, along],
        [
            radius * np.cos(angle),
            radius * np.sin(angle),
            np.sign(along) * (detector.endcap_face + depth),
        ],
    )
