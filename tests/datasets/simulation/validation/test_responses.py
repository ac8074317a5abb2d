"""Responses of jets and events: what they count, and that the baseline reaches its goals."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.events import EventData, Table
from datasets.simulation import CLICLike, simulate
from datasets.simulation.validation import check, responses
from datasets.truth import target

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
pytest.importorskip("fastjet", reason="jets need the extra `physics`")
EVENTS = 128


@pytest.fixture(scope="module")
def zh() -> EventData:
    return simulate("zh", EVENTS, seed=31)


@pytest.fixture(scope="module")
def vectors(zh) -> dict[str, Table]:
    return responses.four_vectors(zh, target.to_samples(zh))


def scaled(table: Table, factor: float) -> Table:
    columns = {n: v * factor if n in ("pt", "energy") else v for n, v in table.columns.items()}
    return Table(table.offsets, columns)


@pytest.mark.parametrize("rule", [responses.WIDE, responses.NARROW])
def test_jets_respond_to_the_scale_of_what_is_in_them(vectors, rule):
    generated = vectors["generated"]
    same = responses.jet_response(generated, generated, rule)
    np.testing.assert_allclose(same, 1, rtol=1e-9)
    less = responses.jet_response(generated, scaled(generated, 0.8), rule)
    assert len(less) > 0.99 * len(same)
    np.testing.assert_allclose(np.quantile(less, [0.05, 0.5, 0.95]), 0.8, rtol=1e-6)


def test_events_respond_to_their_energy(vectors):
    generated = vectors["generated"]
    found = responses.event_response(generated, scaled(generated, 1.3))
    np.testing.assert_allclose(found, 1.3)


def test_what_leaves_along_the_beam_and_neutrinos_do_not_count(zh):
    particles = zh.particles
    pt = np.hypot(particles["px"], particles["py"])
    inner = CLICLike().endcap_inner_radius / CLICLike().endcap_face
    neutrino = np.isin(np.abs(particles["pdg"]), (12, 14, 16))
    counts = (
        (particles["generator_status"] == 1) & ~neutrino & (pt > inner * np.abs(particles["pz"]))
    )
    energy = np.sqrt(sum(particles[n] ** 2 for n in ("px", "py", "pz", "mass")))
    expected = np.bincount(particles.event[counts], energy[counts], EVENTS)
    generated = responses.four_vectors(zh, target.to_samples(zh))["generated"]
    seen = np.bincount(generated.event, generated["energy"], EVENTS)
    np.testing.assert_allclose(seen, expected)
    assert (seen < 380.0 + 1e-6).all()
    assert seen.min() < 300.0


def test_an_event_without_particles_in_acceptance_has_no_response(zh):
    generated = Table(np.array([0, 0, 1]), {"energy": np.array([5.0])})
    seen = Table(np.array([0, 1, 2]), {"energy": np.array([1.0, 4.0])})
    np.testing.assert_allclose(responses.event_response(generated, seen), [0.8])


def test_the_baseline_reaches_its_goals_with_room_for_chance(vectors):
    generated = vectors["generated"]
    found = {
        name: (
            responses.width(responses.jet_response(generated, vectors[name])),
            responses.width(responses.event_response(generated, vectors[name])),
        )
        for name in check.RECONSTRUCTIONS
    }
    assert found["target"][1].median == pytest.approx(1, abs=0.01)
    assert found["baseline"][1].median == pytest.approx(1, abs=check.MEDIAN + 0.01)
    assert found["baseline"][0].iqr < check.MOST_WIDTH["zh"] * found["calorimeter"][0].iqr
    assert found["baseline"][1].iqr < found["calorimeter"][1].iqr


@pytest.mark.parametrize(("iqr", "median", "word"), [
    (0.08, 1.01, "reached"), (0.095, 1.0, "MISSED"), (0.05, 1.03, "MISSED"), (0.05, 0.97, "MISSED"),
])  # fmt: skip
def test_the_verdict_of_the_check(iqr, median, word):
    good = responses.Width(1.0, 0.1, 9)
    baseline = (good._replace(iqr=iqr), good, good._replace(median=median))
    assert word in check.verdict("zh", {"baseline": baseline, "calorimeter": (good,) * 3})


def test_a_smaller_hole_sees_more(zh):
    samples = target.to_samples(zh)
    small = replace(CLICLike(), endcap_inner_radius=50.0)
    more, less = (
        responses.four_vectors(zh, samples, d)["generated"]["energy"].sum()
        for d in (small, CLICLike())
    )
    assert more > less
