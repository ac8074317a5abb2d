"""The fast simulation beside full simulation: a CLD event, and photons in the ECAL of CLIC."""

from pathlib import Path

import numpy as np
import pytest

from datasets.events import Table, offsets_of
from datasets.simulation.validation import fidelity, photons, quantiles

pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
SHARED = Path(__file__).parents[4].parent / "shared" / "edm4hep"


@pytest.fixture(scope="module")
def rows() -> list[quantiles.Row]:
    if not all(
        (SHARED / name).exists()
        for name in (fidelity.CLD_FILE, *(f.name for f in photons.PHOTON_FILES))
    ):
        pytest.skip("no full-simulation files")
    return fidelity.table(SHARED, 128, seed=8)


def test_most_quantities_agree_with_full_simulation(rows):
    for some, least in ((rows, 10 / 12), ([row for row in rows if not row.single], 0.8)):
        assert len(some) >= 12
        assert sum(row.agrees for row in some) >= len(some) * least, quantiles.report(rows)


@pytest.mark.parametrize("word", ["hit", "clusters", "energy", "photon"])
def test_what_the_calorimeters_see_agrees(rows, word):
    found = [row for row in rows if word in row.name]
    assert len(found) >= 3
    # Beyond the rule, so that a better sample of full simulation does not turn the verdict.
    assert all(0.7 < row.ratios[1] < 1.4 for row in found), quantiles.report(found)


def test_the_report_names_what_differs(rows):
    report = quantiles.report(rows)
    assert report.count("DIFFERS") == sum(not row.agrees for row in rows)
    assert f"{sum(row.agrees for row in rows)} of {len(rows)} rows agree" in report


@pytest.mark.parametrize(
    ("factors", "agrees"),
    [
        ((1.0, 1.0, 1.0), True),
        ((0.55, 1.25, 1.9), True),
        ((1.0, 1.35, 1.0), False),
        ((1.0, 0.7, 1.0), False),
        ((0.45, 1.0, 1.0), False),
        ((1.0, 1.0, 2.1), False),
    ],
)
def test_the_verdict(factors, agrees):
    real = (2.0, 5.0, 30.0)
    simulated = tuple(f * r for f, r in zip(factors, real, strict=True))
    assert quantiles.Row("of something", real, simulated).agrees == agrees


def test_one_value_has_no_tails():
    one = quantiles.Values(np.array([3.0]))
    many = quantiles.Values(np.array([0.1, 3.1, 50.0]))
    (row,) = quantiles.compare({"one": one}, {"one": many})
    assert row.single
    assert row.agrees
    (row,) = quantiles.compare({"many": many}, {"many": one})
    assert not row.agrees


def test_a_quantity_that_is_zero_agrees_with_zero_only():
    assert quantiles.Row("zero", (0.0, 1.0, 2.0), (0.0, 1.0, 2.0)).agrees
    assert not quantiles.Row("zero", (0.0, 1.0, 2.0), (0.1, 1.0, 2.0)).agrees


def test_weights_count_as_repetitions():
    rng = np.random.default_rng(0)
    values, weights = rng.exponential(size=200), rng.integers(1, 5, 200)
    repeated = np.quantile(np.repeat(values, weights), quantiles.LEVELS, method="inverted_cdf")
    weighted = quantiles.Values(values, weights.astype(float)).quantiles()
    np.testing.assert_allclose(weighted, repeated)


def test_turned_events_have_the_axis_and_the_same_angles():
    rng = np.random.default_rng(1)
    momenta = rng.normal(size=(3, 60)) * [[1], [3], [1]]
    names = {name: np.zeros(60) for name in ("mass", "charge", "simulator_status")}
    columns = dict(zip(("px", "py", "pz"), momenta, strict=True)) | names
    columns |= {"pdg": np.full(60, 211), "generator_status": np.ones(60, int)}
    particles = Table(offsets_of(np.array([20, 25, 15])), columns)
    axis = np.array([0.6, 0.0, 0.8])
    vertices = rng.normal(size=(60, 3))
    turned, moved = fidelity.turned(particles, vertices, axis)
    np.testing.assert_allclose(np.abs(fidelity.axes(turned) @ axis), 1, rtol=1e-9)
    before, after = (
        np.concatenate([np.stack([t[n] for n in ("px", "py", "pz")], axis=1), v])[
            [0, 5, 19, 61, 70]
        ]
        for t, v in ((particles, vertices), (turned, moved))
    )
    np.testing.assert_allclose(before @ before.T, after @ after.T, atol=1e-9)
