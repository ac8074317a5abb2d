"""Fresh events: those of their seeds, in order, apart from every dataset."""

from dataclasses import replace

import numpy as np
import pytest

from datasets import seeds
from datasets.builders import fresh, recipes
from datasets.builders.records import DatasetError
from datasets.events import Table, take_events
from datasets.schema import ELEMENTS
from datasets.simulation import simulate
from datasets.truth.calibration import calibrate, showers
from datasets.truth.target import Settings, to_samples
from datasets.truth.truth import truth
from tests.datasets.random_events import random_events
from tests.datasets.same_samples import same

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")


def test_portions_are_as_many_events_as_asked_for():
    found = fresh.sources("zh", 450, 3)
    assert [source.events for source in found] == [200, 200, 50]
    assert {source.process for source in found} == {"zh"}
    assert fresh.sources("zh", 200, 3) == found[:1]
    assert len({s.seed for p in ("zh", "ww") for s in fresh.sources(p, 2000, 3)}) == 20


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_dataset_of_the_same_seed_holds_them(seed):
    events = {"train": 50_000, "validation": 5_000, "test": 5_000}
    recipe = recipes.simulation("mine", "ttbar", "clusters", events, seed, 100)
    own = [source.seed for source in fresh.sources("ttbar", 20_000, seed)]
    assert not seeds.shared(own, [shard.source.seed for shard in recipe.shards])


def test_bad_requests():
    with pytest.raises(DatasetError, match="no process 'tbar': choose among ttbar"):
        fresh.sources("tbar", 10, 1)
    with pytest.raises(DatasetError, match="no detector 'ild': choose among clic, cld"):
        fresh.sources("zh", 10, 1, detector="ild")
    assert {s.detector for s in fresh.sources("zh", 450, 1, detector="cld")} == {"cld"}
    with pytest.raises(DatasetError, match="0 events: at least 1"):
        fresh.sources("zh", 0, 1)


def test_workers_make_the_events_of_the_seeds_in_order(monkeypatch):
    """More portions than may wait at once; the calibration has events of its own."""
    monkeypatch.setattr(fresh, "CALIBRATED_WITH", ("ttbar", 12))
    wanted = fresh.sources("zh", 10, 5, portion=2)
    with fresh.simulation(2) as portions:
        made = list(portions(wanted))
    assert len(made) == len(wanted)
    for source, (samples, generated, limits) in zip(wanted, made, strict=True):
        events = simulate(*source)
        same(samples, to_samples(events))
        found = truth(events)
        assert len(limits["floor"]) == len(limits["oracle"]) == len(found.rows)
        total = np.bincount(generated.event, generated["energy"], events.events)
        neutrinos = np.isin(np.abs(events.particles["pdg"]), (12, 14, 16))
        particles = events.particles
        p2 = sum(particles[name] ** 2 for name in ("px", "py", "pz"))
        energy = np.sqrt(p2 + particles["mass"] ** 2)
        final = (particles["generator_status"] == 1) & ~neutrinos
        expected = np.bincount(particles.event[final], energy[final], events.events)
        np.testing.assert_allclose(total, expected)


@pytest.fixture(scope="module")
def calibration():
    events = random_events(1, 40)
    return calibrate([showers(events, truth(events))])


@pytest.mark.parametrize("seed", range(12))
def test_events_without_an_element_are_left_out_everywhere(calibration, seed):
    """Of each event alone it is known whether a dataset would have it."""
    events = random_events(seed, 6)
    alone = [take_events(events, np.array([number])) for number in range(6)]
    kept = [number for number in range(6) if to_samples(alone[number]).events]
    same_events(fresh.with_limits(events, calibration), events, kept, calibration)


def test_events_with_values_that_are_not_finite_are_left_out_everywhere(calibration):
    events = random_events(7, 6)
    whole = fresh.with_limits(events, calibration)
    assert whole.samples.events == 6
    x = np.where(events.hits.event == 2, np.nan, events.hits["x"].astype(float))
    hits = Table(events.hits.offsets, {**events.hits.columns, "x": x})
    found = fresh.with_limits(replace(events, hits=hits), calibration)
    same_events(found, events, [0, 1, 3, 4, 5], calibration)


@pytest.mark.parametrize("form", ELEMENTS.values(), ids=ELEMENTS)
def test_samples_have_the_form_that_is_asked_for(calibration, form):
    events = random_events(7, 6)
    samples = fresh.with_limits(events, calibration, form.name).samples
    assert samples.X.shape[1] == form.width
    same(samples, to_samples(events, Settings(form.name)))


def same_events(found: fresh.Fresh, events, kept: list[int], calibration) -> None:
    expected = fresh.with_limits(take_events(events, np.array(kept)), calibration)
    assert found.samples.events == expected.samples.events == len(kept)
    same(found.samples, expected.samples)
    same_table(found.generated, expected.generated)
    for name in ("oracle", "floor"):
        same_table(found.limits[name], expected.limits[name])


def same_table(one: Table, other: Table) -> None:
    np.testing.assert_array_equal(one.offsets, other.offsets)
    for name in one.columns:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-9)
