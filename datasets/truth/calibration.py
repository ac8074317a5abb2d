"""What particles leave in the calorimeters on average: how deposits become momenta, and back.

Fitted to events that nothing is measured on. Curves go through the medians (of momentum over
deposit, of neutral particles) or means (of deposit over momentum, of those with a track) of
groups of equally many particles, linear in the logarithm of the energy between them, constant
beyond them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.events import EventData, Links
from datasets.schema import TRACKER
from datasets.truth.truth import Truth, to_hits

PHOTON, HADRON, MUON = 0, 1, 2  # how a particle showers
LEAST_TRACK = 0.5  # share of a track's hits from which on the track is the particle's
GROUP, MOST_GROUPS = 50, 12  # particles of a group, and groups of a curve


class Showers(NamedTuple):
    """Visible particles as the calorimeters see them (GeV), by kind."""

    kind: Int[np.ndarray, " visible"]
    track: Int[np.ndarray, " visible"]  # row of its best track; -1: none with enough of its hits
    momentum: Float[np.ndarray, " visible"]
    in_hits: Float[np.ndarray, " visible"]  # all that it left in the calorimeters
    in_clusters: Float[np.ndarray, " visible"]

    @property
    def tracked(self) -> Bool[np.ndarray, " visible"]:
        return self.track >= 0


class Curve(NamedTuple):
    """A value that depends on an energy (GeV)."""

    energy: Float[np.ndarray, " groups"]
    value: Float[np.ndarray, " groups"]

    def at(self, energy: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return np.interp(np.log(np.maximum(energy, 1e-6)), np.log(self.energy), self.value)


class Calibration(NamedTuple):
    """Curves of photon-like and hadron-like particles; the last two have those of muons too."""

    of_hits: tuple[Curve, ...]  # momentum over deposit in hits
    of_clusters: tuple[Curve, ...]  # momentum over deposit in clusters
    response: tuple[Curve, ...]  # mean deposit in clusters over momentum, of who has a track
    spread: tuple[Curve, ...]  # standard deviation of that


def showers(events: EventData, found: Truth) -> Showers:
    """The visible particles of events, in the order of `found.rows`."""
    n = len(found.rows)
    deposits = to_hits(found, len(events.hits))
    seen = events.hits["subdetector"][deposits.target] != TRACKER
    code = np.abs(events.particles["pdg"][found.rows])
    return Showers(
        np.select([(code == 22) | (code == 11), code == 13], [PHOTON, MUON], HADRON),
        _best_track(found.to_track, n),
        np.linalg.norm(found.p4[:, :3], axis=1),
        np.bincount(deposits.source[seen], deposits.weight[seen], n),
        np.bincount(found.to_cluster.source, found.to_cluster.weight, n),
    )


def calibrate(parts: Sequence[Showers]) -> Calibration:
    """The curves of these particles together. Neutral is here who has no track.

    Raises ValueError where there is no particle without a track to learn from.
    """
    seen = Showers(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    if not (~seen.tracked & (seen.in_clusters > 0)).any():
        raise ValueError("no neutral particle to calibrate the calorimeters with: more events")
    charged = [_response(seen, seen.tracked & (seen.kind == kind)) for kind in range(3)]
    response, spread = zip(*charged, strict=True)
    return Calibration(
        _to_momentum(seen, seen.in_hits), _to_momentum(seen, seen.in_clusters), response, spread
    )


def _best_track(links: Links, visible: int) -> Int[np.ndarray, " visible"]:
    best = np.full(visible, -1)
    order = np.lexsort((links.target, -links.weight))[::-1]  # the best comes last, and stays
    enough = order[links.weight[order] >= LEAST_TRACK]
    best[links.source[enough]] = links.target[enough]
    return best


def _to_momentum(seen: Showers, deposit: np.ndarray) -> tuple[Curve, ...]:
    neutral = ~seen.tracked & (deposit > 0)
    curves = []
    for kind in (PHOTON, HADRON):
        chosen = neutral & (seen.kind == kind)
        chosen = chosen if chosen.any() else neutral
        ratio = seen.momentum[chosen] / deposit[chosen]
        groups = _groups(deposit[chosen])
        curves.append(_curve(deposit[chosen], [np.median(ratio[g]) for g in groups], groups))
    return tuple(curves)


def _response(seen: Showers, chosen: np.ndarray) -> tuple[Curve, Curve]:
    """Mean and standard deviation; 0 where there is no particle of this kind."""
    if not chosen.any():
        nothing = Curve(np.ones(1), np.zeros(1))
        return nothing, nothing
    momentum = seen.momentum[chosen]
    ratio = seen.in_clusters[chosen] / momentum
    groups = _groups(momentum)
    return (
        _curve(momentum, [ratio[g].mean() for g in groups], groups),
        _curve(momentum, [ratio[g].std() for g in groups], groups),
    )


def _groups(energy: np.ndarray) -> list[np.ndarray]:
    """The particles in groups of about as many, by increasing energy."""
    number = int(np.clip(len(energy) // GROUP, 1, MOST_GROUPS))
    return np.array_split(np.argsort(energy, kind="stable"), number)


def _curve(energy: np.ndarray, values: Sequence[float], groups: Sequence[np.ndarray]) -> Curve:
    return Curve(np.array([np.median(energy[g]) for g in groups]), np.array(values))
