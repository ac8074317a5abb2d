"""Errors of the report against a bootstrap in plain loops over the same resamples."""

import numpy as np
import pytest

from datasets.jets import width
from launch.pages.report import errors
from mlpf_jax.physics.bootstrap import resample
from mlpf_jax.physics.evaluation import measure_responses, reconstructions
from tests.mlpf_jax.physics.observed_events import photons, scaled

NAMES = ("baseline", "mlpf")
SEED = 5


@pytest.fixture(scope="module")
def measured():
    pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
    samples = photons([30] * 25, 3)
    rows = scaled(samples.ytarget, np.random.default_rng(2).lognormal(0, 0.1, len(samples.X)))
    responses = measure_responses(samples, reconstructions(samples, rows))
    return samples, responses, errors.groups(samples, responses, NAMES)


def widths(values: np.ndarray, event: np.ndarray, events: int) -> np.ndarray:
    """Of every resample: the entries of each event as often as that was drawn."""
    found = []
    for counts in resample(events, SEED):
        drawn = np.repeat(values, counts[event])
        found.append(width(drawn[np.isfinite(drawn)]))
    return np.array(found)


@pytest.mark.parametrize("group", ["jets", "wide_jets", "met"])
def test_a_width_and_its_ratio_have_the_errors_of_plain_resamples(measured, group):
    entries = measured[2][group]
    spreads = errors.spreads(entries, SEED)
    plain = {name: widths(v, entries.event, entries.events) for name, v in entries.values.items()}
    for name in NAMES:
        assert spreads[name].width_error == pytest.approx(plain[name].std(ddof=1), rel=1e-4)
    value, error = errors.ratio(spreads["mlpf"], spreads["baseline"])
    assert value == spreads["mlpf"].width / spreads["baseline"].width
    assert error == pytest.approx((plain["mlpf"] / plain["baseline"]).std(ddof=1), rel=1e-4)


def test_bins_have_errors_of_the_jets_in_them(measured):
    samples, responses, groups = measured
    pt, entries = responses["gen_jet_pt"], groups["jets"]
    by_pt = {name: [{"pt": [5.0, 12.0]}, {"pt": [12.0, None]}] for name in NAMES}
    for name, (low, high) in errors.bins(by_pt, entries, pt, SEED).items():
        for found, chosen in ((low, (pt >= 5) & (pt < 12)), (high, pt >= 12)):
            plain = widths(np.where(chosen, entries.values[name], np.nan), entries.event, 25)
            assert found["width_error"] == pytest.approx(plain.std(ddof=1), rel=1e-4)
    offsets = samples.genjets.offsets
    jets = [event for event in range(25) for _ in range(offsets[event], offsets[event + 1])]
    assert entries.event.tolist() == jets
    assert len(jets) == len(pt)


def test_missing_pt_is_of_the_events_that_have_some(measured):
    _, responses, groups = measured
    ratio = groups["met"].values["mlpf"]
    has = responses["gen_met"] > 10
    assert has.any()
    np.testing.assert_array_equal(np.isfinite(ratio), has)
    expected = responses["met_mlpf"][has] / responses["gen_met"][has]
    np.testing.assert_allclose(ratio[has], expected)
