"""What was reported of the reference's truth (jpata/particleflow) does not happen here.

A host whose energy the last of several merged particles replaced; daughters' tracks that had the
charge and momentum of an ancestor; hits whose link weights, in different units, were compared.
"""

from dataclasses import replace

import numpy as np
import pytest

from datasets.events import EventData, Links, Table
from datasets.schema import CLIC_FACE, target
from datasets.truth.target import to_samples
from datasets.truth.truth import truth

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")


def table(**columns):
    rows = len(next(iter(columns.values())))
    return Table(np.array([0, rows]), {name: np.asarray(v) for name, v in columns.items()})


def links(*triples):
    source, end, weight = np.array(triples, float).reshape(-1, 3).T
    return Links(source.astype(int), end.astype(int), weight)


def event(pdg, charge, pz, hits, owners, clusters, tracks=(), daughters=(), status=None):
    """An event along x and z: `hits` are energies, `owners` (hit, particle, weight), `clusters` the
    cluster of each hit, `tracks` (track, particle, weight)."""
    n, found = len(pdg), 1 + max((t for t, *_ in tracks), default=-1)
    size = 1 + max(clusters)
    zero, status = np.zeros(n), np.ones(n, int) if status is None else np.array(status)
    particles = table(
        pdg=pdg, px=np.ones(n), py=zero, pz=pz, mass=zero, charge=charge,
        generator_status=status, simulator_status=zero.astype(int),
    )  # fmt: skip
    of_tracks = dict.fromkeys(
        ("type", "chi2", "ndf", "dEdx", "dEdxError", "radiusOfInnermostHit", "D0", "phi", "Z0",
         "time"), np.zeros(found)
    )  # fmt: skip
    flat, whole = np.zeros(len(hits)), np.zeros(len(hits), int)
    return EventData(
        field=4.0,
        face=CLIC_FACE,
        particles=particles,
        tracks=table(**of_tracks, tanLambda=np.ones(found), omega=np.full(found, 1e-3)),
        clusters=table(
            type=np.zeros(size), x=np.full(size, 1500.0), y=np.zeros(size), z=np.zeros(size),
            iTheta=np.full(size, np.pi / 2), phi=np.zeros(size),
            energy=np.bincount(clusters, hits, minlength=size),
        ),
        hits=table(
            x=flat + 1500, y=flat, z=flat, energy=hits, time=flat, subdetector=whole, type=whole
        ),
        candidates=table(pdg=[], charge=[], px=[], py=[], pz=[], mass=[]),
        daughters=links(*[(a, b, 1) for a, b in daughters]),
        hit_particle=links(*owners),
        track_particle=links(*tracks),
        cluster_hit=links(*[(c, hit, 1) for hit, c in enumerate(clusters)]),
        candidate_track=links(),
        candidate_cluster=links(),
    )  # fmt: skip


def test_a_host_has_the_sum_of_all_that_are_merged_into_it():
    """Four photons in one cluster: the first has it, and the energies of three more."""
    photons = event([22] * 4, [0] * 4, [9.0, 7.0, 5.0, 3.0], [9.0, 7.0, 5.0, 3.0],
                    [(i, i, 1.0) for i in range(4)], [0, 0, 0, 0])  # fmt: skip
    y = to_samples(photons).ytarget
    energies = np.hypot(1.0, [9.0, 7.0, 5.0, 3.0])
    assert y[0, target("energy")] == pytest.approx(energies.sum(), rel=1e-6)
    assert y[0, target("pt")] == pytest.approx(4.0, rel=1e-6)


def test_the_track_of_a_daughter_is_that_of_the_particle_which_became_it():
    """By the definition: status-1 particles collect what their descendants leave.

    So the track of a muon from a pion in flight has the pion's charge and momentum: its own. Where
    the daughter is a status-1 particle itself, the track has its charge, and nothing of the
    ancestor's.
    """
    in_flight = event([211, -13], [1, 1], [9.0, 6.0], [2.0], [(0, 1, 1.0)], [0],
                      tracks=[(0, 1, 1.0)], daughters=[(0, 1)], status=[1, 0])  # fmt: skip
    y = to_samples(in_flight).ytarget
    assert y[0, target("charge")] == 1
    assert y[0, target("energy")] == pytest.approx(np.hypot(1.0, 9.0))

    decayed = event([310, 211, -211], [0, 1, -1], [9.0, 6.0, 3.0], [2.0, 1.0],
                    [(0, 1, 1.0), (1, 2, 1.0)], [0, 1], tracks=[(0, 1, 1.0), (1, 2, 1.0)],
                    daughters=[(0, 1), (0, 2)], status=[2, 1, 1])  # fmt: skip
    y = to_samples(decayed).ytarget
    assert y[:2, target("charge")].tolist() == [1, -1]
    assert y[:2, target("energy")] == pytest.approx(np.hypot(1.0, [6.0, 3.0]))


@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e6])
def test_weights_of_a_hit_have_any_unit(unit):
    """Two photons share two hits three to one; the links of one hit are in another unit."""
    shared = event([22, 22], [0, 0], [9.0, 7.0], [4.0, 8.0],
                   [(0, 0, 3.0), (0, 1, 1.0), (1, 0, 3.0), (1, 1, 1.0)], [0, 1])  # fmt: skip
    weight = shared.hit_particle.weight.copy()
    weight[2:] *= unit
    scaled = replace(shared, hit_particle=replace(shared.hit_particle, weight=weight))
    left = truth(scaled).to_cluster
    found = dict(zip(zip(left.source, left.target, strict=True), left.weight, strict=True))
    assert found == pytest.approx({(0, 0): 3.0, (0, 1): 6.0, (1, 0): 1.0, (1, 1): 2.0})
