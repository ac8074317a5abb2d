"""Rule-based particle flow: the reconstruction that learned models are compared with.

Tracks are followed to the calorimeter, where tracks and clusters that belong together make
blocks: as many clusters as the momenta of the tracks explain. A block that lacks energy joins one
beside it that has too much. Charged candidates are taken from the tracks alone, what a block
holds beyond them makes a neutral candidate if significant, and clusters without tracks are
photons or neutral hadrons by ECAL fraction and size; energies are calibrated for what stays
outside of clusters. The idea is that of Thomson, NIM A 611 (2009) 25; this is not Pandora, which
reclusters, and is better. `datasets.simulation.validation.check` says how good it is.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from datasets.constants import GEV_PER_TESLA_MM
from datasets.events import Links, Table, offsets_of
from datasets.simulation.detector import CLICLike
from datasets.simulation.reconstruction.blocks import (
    RULES,
    Blocks,
    Rules,
    Shapes,
    build,
    electromagnetic,
    hadron_response,
    picked,
    shapes,
    sums_of,
)

MASSES = {211: 0.13957, 11: 0.000511, 13: 0.10566}


def reconstruct(
    tracks: Table,
    clusters: Table,
    hits: Table,
    cluster_hit: Links,
    detector: CLICLike,
    rules: Rules = RULES,
) -> tuple[Table, Links, Links]:
    """Candidates in the columns of `EventData.candidates`, and their tracks and clusters."""
    shape = shapes(clusters, hits, cluster_hit)
    pt = GEV_PER_TESLA_MM * detector.field / np.abs(tracks["omega"])
    momentum = pt * np.sqrt(1 + tracks["tanLambda"] ** 2)
    blocks = build(tracks, clusters, shape, momentum, detector, rules)
    neutral = _neutrals(clusters, shape, blocks, rules)
    charged_pdg = _charged_identity(shape, momentum, blocks, rules)
    return _candidates(tracks, clusters, pt, charged_pdg, neutral, blocks)


class Neutrals(NamedTuple):
    """Neutral candidates: the cluster that each stands on, its energy (GeV) and whether photon."""

    cluster: Int[np.ndarray, " neutrals"]
    energy: Float[np.ndarray, " neutrals"]
    photon: Bool[np.ndarray, " neutrals"]


def _neutrals(clusters: Table, shape: Shapes, blocks: Blocks, rules: Rules) -> Neutrals:
    """Clusters without a track, and what blocks hold beyond their tracks."""
    photon_like = electromagnetic(shape, rules) & (shape.size < rules.photon_size)
    free = np.flatnonzero(blocks.of_cluster < 0)
    rich = np.flatnonzero(blocks.excess > rules.excess * blocks.spread)
    cluster = np.concatenate([free, rich])
    raw = np.concatenate([clusters["energy"][free], blocks.excess[rich]])
    photon = photon_like[cluster]
    # What a block has too much is mostly photons, whatever else is in the cluster.
    light = photon | (np.arange(len(cluster)) >= len(free))
    energy = raw / np.where(light, rules.photon_response, hadron_response(raw, rules.neutral_lack))
    kept = energy > rules.least_energy
    return Neutrals(cluster[kept], energy[kept], photon[kept])


def _charged_identity(
    shape: Shapes, momentum, blocks: Blocks, rules: Rules
) -> Int[np.ndarray, " tracks"]:
    """PDG code of each track: muons by chamber hits, electrons by shape and E/p, else pions."""

    def of_block(values) -> np.ndarray:
        return picked(sums_of(blocks.of_cluster, values, len(values)), blocks.of_track)

    ecal, hcal, chambers = of_block(shape.ecal), of_block(shape.hcal), of_block(shape.muon_hits)
    energy = np.maximum(ecal + hcal, 1e-9)
    ratio = energy / momentum
    narrow = (blocks.nearest >= 0) & (picked(shape.size, blocks.nearest) < rules.electron_size)
    shower = narrow & (ecal > 0.95 * energy) & (momentum > 0.5)
    electron = shower & (ratio > 0.75) & (ratio < 1.3)
    muon = (chambers >= rules.chambers) & (momentum > rules.muon_energy)
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
    track, owned = _owned(blocks)
    return (
        table,
        Links(place[:n], np.arange(n), np.ones(n)),
        Links(
            np.concatenate([place[track], place[n:]]),
            np.concatenate([owned, neutral.cluster]),
            np.ones(len(track) + len(neutral.cluster)),
        ),
    )


def _owned(blocks: Blocks) -> tuple[np.ndarray, np.ndarray]:
    """Every cluster with the first track of its block."""
    leader = np.full(len(blocks.of_cluster), -1)
    matched = np.flatnonzero(blocks.of_track >= 0)[::-1]
    leader[blocks.of_track[matched]] = matched
    owned = np.flatnonzero(blocks.of_cluster >= 0)
    return leader[blocks.of_cluster[owned]], owned
