"""What a track fit makes of the hits: parameters with errors, chi2 and energy loss."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix


class Prints(NamedTuple):
    """Particles with hits on their first half turn, and what their tracks would be made of."""

    row: Int[np.ndarray, " n"]  # of the particle
    hits: Int[np.ndarray, " n"]
    innermost: Float[np.ndarray, " n"]  # mm
    outermost: Float[np.ndarray, " n"]  # mm
    kink: Float[np.ndarray, " n"]  # mean curvature of the hits over that at the start
    displaced: Bool[np.ndarray, " n"]  # first hits lost for the sake of the impact parameter


def measured(
    true: helix.Perigee, pt, momentum, prints: Prints, detector: CLICLike, rng
) -> helix.Perigee:
    """The true state with the errors of the measurement.

    Momentum: sigma(pT)/pT = a pT (+) b in three ranges of |eta| (CLICdet Delphes card), worse by
    the square of the lever arm that is missing, and with fewer than 12 hits as 1 / sqrt(hits + 4)
    (Gluckstern, NIM 24 (1963) 381). Impact parameters: 5 um (+) 15 um GeV /
    (p sin^1.5 theta), larger without vertex hits. All with a few percent of wide tails. What an
    electron radiates on its way bends it more: the fit sees the mean curvature.
    """
    eta = np.abs(np.arcsinh(true.tanLambda))
    sine = 1 / np.sqrt(1 + true.tanLambda**2)
    zone = np.digitize(eta, [0.69, 1.32])
    slope = np.array([1.33e-5, 1.88e-5, 8.56e-5])[zone]
    floor = np.array([2.1e-3, 2.4e-3, 1.49e-2])[zone]
    lever = np.clip((prints.outermost - prints.innermost) / 1100.0, 0.15, 1.0)
    fewer = np.sqrt(16 / (prints.hits + 4))
    relative = np.hypot(slope * pt / lever**2, floor / np.sqrt(lever)) * fewer
    late = 1 + (prints.innermost / 60.0) ** 1.5 * (prints.innermost > 61)
    impact = np.hypot(0.005, 0.015 / (momentum * sine**1.5)) * late
    angle = np.hypot(3e-5, 6e-4 / momentum) * np.sqrt(late)

    def smear(width):
        return width * rng.standard_normal(len(pt)) * _tail(rng, len(pt), 0.04, 1.0)

    return helix.Perigee(
        true.D0 + smear(impact),
        true.Z0 + smear(impact / sine),
        np.mod(true.phi + smear(angle) + np.pi, 2 * np.pi) - np.pi,
        # Smeared in 1/pT, as it is measured; never through zero, which would be no momentum.
        true.omega * prints.kink * np.maximum(1 + smear(relative), 0.1),
        true.tanLambda + smear(angle / sine**2),
    )


def spoilt(state: helix.Perigee, borrowed, extra, rng) -> helix.Perigee:
    """Hits of others pull a track off its particle, the few hits of additional tracks further.

    Sizes as in the full-simulation event in CLD: additional tracks lose up to a factor of 20 in pt,
    and are off by 0.1 to 1 mm in D0 and Z0.
    """
    n = len(extra)
    off = np.where(extra, 0.4, borrowed**2)
    bent = np.exp(np.where(extra, 3 * rng.random(n), 8 * off * rng.standard_normal(n)))
    return state._replace(
        D0=state.D0 + off * rng.standard_normal(n),
        Z0=state.Z0 + 2 * off * rng.standard_normal(n),
        omega=state.omega * bent,
        tanLambda=state.tanLambda + 0.05 * off * rng.standard_normal(n),
    )


def misfit(kink, wrong, rng) -> Float[np.ndarray, " n"]:
    """Factors of chi2: tails, electrons that lose energy, and hits that belong elsewhere."""
    n = len(kink)
    elsewhere = np.exp(np.where(wrong, 3.0 + rng.standard_normal(n), 0.0))
    return elsewhere * (1 + 10 * np.clip(np.abs(kink) - 1, 0, 1)) * _tail(rng, n, 0.06, 1.5)


def _tail(rng, n: int, fraction: float, spread: float) -> Float[np.ndarray, " n"]:
    """Factors that are 1 except for a `fraction`, which follow 1 + an exponential of log scale."""
    return np.where(rng.random(n) < fraction, np.exp(spread * rng.standard_exponential(n)), 1.0)


def energy_loss(momentum, mass, prints: Prints, rng):
    """Truncated-mean energy loss in silicon [GeV/mm] and its error; Bethe's shape in beta gamma."""
    beta_gamma = momentum / np.maximum(mass, 5e-4)
    beta2 = beta_gamma**2 / (1 + beta_gamma**2)
    # Its rise ends where delta rays leave the layer; 0.39 keV/um at the minimum.
    bethe = 2.7e-5 / beta2 * (13.0 + np.log(np.minimum(beta_gamma, 60.0) ** 2) - beta2)
    error = bethe * 0.25 / np.sqrt(prints.hits)
    return bethe + error * rng.standard_normal(len(momentum)), error
