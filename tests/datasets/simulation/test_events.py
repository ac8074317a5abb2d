"""Whole simulated events: conservation, links, repeatability, and the baseline."""

from dataclasses import fields, replace

import numpy as np
import pytest

from datasets import schema
from datasets.builders.names import DETECTORS
from datasets.constants import GEV_PER_TESLA_MM
from datasets.detectors import CLD, CLIC
from datasets.events import ENDS, EventData, Links, Table
from datasets.simulation import CLICLike, chain, simulate
from datasets.simulation.detector import SIMULATED
from datasets.simulation.validation import check
from datasets.truth import target, truth

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
EVENTS = 40


@pytest.fixture(scope="module")
def ttbar() -> EventData:
    return simulate("ttbar", EVENTS, seed=4)  # a few particles are seen by tracker hits alone


def arrays(events: EventData):
    for field in fields(EventData):
        value = getattr(events, field.name)
        if hasattr(value, "columns"):
            yield field.name, value.offsets
            yield from ((f"{field.name}.{name}", value[name]) for name in value.columns)
        elif hasattr(value, "source"):
            yield from ((f"{field.name}.{n}", getattr(value, n)) for n in ("source", "target"))
            yield field.name, value.weight


def test_same_seed_same_events():
    first, second, other = (simulate("qq", 6, seed) for seed in (11, 11, 12))
    for (name, a), (_, b) in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(a, b, err_msg=name)
    assert not np.array_equal(first.particles["px"], other.particles["px"])


def test_detectors_by_name():
    """The same collisions in another field, before another face."""
    clic, cld = simulate("qq", 3, 11), simulate("qq", 3, 11, "cld")
    assert SIMULATED.keys() == set(DETECTORS)
    assert (clic.field, cld.field) == (4.0, 2.0)
    assert clic.face == CLIC.face
    assert cld.face == CLD.face
    first = [events.particles.offsets[1] for events in (clic, cld)]
    assert min(first) > 10
    for name in ("px", "py", "pz"):  # generated particles come before those made on the way
        a, b = (events.particles[name][:10] for events in (clic, cld))
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="no detector 'ild': choose one of clic, cld"):
        simulate("qq", 3, 11, "ild")


def test_fewer_events_are_the_first_of_more():
    few, more = simulate("qq", chain.CHUNK, 5), simulate("qq", chain.CHUNK + 3, 5)
    assert more.events == chain.CHUNK + 3
    for name in ("particles", "tracks", "clusters", "hits", "candidates"):
        first, second = getattr(few, name), getattr(more, name)
        np.testing.assert_array_equal(first.offsets, second.offsets[: chain.CHUNK + 1])
        for column, values in first.columns.items():
            np.testing.assert_array_equal(values, second[column][: len(first)], err_msg=column)


def test_an_event_in_which_nothing_is_seen():
    """A neutrino, and a photon along the beam."""
    columns = {
        "pdg": np.array([12, 22]),
        "px": np.array([5.0, 0.0]),
        "py": np.array([0.0, 0.0]),
        "pz": np.array([1.0, 50.0]),
        "mass": np.zeros(2),
        "charge": np.zeros(2),
        "generator_status": np.ones(2, int),
        "simulator_status": np.zeros(2, int),
    }
    particles = Table(np.array([0, 2]), columns)
    quiet = replace(CLICLike(), ecal_noise=0.0, hcal_noise=0.0)
    seen = chain.observe(particles, np.zeros((2, 3)), np.random.default_rng(0), quiet)
    for name in ("tracks", "clusters", "hits", "candidates"):
        np.testing.assert_array_equal(getattr(seen, name).offsets, [0, 0])
    assert len(seen.particles) == 2


@pytest.mark.parametrize("seed", range(4))
def test_odd_particles_do_no_harm(seed):
    """Along the beam, soft as can be, born on a layer, at the face and behind it."""
    pdg = np.array([22, 11, 211, 211, 130, 2112, 22, 211, 3112, 211, 211, 211])
    mass = {22: 0, 11: 0.000511, 211: 0.13957, 130: 0.49761, 2112: 0.93957, 3112: 1.19745}
    momentum = np.array([
        [0, 0, 5], [0, 0, -3], [0, 0, 2], [1e-4, 0, 0], [0, 0, 1e-3], [1e-4, 0, 0], [1e-12, 0, 1],
        [1e-3, 0, 3], [0.5, 0.2, 0.1], [3, 0, 0], [9, 0, 30], [0.2, 0, -0.4],
    ])  # fmt: skip
    vertices = np.zeros((12, 3))
    vertices[7:12] = [[0, 31, 5], [0, 0, 0], [1499, 0, 0], [0, 0, 2306], [0, 0, 2310]]
    columns = {
        "pdg": pdg,
        **dict(zip(("px", "py", "pz"), momentum.T, strict=True)),
        "mass": np.array([mass[code] for code in pdg]),
        "charge": np.select([pdg == 211, (pdg == 11) | (pdg == 3112)], [1.0, -1.0], 0.0),
        "generator_status": np.ones(12, int),
        "simulator_status": np.zeros(12, int),
    }
    particles = Table(np.array([0, 6, 6, 12]), columns)
    seen = chain.observe(particles, vertices, np.random.default_rng(seed), CLICLike())
    for name, values in arrays(seen):
        assert np.isfinite(values).all(), name
    assert seen.particles.counts[1] == seen.tracks.counts[1] == 0


