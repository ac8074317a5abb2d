"""Rule-based particle flow: the reconstruction that learned models are compared with.

Tracks are followed to the calorimeter and given the clusters near them as long as these do not
exceed the track's momentum; charged particles are taken from the tracks, what the clusters hold
beyond them makes neutral candidates if significant, and clusters without tracks are photons or
neutral hadrons by their ECAL fraction. The idea is that of Thomson, NIM A 611 (2009) 25; this is
not Pandora, which reclusters, and is better.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets import schema
from datasets.events import Links, Table, offsets_of
from datasets.simulation import helix
from datasets.simulation.detector import CLICLike

MASSES = {211: 0.13957, 130: 0.49761, 22: 0.0, 11: 0.000511, 13: 0.10566}


class Rules(NamedTuple):
    """Cuts and calibrations, tuned on simulated events with other seeds than any in use."""

    near: float = 60.0  # mm, how far a cluster's centre may be from a track, before its own size
    sizes: float = 1.0  # cluster sizes (rms) added to it
    budget: float = 1.0  # widths of the resolution by which clusters may exceed a track
    excess: float = 1.5  # widths of the resolution that make a neutral candidate
    photon_fraction: float = 0.9  # of the energy in the ECAL
    photon_scale: float = 1.0
    hadron_scale: float = 1.0
    least_energy: float = 0.1  # GeV, of a neutral candidate


class Matches(NamedTuple):
    """The track of every cluster (-1: none) and the cluster nearest to every track (-1: none)."""

    track_of: Int[np.ndarray, " clusters"]
    nearest: Int[np.ndarray, " tracks"]


def reconstruct(
    tracks: Table,
    clusters: Table,
    hits: Table,
    cluster_hit: Links,
    detector: CLICLike,
    rules: Rules = Rules(),
) -> tuple[Table, Links, Links]:
    """Candidates in the columns of `EventData.candidates`, and their tracks and clusters."""
    shape = _shapes(clusters, hits, cluster_hit)
    pt = helix.GEV_PER_TESLA_MM * detector.field / np.abs(tracks["omega"])
    momentum = pt * np.sqrt(1 + tracks["tanLambda"] ** 2)
    matches = _match(tracks, clusters, shape, momentum, detector, rules)
    neutral = _neutrals(tracks, clusters, shape, momentum, matches, detector, rules)
    charged_pdg = _charged_identity(clusters, shape, momentum, matches)
    return _candidates(tracks, clusters, pt, charged_pdg, neutral, matches)


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
    centre = np.stack([clusters[axis] for axis in "xyz"], axis=1)
    away = np.stack([hits[axis][hit] for axis in "xyz"], axis=1) - centre[of]
    along = np.einsum("ij,ij->i", away, (centre / np.linalg.norm(centre, axis=1)[:, None])[of])
    across2 = np.einsum("ij,ij->i", away, away) - along**2
    return Shapes(
        np.bincount(of, energy * (where == schema.ECAL), n),
        np.bincount(of, energy * (where == schema.HCAL), n),
        np.bincount(of[where == schema.OTHER], minlength=n),
        np.sqrt(np.maximum(np.bincount(of, energy * across2, n) / clusters["energy"], 0)),
    )


def resolution(energy: Float[np.ndarray, " n"], detector: CLICLike) -> Float[np.ndarray, " n"]:
    """Expected spread (GeV) of the calorimeter energy of a charged hadron."""
    return np.hypot(
        detector.hadron_stochastic * np.sqrt(np.maximum(energy, 0.01)),
        detector.hadron_constant * energy,
    )


def _match(tracks, clusters, shape: Shapes, momentum, detector, rules: Rules) -> Matches:
    """Every cluster goes to the nearest track in reach, while that track has energy to explain."""
    track, cluster = _pairs(tracks, clusters)
    distance = _distances(tracks, clusters, track, cluster, detector)
    close = distance < rules.near + rules.sizes * shape.size[cluster]
    track, cluster, distance = track[close], cluster[close], distance[close]
    nearest_track = _first_by(cluster, distance, track, len(clusters))
    nearest_cluster = _first_by(track, distance, cluster, len(tracks))

    own = nearest_track[cluster] == track
    track, cluster, distance = track[own], cluster[own], distance[own]
    order = np.lexsort((distance, track))
    track, cluster = track[order], cluster[order]
    before = _running_sum(track, clusters["energy"][cluster]) - clusters["energy"][cluster]
    limit = momentum + rules.budget * resolution(momentum, detector)
    after = before + clusters["energy"][cluster]
    # The nearest cluster always belongs to the track; its excess is dealt with later.
    taken = (before == 0) | (after < limit[track])
    track_of = np.full(len(clusters), -1)
    track_of[cluster[taken]] = track[taken]
    return Matches(track_of, nearest_cluster)


def _pairs(a: Table, b: Table) -> tuple[np.ndarray, np.ndarray]:
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


def _neutrals(tracks, clusters, shape, momentum, matches, detector, rules: Rules) -> Neutrals:
    """Clusters without a track, and what blocks of clusters hold beyond their tracks."""
    energy = clusters["energy"]
    track_of, nearest = matches
    # A track whose nearest cluster was given to another joins that one's block.
    has_own = np.bincount(track_of[track_of >= 0], minlength=len(tracks)) > 0
    leader = np.arange(len(tracks))
    follows = ~has_own & (nearest >= 0)
    leader[follows] = track_of[nearest[follows]]
    followed = leader >= 0
    block = np.bincount(leader[followed], momentum[followed], len(tracks))
    spread2 = resolution(momentum, detector) ** 2
    spread = np.sqrt(np.bincount(leader[followed], spread2[followed], len(tracks)))
    matched = track_of >= 0
    seen = np.bincount(track_of[matched], energy[matched], len(tracks))
    excess = seen - block
    significant = (excess > rules.excess * spread) & has_own

    free = np.flatnonzero(~matched)
    strongest = _first_by(track_of[matched], -energy[matched], np.flatnonzero(matched), len(tracks))
    cluster = np.concatenate([free, strongest[significant]])
    value = np.concatenate([energy[free], excess[significant]])
    fraction = shape.ecal / np.maximum(shape.ecal + shape.hcal, 1e-9)
    photon = fraction[cluster] > rules.photon_fraction
    value = value * np.where(photon, rules.photon_scale, rules.hadron_scale)
    kept = value > rules.least_energy
    return Neutrals(cluster[kept], value[kept], photon[kept])


def _charged_identity(clusters, shape, momentum, matches) -> Int[np.ndarray, " tracks"]:
    """Muons by muon hits, electrons by ECAL fraction and E/p, all else is a pion."""
    track_of = matches.track_of
    matched = track_of >= 0
    n = len(momentum)

    def total(values):
        return np.bincount(track_of[matched], values[matched], n)

    ecal, hcal, chambers = total(shape.ecal), total(shape.hcal), total(shape.muon_hits)
    energy = np.maximum(ecal + hcal, 1e-9)
    ratio = energy / momentum
    electron = (ecal / energy > 0.95) & (ratio > 0.8) & (ratio < 1.25) & (momentum > 1.0)
    muon = (chambers >= 3) & (energy < 0.5 * momentum + 2.0)
    return np.select([muon, electron], [13, 11], 211)


def _candidates(tracks, clusters, pt, pdg, neutral: Neutrals, matches):
    """Charged candidates first, then neutral ones; sorted by event."""
    sign = np.sign(tracks["omega"])
    direction = np.stack([clusters[axis][neutral.cluster] for axis in "xyz"])
    direction = direction / np.linalg.norm(direction, axis=0)
    neutral_pdg = np.where(neutral.photon, 22, 130)
    mass = np.select([pdg == code for code in MASSES], list(MASSES.values()))
    neutral_mass = np.where(neutral.photon, 0.0, np.minimum(MASSES[130], neutral.energy))
    size = np.sqrt(np.maximum(neutral.energy**2 - neutral_mass**2, 0))
    # Signed codes: the particle of an electron or muon is the negative one.
    signed = np.where((pdg == 11) | (pdg == 13), -sign * pdg, sign * pdg).astype(np.int64)
    columns = {
        "pdg": np.concatenate([signed, neutral_pdg]),
        "charge": np.concatenate([sign, np.zeros(len(neutral.cluster))]),
        "px": np.concatenate([pt * np.cos(tracks["phi"]), size * direction[0]]),
        "py": np.concatenate([pt * np.sin(tracks["phi"]), size * direction[1]]),
        "pz": np.concatenate([pt * tracks["tanLambda"], size * direction[2]]),
        "mass": np.concatenate([mass, neutral_mass]),
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
    owned = np.flatnonzero(matches.track_of >= 0)
    source = np.concatenate([place[matches.track_of[owned]], place[n:]])
    target = np.concatenate([owned, neutral.cluster])
    return (
        table,
        Links(place[:n], np.arange(n), np.ones(n)),
        Links(source, target, np.ones(len(source))),
    )
