"""Blocks of the baseline: the tracks and clusters that seem to come from the same particles.

Written for `baseline`, whose first step it is: how far a cluster may be from
a track, how much energy a track explains, and what happens where showers overlap.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import schema
from datasets.events import Links, Table
from datasets.simulation.detector import CLICLike
from datasets.simulation.tracker import helix


class Rules(NamedTuple):
    """Cuts, tuned on simulated events of all processes."""

    near: float = 200.0  # mm, how far a cluster's centre may be from a track, before its own size
    sizes: float = 3.0  # cluster sizes (rms) added to it
    budget: float = 2.5  # widths of the resolution by which clusters may exceed their tracks
    lack: float = 1.0  # widths of the resolution that make a block join one with too much
    excess: float = 1.0  # widths of the resolution that make a neutral candidate
    compact: float = 20.0  # mm, rms across the line of flight of a single photon's cluster
    compact_near: float = 15.0  # mm, how far such a cluster may be from its track
    photon_fraction: float = 0.9  # least share of a photon's energy in the ECAL
    photon_size: float = 40.0  # mm, largest rms across the line of flight, others merged into it
    electron_size: float = 30.0  # mm, largest rms across the line of flight
    least_energy: float = 0.1  # GeV, of a neutral candidate
    chambers: int = 3  # muon hits of a muon's cluster
    muon_energy: float = 3.0  # GeV, least momentum of a muon
    muon_deposit: float = 2.5  # GeV that a muon leaves
    photon_response: float = 0.98  # cluster energy over that of a photon
    # Clusters of a hadron hold 1 / (1 + lack / sqrt(E/GeV)) of its energy.
    charged_lack: float = 0.05
    neutral_lack: float = 0.15


RULES = Rules()


class Blocks(NamedTuple):
    """Tracks and clusters that belong together; a block is named by the cluster it grew from."""

    nearest: Int[np.ndarray, " tracks"]  # the cluster of each track; -1: it has none
    of_track: Int[np.ndarray, " tracks"]  # -1: the track has no cluster
    of_cluster: Int[np.ndarray, " clusters"]  # -1: no track leads to the cluster
    excess: Float[np.ndarray, " clusters"]  # GeV in the clusters beyond the tracks, by block
    spread: Float[np.ndarray, " clusters"]  # GeV, what is expected of it by resolution alone


class Shapes(NamedTuple):
    """Of clusters: energies by subdetector (GeV), muon hits, and size across the line of flight."""

    ecal: Float[np.ndarray, " clusters"]
    hcal: Float[np.ndarray, " clusters"]
    muon_hits: Int[np.ndarray, " clusters"]
    size: Float[np.ndarray, " clusters"]  # mm


def shapes(clusters: Table, hits: Table, cluster_hit: Links) -> Shapes:
    of, hit = cluster_hit.source, cluster_hit.target
    n = len(clusters)
    energy, where = hits["energy"][hit], hits["subdetector"][hit]
    centre = np.stack([clusters[axis] for axis in "xyz"])
    flight = centre / np.linalg.norm(centre, axis=0)
    square, along = np.zeros((2, len(of)), np.float32)
    for k, axis in enumerate("xyz"):
        away = hits[axis][hit] - centre[k].astype(np.float32)[of]
        square += away * away
        along += away * flight[k].astype(np.float32)[of]
    across2 = np.bincount(of, energy * (square - along * along), n) / clusters["energy"]
    return Shapes(
        np.bincount(of, energy * (where == schema.ECAL), n),
        np.bincount(of, energy * (where == schema.HCAL), n),
        np.bincount(of[where == schema.OTHER], minlength=n),
        np.sqrt(np.maximum(across2, 0)),
    )


def resolution(energy: Float[np.ndarray, " n"], detector: CLICLike) -> Float[np.ndarray, " n"]:
    """Expected spread (GeV) of the calorimeter energy of a charged hadron."""
    return np.hypot(
        detector.hadron_stochastic * np.sqrt(np.maximum(energy, 0.01)),
        detector.hadron_constant * energy,
    )


def hadron_response(energy: Float[np.ndarray, " n"], lack: float) -> Float[np.ndarray, " n"]:
    """Share of the energy of a hadron that ends up in clusters: less of a soft one."""
    return 1 / (1 + lack / np.sqrt(np.maximum(energy, 0.25)))


def _expected(momentum, of_track, shape: Shapes, detector: CLICLike, rules: Rules):
    """What each track leaves in clusters, and the spread of it (GeV): muons little."""
    chambers = picked(shape.muon_hits, of_track)
    muon = (chambers >= rules.chambers) & (momentum > rules.muon_energy)
    energy = hadron_response(momentum, rules.charged_lack) * momentum
    spread = resolution(momentum, detector)
    least = np.minimum(energy, rules.muon_deposit)
    return np.where(muon, least, energy), np.where(muon, resolution(least, detector), spread)


def build(tracks, clusters, shape: Shapes, momentum, detector, rules: Rules) -> Blocks:
    """Every track starts or joins a block at its nearest cluster; then blocks take what is near.

    A cluster without tracks joins the block of the nearest track in reach, the nearest clusters
    first, as long as the block's energy stays compatible with its momentum. Last, a block that
    lacks energy joins the nearest one in reach that has too much: showers that overlap.
    """
    track, cluster = pairs_of(tracks, clusters)
    distance = _distances(tracks, clusters, track, cluster, detector)
    compact = electromagnetic(shape, rules) & (shape.size < rules.compact)
    reach = np.where(compact, rules.compact_near, rules.near + rules.sizes * shape.size)
    close = distance < reach[cluster]
    pairs = Pairs(track[close], cluster[close], distance[close])

    energy, n = clusters["energy"], len(clusters)
    nearest = _first_by(pairs.track, pairs.distance, pairs.cluster, len(tracks))
    left, uncertain = _expected(momentum, nearest, shape, detector, rules)

    def of_tracks(block) -> tuple[np.ndarray, np.ndarray]:
        on = block >= 0
        expected, spread2 = (np.bincount(block[on], v[on], n) for v in (left, uncertain**2))
        return expected, np.sqrt(spread2)

    expected, spread = of_tracks(nearest)
    most = expected + rules.budget * spread
    of_cluster = _taken(pairs, nearest, energy, expected > 0, most)
    excess = sums_of(of_cluster, energy, n) - expected
    joined = _joined(pairs, nearest, of_cluster, excess, spread, rules)
    of_track, of_cluster = (picked(joined, block, -1) for block in (nearest, of_cluster))
    expected, spread = of_tracks(of_track)
    excess = np.where(expected > 0, sums_of(of_cluster, energy, n) - expected, 0.0)
    return Blocks(nearest, of_track, of_cluster, excess, spread)


class Pairs(NamedTuple):
    """Tracks and clusters in reach of each other, and how far they are apart (mm)."""

    track: Int[np.ndarray, " pairs"]
    cluster: Int[np.ndarray, " pairs"]
    distance: Float[np.ndarray, " pairs"]

    def where(self, chosen: Bool[np.ndarray, " pairs"]) -> "Pairs":
        return Pairs(*(column[chosen] for column in self))


def _taken(pairs: Pairs, nearest, energy, has_track, most) -> Int[np.ndarray, " clusters"]:
    """The block of each cluster: itself where it has a track, else that of its nearest track.

    By increasing distance, as long as the energy of the block stays below `most`.
    """
    n = len(energy)
    of_cluster = np.where(has_track, np.arange(n), -1)
    pairs = pairs.where(~has_track[pairs.cluster])
    own = _first_by(pairs.cluster, pairs.distance, pairs.track, n)[pairs.cluster] == pairs.track
    pairs = pairs.where(own)
    block = nearest[pairs.track]
    order = np.lexsort((pairs.distance, block))
    cluster, block = pairs.cluster[order], block[order]
    total = energy[block] + _running_sum(block, energy[cluster])
    taken = total < most[block]
    of_cluster[cluster[taken]] = block[taken]
    return of_cluster


def _joined(pairs: Pairs, nearest, of_cluster, excess, spread, rules: Rules):
    """For each block the one that it becomes part of; itself for most."""
    poor, rich = excess < -rules.lack * spread, excess > rules.excess * spread
    block, other = nearest[pairs.track], of_cluster[pairs.cluster]
    fits = (other >= 0) & poor[block] & rich[other] & (spread[block] > 0)
    joined = np.arange(len(of_cluster))
    best = _first_by(block[fits], pairs.distance[fits], other[fits], len(joined))
    return np.where(best >= 0, best, joined)


def sums_of(group, values, n: int) -> Float[np.ndarray, " n"]:
    inside = group >= 0
    return np.bincount(group[inside], values[inside], n)


def electromagnetic(shape: Shapes, rules: Rules) -> Bool[np.ndarray, " clusters"]:
    """Nearly all energy in the ECAL."""
    return shape.ecal > rules.photon_fraction * (shape.ecal + shape.hcal)


def pairs_of(a: Table, b: Table) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of rows of the same event."""
    pairs_of_row = b.counts[a.event]
    row = np.repeat(np.arange(len(a)), pairs_of_row)
    first = np.cumsum(pairs_of_row) - pairs_of_row
    within = np.arange(len(row)) - first[row]
    return row, b.offsets[a.event[row]] + within