def test_every_column_is_there_and_finite(ttbar):
    expected = {
        "particles": "pdg px py pz mass charge generator_status simulator_status",
        "tracks": "type chi2 ndf dEdx dEdxError radiusOfInnermostHit"
        " tanLambda D0 phi omega Z0 time",
        "clusters": "type x y z iTheta phi energy",
        "hits": "x y z energy time subdetector type",
        "candidates": "pdg charge px py pz mass",
    }
    for table, names in expected.items():
        assert set(getattr(ttbar, table).columns) == set(names.split())
        assert len(getattr(ttbar, table).counts) == EVENTS
    for name, values in arrays(ttbar):
        assert np.isfinite(values).all(), name
    for table in expected:
        lengths = {len(values) for values in getattr(ttbar, table).columns.values()}
        assert lengths == {len(getattr(ttbar, table))}


def test_links_stay_within_their_events(ttbar):
    for name, (source, destination) in ENDS.items():
        links = getattr(ttbar, name)
        assert len(links.source) == len(links.target) == len(links.weight) > 0
        tables = getattr(ttbar, source), getattr(ttbar, destination)
        for rows, table in zip((links.source, links.target), tables, strict=True):
            assert rows.min() >= 0
            assert rows.max() < len(table)
        events = [
            t.event[rows] for t, rows in zip(tables, (links.source, links.target), strict=True)
        ]
        np.testing.assert_array_equal(*events)


def test_hits_belong_to_particles_and_to_one_cluster_at_most(ttbar):
    weight = np.bincount(ttbar.hit_particle.source, ttbar.hit_particle.weight, len(ttbar.hits))
    of_noise = weight < 0.999
    assert 0 < of_noise.mean() < 0.01
    np.testing.assert_allclose(weight[~of_noise], 1, rtol=1e-5)
    assert np.bincount(ttbar.cluster_hit.target).max() == 1
    members = np.bincount(ttbar.cluster_hit.source, minlength=len(ttbar.clusters))
    assert members.min() > 0
    energy = ttbar.hits["energy"][ttbar.cluster_hit.target]
    np.testing.assert_allclose(
        np.bincount(ttbar.cluster_hit.source, energy), ttbar.clusters["energy"]
    )
    # Little is left unclustered.
    assert ttbar.clusters["energy"].sum() > 0.9 * ttbar.hits["energy"].sum()


def test_a_good_track_measures_its_particle(ttbar):
    tracks, particles, links = ttbar.tracks, ttbar.particles, ttbar.track_particle
    good = np.flatnonzero(links.weight > 0.99)
    row, owner = links.source[good], links.target[good]
    charge = np.sign(tracks["omega"][row])
    assert (charge == particles["charge"][owner]).mean() > 0.999
    true_pt = np.hypot(particles["px"], particles["py"])[owner]
    pt = GEV_PER_TESLA_MM * ttbar.field / np.abs(tracks["omega"][row])
    assert np.median(np.abs(pt / true_pt - 1)) < 0.01
    assert len(np.unique(np.round(tracks["radiusOfInnermostHit"]))) > 10
    charged = (particles["charge"] != 0) & (particles["generator_status"] == 1)
    central = charged & (np.abs(particles["pz"]) < 2 * np.hypot(particles["px"], particles["py"]))
    fast = np.flatnonzero(central & (np.hypot(particles["px"], particles["py"]) > 1.0))
    assert 0.92 < np.isin(fast, links.target).mean() < 1.0


