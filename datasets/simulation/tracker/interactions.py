"""Reactions with the material of the tracker: pair production, bremsstrahlung, nuclear collisions.

The nucleus takes up the little momentum that pairs and radiation lack, and binds the nucleon that
a hadron meets; everything else is conserved.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.simulation.tracker.kinematics import (
    Products,
    across,
    balanced,
    boosted,
    energy_of,
    joined,
)

ELECTRON, PION, NEUTRAL_PION, PROTON, NEUTRON = 0.000511, 0.13957, 0.13498, 0.93827, 0.93957  # GeV
BINDING = 0.008  # GeV, of the nucleon that a hadron meets
SOFTEST = 0.01  # least share of an electron's energy that counts as radiated
TRANSVERSE = 0.3  # GeV, width of each transverse component of the momenta of secondaries
PIONS = 2.2  # further pions for each unit of ln(1 + available energy / GeV)
CHARGED_PAIRS = 2 / 3  # of the further pions that come as a positive and a negative one
LEADING, OTHERS = 0.4, 0.15  # shares of the available energy along the axis
CROWDED = 0.7  # of the energy at most is in masses


def _inverse(density, x) -> tuple[np.ndarray, np.ndarray]:
    """Values x of a distribution and the probability below each, by the trapezoidal rule."""
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(x)
    below = np.concatenate([[0.0], np.cumsum(steps)])
    return below / below[-1], x


_SHARE = np.linspace(0, 1, 201)
_PAIR = _inverse(1 - 4 / 3 * _SHARE * (1 - _SHARE), _SHARE)
_LOSS = np.geomspace(SOFTEST, 1, 401)
_RADIATION = _inverse((4 / 3 - 4 / 3 * _LOSS + _LOSS**2) / _LOSS, _LOSS)

PAIRS_PER_LENGTH = 7 / 9
"""Pairs per radiation length and photon of high energy (PDG Review, passage of particles through
matter, eq. 34.32); shares of the energy follow 1 - 4/3 x (1 - x) (eq. 34.31)."""

PHOTONS_PER_LENGTH = 4 / 3 * np.log(1 / SOFTEST) - 4 / 3 * (1 - SOFTEST) + (1 - SOFTEST**2) / 2
"""Photons per radiation length with a share y above `SOFTEST` of the energy of their electron:
the integral of 1/y (4/3 - 4/3 y + y^2) (the same, eq. 34.29)."""


def convert(momentum: Float[np.ndarray, "n 3"], rng) -> Products:
    """Each photon becomes an electron and a positron along it, of the same energy together."""
    n = len(momentum)
    energy = np.linalg.norm(momentum, axis=1)
    share = np.interp(rng.random(n), *_PAIR)
    share = np.clip(share, 1.01 * ELECTRON / energy, 1 - 1.01 * ELECTRON / energy)
    return joined(
        Products(
            np.arange(n),
            np.full(n, pdg),
            np.full(n, ELECTRON),
            np.full(n, charge),
            momentum * _scale(part * energy, energy)[:, None],
        )
        for pdg, charge, part in ((11, -1.0, share), (-11, 1.0, 1 - share))
    )


def _scale(energy, momentum) -> Float[np.ndarray, " n"]:
    """Momentum of an electron of this energy (GeV) over another momentum."""
    return np.sqrt(np.maximum(energy**2 - ELECTRON**2, 0.0)) / momentum


def radiate(momentum: Float[np.ndarray, "n 3"], rng) -> tuple[Products, Float[np.ndarray, "n 3"]]:
    """A photon of each electron, along it, and the momentum with which the electron goes on."""
    n = len(momentum)
    size = np.linalg.norm(momentum, axis=1)
    energy = np.hypot(size, ELECTRON)
    photon = np.minimum(np.interp(rng.random(n), *_RADIATION) * energy, energy - 1.01 * ELECTRON)
    none = np.zeros(n)
    made = Products(np.arange(n), np.full(n, 22), none, none, momentum * (photon / size)[:, None])
    return made, momentum * _scale(energy - photon, size)[:, None]


def excess(momentum: Float[np.ndarray, "n 3"], mass) -> Float[np.ndarray, " n"]:
    """Kinetic energy (GeV) in the centre of mass of hadrons with a bound nucleon at rest."""
    energy = energy_of(momentum, mass) + PROTON - BINDING
    square = energy**2 - np.einsum("ij,ij->i", momentum, momentum)
    return np.sqrt(np.maximum(square, 0)) - mass - NEUTRON


def collide(
    pdg: Int[np.ndarray, " n"],
    mass: Float[np.ndarray, " n"],
    charge: Float[np.ndarray, " n"],
    momentum: Float[np.ndarray, "n 3"],
    rng,
) -> Products:
    """Hadrons (`excess` > 0) meet a nucleon at rest; both go on, with pions between them.

    Momentum, charge and baryon number are those of the hadron and the nucleon, the energy is
    less by `BINDING`. A pion may change its charge. In the centre of mass transverse momenta are
    limited and the longitudinal ones of the two leading particles large.
    """
    n = len(pdg)
    target_is_proton = rng.random(n) < 0.5
    target_mass = np.where(target_is_proton, PROTON, NEUTRON)
    frame_energy = energy_of(momentum, mass) + target_mass - BINDING
    total = np.sqrt(frame_energy**2 - np.einsum("ij,ij->i", momentum, momentum))

    # A pion is as good as those that are made; anything else stays what it is.
    is_pion = np.abs(pdg) == 211
    room = (CROWDED * total - mass - NEUTRON) / PION
    available = np.maximum(total - mass - NEUTRON, 0)
    wanted = rng.poisson(PIONS * np.log1p(available))
    pions = is_pion + np.clip(wanted, 0, np.maximum(room, 0).astype(np.int64))
    nucleon_is_proton = np.where(pions > 0, rng.random(n) < 0.5, target_is_proton)
    open_charge = target_is_proton * 1 - nucleon_is_proton + np.where(is_pion, charge, 0)
    missing = np.abs(open_charge) > pions
    nucleon_is_proton = np.where(missing, target_is_proton, nucleon_is_proton)
    open_charge = np.where(missing, np.where(is_pion, charge, 0), open_charge).astype(np.int64)

    kept = np.flatnonzero(~is_pion)
    nucleons = Products(
        np.arange(n),
        np.where(nucleon_is_proton, 2212, 2112),
        np.where(nucleon_is_proton, PROTON, NEUTRON),
        nucleon_is_proton.astype(np.float64),
        _momenta(-LEADING * available * _share(n, rng), rng),
    )
    leading = Products(
        kept,
        pdg[kept],
        mass[kept],
        charge[kept],
        _momenta(LEADING * available[kept] * _share(len(kept), rng), rng),
    )
    made = joined([nucleons, leading, _pions(pions, open_charge, is_pion, available, rng)])
    rest = balanced(made.momentum, made.mass, made.parent, total)
    along = momentum / np.linalg.norm(momentum, axis=1, keepdims=True)
    axes = [axis[made.parent] for axis in (*across(along), along)]
    rest = sum(p[:, None] * axis for p, axis in zip(rest.T, axes, strict=True))
    final = boosted(
        rest, energy_of(rest, made.mass), momentum[made.parent], frame_energy[made.parent]
    )
    return made._replace(momentum=final)


def _pions(count, charge, has_leading: Bool[np.ndarray, " n"], available, rng) -> Products:
    """So many pions of that charge together: first those that carry it, then pairs."""
    of = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
    carries = number < np.abs(charge)[of]
    beyond = number - np.abs(charge)[of]
    paired = ~carries & (beyond - beyond % 2 + 1 < (count - np.abs(charge))[of])
    pair_is_charged = rng.random((len(count), int(count.max(initial=0)) // 2 + 1)) < CHARGED_PAIRS
    paired &= pair_is_charged[of, np.maximum(beyond, 0) // 2]
    sign = np.where(carries, np.sign(charge)[of], paired * (1 - 2 * (beyond % 2)))
    along = OTHERS * available[of] * rng.standard_normal(len(of))
    # Any one of them, whatever its charge, leads.
    leads = np.flatnonzero(has_leading)
    leader = (np.cumsum(count) - count)[leads] + (rng.random(len(leads)) * count[leads]).astype(int)
    along[leader] = LEADING * available[leads] * _share(len(leads), rng)
    return Products(
        of,
        np.where(sign == 0, 111, 211 * sign),
        np.where(sign == 0, NEUTRAL_PION, PION),
        sign.astype(np.float64),
        _momenta(along, rng),
    )


def _share(n: int, rng) -> Float[np.ndarray, " n"]:
    """Of mean 1."""
    return rng.standard_gamma(2.0, n) / 2


def _momenta(along, rng) -> Float[np.ndarray, "n 3"]:
    """With these components along the z axis (GeV) and limited ones across."""
    across_it = TRANSVERSE * rng.standard_normal((len(along), 2))
    return np.concatenate([across_it, along[:, None]], axis=1)