def _distances(tracks, clusters, track, cluster, detector) -> Float[np.ndarray, " pairs"]:
    """From the cluster's centre to the line on which the track enters the calorimeter."""
    names = ("D0", "Z0", "phi", "omega", "tanLambda")
    path = helix.path_of_perigee(helix.Perigee(*(tracks[name] for name in names)))
    face = helix.to_face(path, detector.barrel_face, detector.endcap_face)
    away = np.stack(
        [clusters[axis][cluster] - face.position[track, k] for k, axis in enumerate("xyz")], axis=1
    )
    along = np.einsum("ij,ij->i", away, face.direction[track])
    across = np.sqrt(np.maximum(np.einsum("ij,ij->i", away, away) - along**2, 0))
    return np.where(face.arrives[track] & (along > -50), across, np.inf)


def picked(values, row, missing=0) -> np.ndarray:
    """Values of these rows; `missing` for row -1."""
    return np.append(values, missing)[row]


def _first_by(group, value, label, n: int) -> Int[np.ndarray, " n"]:
    """For each group the label with the smallest value, -1 for empty groups."""
    order = np.lexsort((value, group))
    out = np.full(n, -1)
    # Written from the back, the smallest stays.
    out[group[order][::-1]] = label[order][::-1]
    return out


def _running_sum(group, value) -> np.ndarray:
    """Cumulative sum within runs of equal `group`."""
    total = np.cumsum(value)
    start = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]])[: len(group)])
    before = (total - value)[start]
    return total - np.repeat(before, np.diff(np.append(start, len(group))))
