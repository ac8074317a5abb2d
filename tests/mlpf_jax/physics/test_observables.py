"""What is observed in events, against loops over them."""

import numpy as np
import pytest

from datasets import jets, schema
from datasets import samples as stored
from mlpf_jax.physics import observables
from tests.mlpf_jax.physics.observed_events import generated_of, photons, scaled, table_of

pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
COUNTS = [12, 0, 30, 1, 25, 40, 8, 33] * 4


@pytest.fixture(scope="module")
def samples():
    return photons(COUNTS)


@pytest.fixture(scope="module")
def observed(samples):
    rng = np.random.default_rng(1)
    rows = scaled(samples.ytarget, rng.lognormal(0, 0.3, len(samples.X)))
    limits = {name: table_of(samples.ytarget, samples.offsets) for name in ("oracle", "floor")}
    return observables.observe(samples, rows, None, limits)


def distance(a, b):
    d_phi = (a[2] - b[2] + np.pi) % (2 * np.pi) - np.pi
    return np.hypot(a[1] - b[1], d_phi)


def rows_of(table, event):
    here = slice(*table.offsets[event : event + 2])
    return list(zip(*(table[name][here] for name in schema.JET_FEATURES), strict=True))


def clustered(y, offsets, radius):
    table = table_of(y, offsets)
    return jets.cluster(*(table[n] for n in schema.JET_FEATURES), offsets, radius, 5.0)[0]


@pytest.mark.parametrize("group", list(observables.JETS))
def test_responses_and_fakes_by_loops(samples, observed, group):
    rule = observables.JETS[group]
    true = clustered(samples.ytarget, samples.offsets, rule.radius)
    reco = clustered(samples.ycand, samples.offsets, rule.radius)
    place = {"pt": 0, "energy": 3}[rule.quantity]
    responses, numbers = [], []
    for event in range(samples.events):
        ours, theirs = rows_of(true, event), rows_of(reco, event)
        near = [min(theirs, key=lambda b: distance(a, b), default=None) for a in ours]
        near = [b if b and distance(a, b) < 0.1 else None for a, b in zip(ours, near, strict=True)]
        chosen = [k for k, a in enumerate(ours[: rule.leading]) if a[0] >= rule.min_pt]
        responses += [near[k][place] / ours[k][place] if near[k] else np.nan for k in chosen]
        counted = [b for b in theirs[: rule.leading] if b[0] >= rule.min_pt]
        numbers.append((len(counted), sum(b not in near for b in counted)))
    np.testing.assert_allclose(observed[group]["baseline"], responses, rtol=1e-6)
    fakes = observed[group.replace("jets", "fakes")]
    found = np.stack([fakes["jets_baseline"], fakes["fakes_baseline"]], axis=1)
    np.testing.assert_array_equal(found, numbers)
    assert 0 < found[:, 1].sum() < found[:, 0].sum()
    assert np.isnan(responses).any()


def test_wide_jets_are_of_what_was_generated_where_that_is_known(samples):
    rows = samples.ytarget
    double = generated_of(scaled(rows, 2), samples.offsets)
    known = observables.observe(samples, rows, double)
    unknown = observables.observe(samples, rows)
    assert np.nanmedian(known["jets_r07"]["target"]) == pytest.approx(0.5, abs=0.01)
    assert np.nanmedian(unknown["jets_r07"]["target"]) == pytest.approx(1)
    assert np.nanmedian(known["jets_r04"]["target"]) == pytest.approx(1)  # those of the samples


def test_masses_of_the_two_leading_jets_by_loops(samples, observed):
    table = clustered(samples.ycand, samples.offsets, 0.7)
    for event in range(samples.events):
        two, mass = rows_of(table, event)[:2], observed["events"]["mass_baseline"][event]
        if len(two) < 2:
            assert np.isnan(mass)
            continue
        p = sum(np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
                for pt, eta, phi, _ in two)  # fmt: skip
        energy = sum(jet[3] for jet in two)
        assert mass == pytest.approx(np.sqrt(max(energy**2 - p @ p, 0)), rel=1e-6)


def test_energy_and_missing_pt_of_events(samples, observed):
    event = np.repeat(np.arange(samples.events), np.diff(samples.offsets))
    energy = samples.ytarget[:, schema.target("energy")].astype(float)
    np.testing.assert_allclose(
        observed["events"]["visible"], np.bincount(event, energy, samples.events)
    )
    np.testing.assert_allclose(observed["events"]["met_floor"], samples.genmet, rtol=1e-6)
    assert observables.names_of(observed) == [
        "calorimeter", "baseline", "mlpf", "target", "oracle", "floor",
    ]  # fmt: skip


def test_portions_add_up_to_the_whole(samples, observed):
    rng = np.random.default_rng(1)
    rows = scaled(samples.ytarget, rng.lognormal(0, 0.3, len(samples.X)))
    parts = []
    for first, last in ((0, 5), (5, 6), (6, samples.events)):
        here = slice(samples.offsets[first], samples.offsets[last])
        part = stored.take(samples, np.arange(first, last))
        offsets = samples.offsets[first : last + 1] - samples.offsets[first]
        limit = table_of(samples.ytarget[here], offsets)
        limits = {"oracle": limit, "floor": limit}
        parts.append(observables.observe(part, rows[here], None, limits))
    whole = observables.join(parts)
    assert list(whole) == list(observed)
    for group, columns in observed.items():
        for name, values in columns.items():
            np.testing.assert_allclose(whole[group][name], values, err_msg=f"{group} {name}")


def test_elements_without_any_particle_are_no_rows(samples):
    y, made = samples.ytarget.copy(), samples.ytarget.copy()
    kind = schema.target("PDG")
    y[::3], made[::2] = 0, 0
    made[1::6, kind] = schema.CLASSES.index("neutral hadron")
    changed = stored.take(samples, np.arange(samples.events))
    changed = type(changed)(**{**changed.__dict__, "ytarget": y, "ycand": made})
    found = observables.observe(changed, made)["particles"]
    some = (y[:, kind] > 0) | (made[:, kind] > 0)
    assert len(found["class"]) == some.sum() < len(y)
    event = np.repeat(np.arange(samples.events), np.diff(samples.offsets))
    np.testing.assert_array_equal(found["event"], event[some])
    np.testing.assert_array_equal(found["class_mlpf"], made[some, kind])
    both = (y[:, kind] > 0) & (made[:, kind] > 0)
    np.testing.assert_array_equal(np.isfinite(found["energy_mlpf"]), both[some])
    assert "pull_pt" not in found


def test_pulls_are_logs_of_ratios_in_units_of_their_spread(samples):
    rng = np.random.default_rng(2)
    rows = scaled(samples.ytarget, rng.lognormal(0, 0.3, len(samples.X)))
    spreads = rng.uniform(0.1, 0.5, (len(rows), 2)).astype(np.float32)
    found = observables.observe(samples, rows, spreads=spreads)["particles"]
    for place, name in enumerate(("pt", "energy")):
        column = schema.target(name)
        log = np.log(samples.ytarget[:, column] / rows[:, column])
        np.testing.assert_allclose(found[f"pull_{name}"], log / spreads[:, place], atol=1e-4)
