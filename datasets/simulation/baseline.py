"""Rule-based particle flow: the reconstruction that learned models are compared with.

Tracks are followed to the calorimeter, where tracks and clusters that belong together make
blocks: as many clusters as the momenta of the tracks explain. Charged candidates are taken from
the tracks alone, what a block holds beyond them makes a neutral candidate if significant, and
clusters without tracks are photons or neutral hadrons by ECAL fraction and size. The idea is that
of Thomson, NIM A 611 (2009) 25; this is not Pandora, which reclusters, and is better.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import schema
from datasets.events import Links, Table, offsets_of
from datasets.simulation import helix
from datasets.simulation.detector import CLICLike

MASSES = {211: 0.13957, 11: 0.000511, 13: 0.10566}


class Rules(NamedTuple):
    """Cuts, tuned on simulated events of all processes."""

    near: float = 150.0  # mm, how far a cluster's centre may be from a track, before its own size
    sizes: float = 3.0  # cluster sizes (rms) added to it
    budget: float = 2.0  # widths of the resolution by which clusters may exceed their tracks
    excess: float = 1.5  # widths of the resolution that make a neutral candidate
    compact: float = 20.0  # mm, rms across the line of flight of a single photon's cluster
    compact_near: float = 15.0  # mm, how far such a cluster may be from its track
    photon_fraction: float = 0.9  # least share of a photon's energy in the ECAL
    photon_size: float = 40.0  # mm, largest rms across the line of flight, others merged into it
    electron_size: float = 30.0  # mm, largest rms across the line of flight
    least_energy: float = 0.1  # GeV, of a neutral candidate


RULES = Rules()


class Blocks(NamedTuple):
    """Tracks and clusters that belong together; a block is named by the cluster it grew from."""

    of_track: Int[np.ndarray, " tracks"]  # -1: the track has no cluster
    of_cluster: Int[np.ndarray, " clusters"]  # -1: no track leads to the cluster
    excess: Float[np.ndarray, " clusters"]  # GeV in the clusters beyond the tracks, by block
    spread: Float[np.ndarray, " clusters"]  # GeV, what is expected of it by resolution alone


def reconstruct(
    tracks: Table,
    clusters: Table,
    hits: Table,
    cluster_hit: Links,
    detector: CLICLike,
    rules: Rules = RULES,
) -> tuple[Table, Links, Links]:
    """Candidates in the columns of `EventData.candidates`, and their tracks and clusters."""
    shape = _shapes(clusters, hits, cluster_hit)
    pt = helix.GEV_PER_TESLA_MM * detector.field / np.abs(tracks["omega"])
    momentum = pt * np.sqrt(1 + tracks["tanLambda"] ** 2)
    blocks = _blocks(tracks, clusters, shape, momentum, detector, rules)
    neutral = _neutrals(clusters, shape, blocks, rules)
    charged_pdg = _charged_identity(shape, momentum, blocks, rules)
    return _candidates(tracks, clusters, pt, charged_pdg, neutral, blocks)


class Shapes(NamedTuple):
    """Of clusters: energies by subdetector (GeV), muon hits, and size across the line of flight."""

    ecal: Float[np.ndarray, " clusters"]
    hcal: Float[np.ndarray, " clusters"]
    muon_hits: Int[np.ndarray, " clusters"]
    size: Float[np.ndarray, " clusters"]  # mm


def _shapes(clusters: Table, hits: Table, cluster_hit: Links) -> Shapes:
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


def _blocks(tracks, clusters, shape: Shapes, momentum, detector, rules: Rules) -> Blocks:
    """Every track starts or joins a block at its nearest cluster; then blocks take what is near.

    A cluster without tracks joins the block of the nearest track in reach, the nearest clusters
    first, as long as the block's energy stays compatible with its momentum.
    """
    track, cluster = pairs_of(tracks, clusters)
    distance = _distances(tracks, clusters, track, cluster, detector)
    compact = _electromagnetic(shape, rules) & (shape.size < rules.compact)
    reach = np.where(compact, rules.compact_near, rules.near + rules.sizes * shape.size)
    close = distance < reach[cluster]
    track, cluster, distance = track[close], cluster[close], distance[close]

    energy, n = clusters["energy"], len(clusters)
    of_track = _first_by(track, distance, cluster, len(tracks))
    matched = of_track >= 0
    expected = np.bincount(of_track[matched], momentum[matched], n)
    spread2 = resolution(momentum[matched], detector) ** 2
    spread = np.sqrt(np.bincount(of_track[matched], spread2, n))

    of_cluster = np.where(expected > 0, np.arange(n), -1)
    free = of_cluster[cluster] < 0
    track, cluster, distance = track[free], cluster[free], distance[free]
    own = _first_by(cluster, distance, track, n)[cluster] == track
    cluster, distance, block = cluster[own], distance[own], of_track[track[own]]
    order = np.lexsort((distance, block))
    cluster, block = cluster[order], block[order]
    total = energy[block] + _running_sum(block, energy[cluster])
    taken = total < expected[block] + rules.budget * spread[block]
    of_cluster[cluster[taken]] = block[taken]

    inside = of_cluster >= 0
    excess = np.bincount(of_cluster[inside], energy[inside], n) - expected
    return Blocks(of_track, of_cluster, np.where(expected > 0, excess, 0.0), spread)


def _electromagnetic(shape: Shapes, rules: Rules) -> Bool[np.ndarray, " clusters"]:
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


class Neutrals(NamedTuple):
    """Neutral candidates: the cluster that each stands on, its energy (GeV) and whether photon."""

    cluster: Int[np.ndarray, " neutrals"]
    energy: Float[np.ndarray, " neutrals"]
    photon: Bool[np.ndarray, " neutrals"]


def _neutrals(clusters: Table, shape: Shapes, blocks: Blocks, rules: Rules) -> Neutrals:
    """Clusters without a track, and what blocks hold beyond their tracks."""
    photon_like = _electromagnetic(shape, rules) & (shape.size < rules.photon_size)
    free = np.flatnonzero(blocks.of_cluster < 0)
    rich = np.flatnonzero(blocks.excess > rules.excess * blocks.spread)
    cluster = np.concatenate([free, rich])
    energy = np.concatenate([clusters["energy"][free], blocks.excess[rich]])
    photon = photon_like[cluster]
    kept = energy > rules.least_energy
    return Neutrals(cluster[kept], energy[kept], photon[kept])


def _charged_identity(
    shape: Shapes, momentum, blocks: Blocks, rules: Rules
) -> Int[np.ndarray, " tracks"]:
    """PDG code of each track: muons by chamber hits, electrons by shape and E/p, else pions."""
    inside = blocks.of_cluster >= 0
    matched = blocks.of_track >= 0

    def of_block(values) -> np.ndarray:
        total = np.bincount(blocks.of_cluster[inside], values[inside], len(inside))
        return np.where(matched, total[blocks.of_track], 0.0)

    ecal, hcal, chambers = of_block(shape.ecal), of_block(shape.hcal), of_block(shape.muon_hits)
    energy = np.maximum(ecal + hcal, 1e-9)
    ratio = energy / momentum
    narrow = matched & (shape.size < rules.electron_size)[blocks.of_track]
    shower = narrow & (ecal > 0.95 * energy) & (momentum > 0.5)
    electron = shower & (ratio > 0.75) & (ratio < 1.3)
    muon = (chambers >= 3) & (momentum > 3.0)
    return np.select([muon, electron], [13, 11], 211)


def _candidates(tracks, clusters, pt, pdg, neutral: Neutrals, blocks):
    """Charged candidates first, then neutral ones; sorted by event."""
    sign = np.sign(tracks["omega"])
    direction = np.stack([clusters[axis][neutral.cluster] for axis in "xyz"])
    direction = direction / np.linalg.norm(direction, axis=0)
    neutral_pdg = np.where(neutral.photon, 22, 130)
    mass = np.select([pdg == code for code in MASSES], list(MASSES.values()))
    momentum = neutral.energy * direction  # a calorimeter sees no mass
    # Signed codes: the particle of an electron or muon is the negative one.
    signed = np.where((pdg == 11) | (pdg == 13), -sign * pdg, sign * pdg).astype(np.int64)
    columns = {
        "pdg": np.concatenate([signed, neutral_pdg]),
        "charge": np.concatenate([sign, np.zeros(len(neutral.cluster))]),
        "px": np.concatenate([pt * np.cos(tracks["phi"]), momentum[0]]),
        "py": np.concatenate([pt * np.sin(tracks["phi"]), momentum[1]]),
        "pz": np.concatenate([pt * tracks["tanLambda"], momentum[2]]),
        "mass": np.concatenate([mass, np.zeros(len(neutral.cluster))]),
    }
    event = np.concatenate([tracks.event, clusters.event[neutral.cluster]])
    order = np.argsort(event, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    table = Table(
        offsets_of(np.bincount(event, minlength=len(tracks.counts))),
        {name: column[order] for name, column in columns.items()},
    )
    n = len(tracks)
    track, owned = _pairs_of_blocks(blocks)
    return (
        table,
        Links(place[:n], np.arange(n), np.ones(n)),
        Links(
            np.concatenate([place[track], place[n:]]),
            np.concatenate([owned, neutral.cluster]),
            np.ones(len(track) + len(neutral.cluster)),
        ),
    )


def _pairs_of_blocks(blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
    """Every cluster with the first track of its block."""
    leader = np.full(len(blocks.of_cluster), -1)
    matched = np.flatnonzero(blocks.of_track >= 0)[::-1]
    leader[blocks.of_track[matched]] = matched
    owned = np.flatnonzero(blocks.of_cluster >= 0)
    return leader[blocks.of_cluster[owned]], owned
