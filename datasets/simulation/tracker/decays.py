"""Decays in flight of what lives long enough to meet the tracker.

Masses, lifetimes and fractions: PDG Review. Kaons keep their three largest groups of channels.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from datasets.simulation.tracker.kinematics import Products, balanced, boosted, energy_of, isotropic

MASS = {
    11: 0.000511, 12: 0.0, 13: 0.10566, 14: 0.0, 22: 0.0, 111: 0.13498, 211: 0.13957,
}  # fmt: skip
PER_CHARGE = {11: -1.0, 13: -1.0, 211: 1.0}  # charge of the positive code


class Channel(NamedTuple):
    """What a particle, not its antiparticle, becomes."""

    fraction: float
    products: tuple[int, ...]


CTAU = {111: 0.0, 211: 7804.5, 321: 3711.0, 130: 15338.0}  # mm
CHANNELS = {
    111: (Channel(1.0, (22, 22)),),
    211: (Channel(1.0, (-13, 14)),),
    321: (
        Channel(0.66, (-13, 14)),
        Channel(0.22, (211, 111)),
        Channel(0.06, (211, 211, -211)),
        Channel(0.06, (111, -11, 12)),
    ),
    130: (
        Channel(0.20, (211, 11, -12)),
        Channel(0.20, (-211, -11, 12)),
        Channel(0.14, (211, 13, -14)),
        Channel(0.14, (-211, -13, 14)),
        Channel(0.19, (111, 111, 111)),
        Channel(0.13, (211, -211, 111)),
    ),
}


def decay_length(pdg: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """c tau (mm); inf for everything that does not decay here."""
    code = np.abs(pdg)
    length = np.full(len(code), np.inf)
    for species, ctau in CTAU.items():
        length[code == species] = ctau
    return length


def decay(
    pdg: Int[np.ndarray, " n"],
    mass: Float[np.ndarray, " n"],
    momentum: Float[np.ndarray, "n 3"],
    rng,
) -> Products:
    """Products of particles of the species in `CTAU`: isotropic, of random shares of momentum."""
    parent, code = _codes(pdg, rng)
    of_mass = _look_up(MASS, np.abs(code))
    charge = _look_up(PER_CHARGE, np.abs(code)) * np.sign(code)
    size = rng.standard_exponential(len(code))[:, None]
    rest = balanced(size * isotropic(len(code), rng), of_mass, parent, mass)
    final = boosted(
        rest, energy_of(rest, of_mass), momentum[parent], energy_of(momentum, mass)[parent]
    )
    return Products(parent, code, of_mass, charge, final)


def _codes(pdg, rng) -> tuple[np.ndarray, np.ndarray]:
    """Parents and PDG codes of the products, sorted by parent."""
    draw = rng.random(len(pdg))
    parents, codes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for species, channels in CHANNELS.items():
        mine = np.flatnonzero(np.abs(pdg) == species)
        chosen = np.digitize(draw[mine], np.cumsum([c.fraction for c in channels[:-1]]))
        for number, channel in enumerate(channels):
            rows = mine[chosen == number]
            # An antiparticle becomes the antiparticles; those of 22, 111 and 130 are themselves.
            sign = np.where(pdg[rows] > 0, 1, -1)[:, None]
            products = np.array(channel.products)
            own = np.isin(np.abs(products), (22, 111))
            parents.append(np.repeat(rows, len(products)))
            codes.append(np.where(own, products, sign * products).ravel())
    parent, code = np.concatenate(parents), np.concatenate(codes)
    order = np.argsort(parent, kind="stable")
    return parent[order], code[order]


def _look_up(values: dict[int, float], code) -> Float[np.ndarray, " n"]:
    """The value of each code, 0 for codes that have none."""
    out = np.zeros(len(code))
    for key, value in values.items():
        out[code == key] = value
    return out