def test_tracker_hits_count_for_their_particles_and_join_no_cluster(ttbar):
    """As in files: each is a hit of one charged particle, but for the noise, and of no cluster."""
    hits, links, particles = ttbar.hits, ttbar.hit_particle, ttbar.particles
    is_tracker = hits["subdetector"] == schema.TRACKER
    assert not is_tracker[ttbar.cluster_hit.target].any()
    # Calorimeter hits come first in every event.
    starts = hits.offsets[:-1] + np.bincount(hits.event[~is_tracker], minlength=EVENTS)
    np.testing.assert_array_equal(is_tracker, np.arange(len(hits)) >= starts[hits.event])
    of_tracker = is_tracker[links.source]
    assert (particles["charge"][links.target[of_tracker]] != 0).all()
    linked = np.bincount(links.source[of_tracker], minlength=len(hits))[is_tracker]
    assert linked.max() == 1
    noise = np.bincount(hits.event[is_tracker][linked == 0], minlength=EVENTS)
    assert noise.mean() == pytest.approx(CLICLike().tracker_noise, abs=0.8)
    assert 500 < np.median(np.bincount(hits.event[is_tracker], minlength=EVENTS)) < 1200
    found = truth.truth(ttbar)
    alone = replace(ttbar, hit_particle=Links(*(
        column[~of_tracker] for column in (links.source, links.target, links.weight)
    )))  # fmt: skip
    more = np.setdiff1d(found.rows, truth.truth(alone).rows)
    # Neutral ones by what they became.
    assert len(more) > 0
    assert ((particles["charge"][more] != 0) | np.isin(more, ttbar.daughters.source)).all()


def test_baseline_counts_every_track_once(ttbar):
    links = ttbar.candidate_track
    np.testing.assert_array_equal(np.sort(links.target), np.arange(len(ttbar.tracks)))
    charged = ttbar.candidates["charge"] != 0
    np.testing.assert_array_equal(np.bincount(links.source, minlength=len(charged)), charged)
    pt = np.hypot(ttbar.candidates["px"], ttbar.candidates["py"])[links.source]
    on_track = GEV_PER_TESLA_MM * ttbar.field / np.abs(ttbar.tracks["omega"])[links.target]
    np.testing.assert_allclose(pt, on_track, rtol=1e-6)
    # Neutral candidates stand on one cluster each.
    with_cluster = np.bincount(ttbar.candidate_cluster.source, minlength=len(charged))
    assert (with_cluster[~charged] == 1).all()


def test_baseline_energy_closes_and_is_sharper_than_the_calorimeter(ttbar):
    vectors = check.four_vectors(ttbar, target.to_samples(ttbar))
    seen = {
        name: check.width(check.jet_response(vectors["generated"], vectors[name]))
        for name in ("target", "baseline", "calorimeter")
    }
    assert seen["target"].count > 100
    assert seen["target"].median == pytest.approx(1.0, abs=0.005)
    assert seen["baseline"].median == pytest.approx(1.0, abs=0.02)
    assert seen["target"].iqr < 0.01
    assert seen["baseline"].iqr < 0.8 * seen["calorimeter"].iqr


def test_baseline_tells_muons_electrons_and_pions_apart(ttbar):
    owner = np.full(len(ttbar.tracks), -1)
    owner[ttbar.track_particle.source] = ttbar.track_particle.target
    links = ttbar.candidate_track
    true = np.abs(ttbar.particles["pdg"])[owner[links.target]]
    seen = np.abs(ttbar.candidates["pdg"])[links.source]
    fast = np.hypot(ttbar.candidates["px"], ttbar.candidates["py"])[links.source] > 5.0
    for code, least in ((13, 0.8), (11, 0.5), (211, 0.9)):
        of_kind = fast & (true == code)
        assert of_kind.sum() > 10
        assert (seen[of_kind] == code).mean() > least


def test_clusters_merge_showers_and_split_them(ttbar):
    """Some clusters hold several particles, some particles several clusters."""
    row = np.full(len(ttbar.hits), -1)
    row[ttbar.cluster_hit.target] = ttbar.cluster_hit.source
    links = ttbar.hit_particle
    pairs = np.stack([row[links.source], links.target], axis=1)[row[links.source] >= 0]
    pairs = np.unique(pairs, axis=0)
    merged = np.bincount(pairs[:, 0], minlength=len(ttbar.clusters)) > 1
    assert 0.3 < ttbar.clusters["energy"][merged].sum() / ttbar.clusters["energy"].sum() < 0.95
    assert np.bincount(pairs[:, 1]).max() >= 4


def test_samples_can_be_made_of_it(ttbar):
    samples = target.to_samples(ttbar)
    elements = samples.X[:, 0]
    assert (elements == schema.TRACK).sum() == len(ttbar.tracks)
    assert (elements == schema.CLUSTER).sum() == len(ttbar.clusters)
    present = np.unique(samples.ytarget[:, schema.target("PDG")])
    np.testing.assert_array_equal(present, np.arange(len(schema.CLASSES)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("higgs", 3, 0), "no process 'higgs': choose one of ttbar, qq, zh, ww"),
        (("ttbar", 0, 0), "cannot simulate 0 events"),
        (("ttbar", -2, 0), "cannot simulate -2 events"),
        (("ttbar", 3, -1), "the seed is -1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate(*arguments)
