"""What could be reconstructed at best: momenta made with knowledge that no reconstruction has.

`floor` is a detector that separates perfectly: every visible particle has its track, or all that
it left in the calorimeters and nothing of others. What remains is resolution, and what was never
seen. `oracle` is perfect association: it knows whose energy is in a cluster, and in which shares,
but of a charged shower only how large such showers are on average. What a cluster c holds beyond
them is neutral:

    left_c = E_c - sum_h r(p_h) p_h s_hc           h: particles with a track
    left_c = 0 where it is below sqrt(sum_h (sigma(p_h) p_h s_hc)^2)

s_hc is the true share of particle h in cluster c of all that it left in clusters, r and sigma are
the mean and the spread of such showers (`calibration`). Neutral particles divide left_c by their
true shares. Both know directions and masses of the particles, and measure their momenta.
"""

import numpy as np
from jaxtyping import Float

from datasets.constants import GEV_PER_TESLA_MM
from datasets.events import EventData, Table, offsets_of
from datasets.truth.calibration import HADRON, PHOTON, Calibration, Curve, Showers
from datasets.truth.truth import Truth


def floor(events: EventData, found: Truth, seen: Showers, calibration: Calibration) -> Table:
    """Perfect separation: momenta of the visible particles in columns schema.JET_FEATURES.

    A particle with neither track nor deposits has no energy.
    """
    momentum = calibrated(seen.in_hits, seen, calibration.of_hits)
    return _momenta(events, found, seen, momentum)


def oracle(events: EventData, found: Truth, seen: Showers, calibration: Calibration) -> Table:
    """Perfect association: the same columns."""
    in_clusters = neutral_energy(events, found, seen, calibration)
    momentum = calibrated(in_clusters, seen, calibration.of_clusters)
    return _momenta(events, found, seen, momentum)


def neutral_energy(
    events: EventData, found: Truth, seen: Showers, calibration: Calibration
) -> Float[np.ndarray, " visible"]:
    """GeV in clusters that the oracle gives to each particle; 0 to those with a track."""
    particle, cluster = found.to_cluster.source, found.to_cluster.target
    share = found.to_cluster.weight / seen.in_clusters[particle]
    mean, spread = (
        _of_kinds(curves, seen) for curves in (calibration.response, calibration.spread)
    )
    charged = seen.tracked[particle]

    def summed(values: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.bincount(cluster[of], values[of], len(events.clusters))

    taken = summed(share * (mean * seen.momentum)[particle], charged)
    sigma = np.sqrt(summed((share * (spread * seen.momentum)[particle]) ** 2, charged))
    left = events.clusters["energy"] - taken
    left = np.where(left > sigma, left, 0.0)
    of_neutrals = summed(found.to_cluster.weight, ~charged)
    part = found.to_cluster.weight[~charged] / of_neutrals[cluster[~charged]]
    return np.bincount(particle[~charged], left[cluster[~charged]] * part, len(seen.kind))


def calibrated(
    deposit: Float[np.ndarray, " visible"], seen: Showers, curves: tuple[Curve, ...]
) -> Float[np.ndarray, " visible"]:
    """Momenta (GeV) of what particles left, by the curves of photons and of hadrons."""
    photon, hadron = (curves[kind].at(deposit) for kind in (PHOTON, HADRON))
    return deposit * np.where(seen.kind == PHOTON, photon, hadron)


def _of_kinds(curves: tuple[Curve, ...], seen: Showers) -> Float[np.ndarray, " visible"]:
    return np.choose(seen.kind, [curve.at(seen.momentum) for curve in curves])


def _momenta(events: EventData, found: Truth, seen: Showers, momentum: np.ndarray) -> Table:
    """Tracks where there are some, else `momentum` along the true direction."""
    p = found.p4[:, :3] * (momentum / seen.momentum)[:, None]
    tracks, rows = events.tracks, seen.track[seen.tracked]
    pt = GEV_PER_TESLA_MM * np.abs(events.field / tracks["omega"][rows].astype(np.float64))
    phi = tracks["phi"][rows].astype(np.float64)
    along = np.stack([np.cos(phi), np.sin(phi), tracks["tanLambda"][rows].astype(np.float64)])
    p[seen.tracked] = (pt * along).T
    p2 = (p**2).sum(axis=1)
    mass2 = np.maximum(found.p4[:, 3] ** 2 - (found.p4[:, :3] ** 2).sum(axis=1), 0.0)
    pt = np.hypot(p[:, 0], p[:, 1])
    columns = {
        "pt": pt,
        "eta": np.arcsinh(p[:, 2] / np.where(pt > 0, pt, 1.0)),
        "phi": np.arctan2(p[:, 1], p[:, 0]),
        "energy": np.where(p2 > 0, np.sqrt(p2 + mass2), 0.0),
    }
    event = events.particles.event[found.rows]
    return Table(offsets_of(np.bincount(event, minlength=events.events)), columns)
