"""Reconstructed tracks: which particles leave one, and how well it is measured."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.events import Links, Table, offsets_of
from datasets.simulation import helix
from datasets.simulation.detector import CLICLike
from datasets.simulation.material import material_radius
from datasets.simulation.showers import HADRON_LIKE, kind_of


class Footprint(NamedTuple):
    """Hits in the tracker: how many, and the radius (mm) of the innermost and outermost."""

    hits: Int[np.ndarray, " n"]
    innermost: Float[np.ndarray, " n"]
    outermost: Float[np.ndarray, " n"]


def footprint(path: helix.Path, end: Float[np.ndarray, " n"], detector: CLICLike, rng) -> Footprint:
    """The layers crossed on the first half turn, each seen with the single-hit efficiency.

    `end` is the radius (mm) at which the particle interacts.
    """
    born = np.hypot(path.x, path.y)
    radii = np.array([r for r, _ in detector.barrel_layers])
    half = np.array([length for _, length in detector.barrel_layers])
    on_barrel = np.stack([helix.to_radius(path, r) for r in radii], axis=1)
    reached = np.isfinite(on_barrel) & (radii > born[:, None])
    z = path.z[:, None] + path.slope[:, None] * np.where(reached, on_barrel, 0.0)
    crossed_barrel = reached & (np.abs(z) < half)

    planes, inner, outer = (np.array(column) for column in zip(*detector.disks, strict=True))
    forward = np.where(path.slope >= 0, 1.0, -1.0)[:, None]
    slope = np.where(path.slope == 0, 1e-12, path.slope)[:, None]
    s = (forward * planes - path.z[:, None]) / slope
    half_turn = np.pi / np.maximum(np.abs(path.turn), 1e-12)[:, None]
    ahead = (s > 0) & (s < half_turn)
    shaped = helix.Path(*(column[:, None] for column in path))
    x, y, _, _ = helix.at(shaped, np.where(ahead, s, 0.0))
    r = np.hypot(x, y)
    crossed_disk = ahead & (r > inner) & (r < outer)

    radius = np.concatenate([np.broadcast_to(radii, on_barrel.shape), r], axis=1)
    seen = np.concatenate([crossed_barrel, crossed_disk], axis=1)
    seen &= (rng.random(seen.shape) < detector.hit_efficiency) & (radius <= end[:, None])
    return Footprint(
        seen.sum(axis=1),
        np.where(seen, radius, np.inf).min(axis=1),
        np.where(seen, radius, 0.0).max(axis=1),
    )


def reconstruct(
    particles: Table, path: helix.Path, detector: CLICLike, rng: np.random.Generator
) -> tuple[Table, Links]:
    """Tracks of charged particles in the columns of `EventData.tracks`, and their particles.

    Hadrons that interact in the tracker leave short tracks or none; their energy still goes to
    the calorimeter at the place where they would have gone.
    """
    charged = np.flatnonzero(particles["charge"] != 0)
    path = helix.Path(*(column[charged] for column in path))
    pt = helix.GEV_PER_TESLA_MM * detector.field / np.abs(path.turn)
    momentum = pt * np.sqrt(1 + path.slope**2)
    end = _interaction_radius(particles["pdg"][charged], path, detector, rng)
    prints = footprint(path, end, detector, rng)
    found = _found(pt, prints, detector, rng)

    owner = charged[found]
    path = helix.Path(*(column[found] for column in path))
    prints = Footprint(*(column[found] for column in prints))
    pt, momentum = pt[found], momentum[found]
    state = _measured(helix.perigee(path), pt, momentum, prints, detector, rng)
    ndf = 2 * prints.hits - 5
    energy_loss, loss_error = _energy_loss(momentum, particles["mass"][owner], prints, rng)
    tracks = {
        "type": np.ones(len(owner), np.int64),
        "chi2": rng.chisquare(ndf) * _tail(rng, len(owner), 0.06, 1.5),
        "ndf": ndf.astype(np.float64),
        "dEdx": energy_loss,
        "dEdxError": loss_error,
        "radiusOfInnermostHit": prints.innermost,
        **state._asdict(),
        "time": np.full(len(owner), -1.0),  # the silicon tracker gives tracks no time
    }
    offsets = offsets_of(np.bincount(particles.event[owner], minlength=len(particles.counts)))
    link = Links(np.arange(len(owner)), owner, np.ones(len(owner)))
    return Table(offsets, tracks), link


def _interaction_radius(pdg, path: helix.Path, detector: CLICLike, rng):
    """Radius (mm) of the layer in which a hadron interacts; inf for all that do not."""
    depth = detector.tracker_interaction_lengths * np.sqrt(1 + path.slope**2)
    hadron = kind_of(pdg) == HADRON_LIKE
    interacts = hadron & (rng.random(len(pdg)) < -np.expm1(-depth))
    return np.where(interacts, material_radius(len(pdg), detector, rng), np.inf)


def _found(pt, prints: Footprint, detector: CLICLike, rng) -> Bool[np.ndarray, " n"]:
    """Enough hits, and the pattern recognition succeeds: less often for soft and late tracks."""
    efficiency = detector.track_efficiency * (1 - np.exp(-pt / 0.06))
    efficiency = efficiency * np.where(prints.innermost > 100, 0.85, 1.0)
    return (prints.hits >= detector.fewest_track_hits) & (rng.random(len(pt)) < efficiency)


def _measured(
    true: helix.Perigee, pt, momentum, prints: Footprint, detector: CLICLike, rng
) -> helix.Perigee:
    """The true state with the errors of the measurement.

    Momentum: sigma(pT)/pT = a pT (+) b in three ranges of |eta| (CLICdet Delphes card), worse by
    the square of the lever arm that is missing. Impact parameters: 5 um (+) 15 um GeV /
    (p sin^1.5 theta), larger without vertex hits. All with a few percent of wide tails.
    """
    eta = np.abs(np.arcsinh(true.tanLambda))
    sine = 1 / np.sqrt(1 + true.tanLambda**2)
    zone = np.digitize(eta, [0.69, 1.32])
    slope = np.array([1.33e-5, 1.88e-5, 8.56e-5])[zone]
    floor = np.array([2.1e-3, 2.4e-3, 1.49e-2])[zone]
    lever = np.clip((prints.outermost - prints.innermost) / 1100.0, 0.15, 1.0)
    relative = np.hypot(slope * pt / lever**2, floor / np.sqrt(lever))
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
        true.omega * np.maximum(1 + smear(relative), 0.1),
        true.tanLambda + smear(angle / sine**2),
    )


def _tail(rng, n: int, fraction: float, spread: float) -> Float[np.ndarray, " n"]:
    """Factors that are 1 except for a `fraction`, which follow 1 + an exponential of log scale."""
    return np.where(rng.random(n) < fraction, np.exp(spread * rng.standard_exponential(n)), 1.0)


def _energy_loss(momentum, mass, prints: Footprint, rng):
    """Truncated-mean energy loss in silicon [GeV/mm] and its error; Bethe's shape in beta gamma."""
    beta_gamma = momentum / np.maximum(mass, 5e-4)
    beta2 = beta_gamma**2 / (1 + beta_gamma**2)
    # Its rise ends where delta rays leave the layer; 0.39 keV/um at the minimum.
    bethe = 2.7e-5 / beta2 * (13.0 + np.log(np.minimum(beta_gamma, 60.0) ** 2) - beta2)
    error = bethe * 0.25 / np.sqrt(prints.hits)
    return bethe + error * rng.standard_normal(len(momentum)), error
