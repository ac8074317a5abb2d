"""Four-momenta of what comes out of a reaction: they sum to what went in."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

STEPS = 20  # of Newton's method; its error is squared in each


class Products(NamedTuple):
    """Particles that a reaction made, by reaction."""

    parent: Int[np.ndarray, " products"]  # number of the reaction
    pdg: Int[np.ndarray, " products"]
    mass: Float[np.ndarray, " products"]  # GeV
    charge: Float[np.ndarray, " products"]
    momentum: Float[np.ndarray, "products 3"]  # GeV


def joined(parts) -> Products:
    """Several as one, sorted by reaction."""
    whole = Products(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    order = np.argsort(whole.parent, kind="stable")
    return Products(*(column[order] for column in whole))


def energy_of(momentum: Float[np.ndarray, "n 3"], mass) -> Float[np.ndarray, " n"]:
    return np.sqrt(np.einsum("ij,ij->i", momentum, momentum) + mass**2)


def balanced(
    momentum: Float[np.ndarray, "n 3"],
    mass: Float[np.ndarray, " n"],
    of: Int[np.ndarray, " n"],
    total: Float[np.ndarray, " groups"],
) -> Float[np.ndarray, "n 3"]:
    """Momenta in the same proportions that sum to 0, with energies that sum to `total`, by group.

    The mean is taken off, then all of a group are scaled alike: by Newton's method from above, as
    the energy grows with the scale and is convex. `total` must exceed the sum of the masses.
    """
    groups = len(total)
    count = np.maximum(np.bincount(of, minlength=groups), 1)
    mean = np.stack([np.bincount(of, p, groups) / count for p in momentum.T], axis=1)
    momentum = momentum - mean[of]
    square = np.einsum("ij,ij->i", momentum, momentum)
    scale = total * np.sqrt(count / np.maximum(np.bincount(of, square, groups), 1e-300))
    for _ in range(STEPS):
        energy = np.sqrt(square * scale[of] ** 2 + mass**2)
        slope = scale * np.bincount(of, square / energy, groups)
        scale = scale - (np.bincount(of, energy, groups) - total) / slope
    return momentum * scale[of, None]


def boosted(
    momentum: Float[np.ndarray, "n 3"],
    energy: Float[np.ndarray, " n"],
    frame: Float[np.ndarray, "n 3"],
    frame_energy: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "n 3"]:
    """Momenta of the rest frame of something with momentum `frame`, as the laboratory sees them."""
    mass = np.sqrt(np.maximum(frame_energy**2 - np.einsum("ij,ij->i", frame, frame), 1e-30))
    along = np.einsum("ij,ij->i", momentum, frame)
    factor = (along / (frame_energy + mass) + energy) / mass
    return momentum + factor[:, None] * frame


def isotropic(n: int, rng) -> Float[np.ndarray, "n 3"]:
    """Unit vectors."""
    z, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    rho = np.sqrt(1 - z * z)
    return np.stack([rho * np.cos(phi), rho * np.sin(phi), z], axis=1)


def across(direction: Float[np.ndarray, "n 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors at right angles to each unit vector and to each other."""
    other = np.where(np.abs(direction[:, 2:3]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    first = np.cross(other, direction)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    return first, np.cross(direction, first)
