from typing import NamedTuple

import numpy as np
import pytest

from mlpf_jax.physics import missing, particles, response


class Rows(NamedTuple):
    offsets: np.ndarray
    columns: dict

    def __getitem__(self, name):
        return self.columns[name]


def jets(rng, counts):
    n = sum(counts)
    columns = {
        "pt": rng.uniform(10, 100, n),
        "eta": rng.uniform(-0.3, 0.3, n),
        "phi": rng.choice([-1, 1], n) * rng.uniform(np.pi - 0.2, np.pi, n),
    }
    return Rows(np.concatenate([[0], np.cumsum(counts)]), columns)


@pytest.mark.parametrize("seed", range(5))
def test_matching_against_loops(seed):
    rng = np.random.default_rng(seed)
    gen, reco = jets(rng, [9, 0, 12, 1]), jets(rng, [12, 2, 0, 6])
    expected = []
    for event in range(4):
        for g in range(gen.offsets[event], gen.offsets[event + 1]):
            best, closest = -1, 0.1
            for r in range(reco.offsets[event], reco.offsets[event + 1]):
                d_phi = abs(gen["phi"][g] - reco["phi"][r])
                d_phi = min(d_phi, 2 * np.pi - d_phi)
                distance = np.hypot(gen["eta"][g] - reco["eta"][r], d_phi)
                if distance < closest:
                    best, closest = r, distance
            expected.append(best)
    got = response.match(gen, reco)
    np.testing.assert_array_equal(got, expected)
    assert max(expected) >= 0
    ratio = response.jet_response(gen, reco)
    np.testing.assert_array_equal(np.isnan(ratio), got < 0)


def test_no_reconstructed_jets_at_all():
    rng = np.random.default_rng(0)
    gen = jets(rng, [2, 1])
    ratio = response.jet_response(gen, jets(rng, [0, 0]))
    assert np.isnan(ratio).all()
    assert response.summarise(ratio).matched == 0


def test_width_of_known_values():
    values = np.array([0.8, 0.9, 1.0, 1.1, 1.3, np.nan])
    assert response.width(values) == pytest.approx((1.1 - 0.9) / 1.0)
    summary = response.summarise(values)
    assert summary.jets == 6
    assert summary.matched == pytest.approx(5 / 6)
    assert summary.median == 1.0


def test_bins_of_pt_hold_each_jet_once():
    rng = np.random.default_rng(0)
    pt = rng.uniform(10, 200, 500)
    bins = response.by_pt(np.ones(500), pt)
    assert sum(s.jets for s in bins.values()) == 500
    assert bins[(20.0, 40.0)].jets == ((pt >= 20) & (pt < 40)).sum()


def test_missing_momentum_against_loops():
    rng = np.random.default_rng(0)
    offsets = np.array([0, 3, 3, 10])
    pt, phi = rng.uniform(0, 9, 10), rng.uniform(-3, 3, 10)
    expected = [abs(sum(pt[a:b] * np.exp(1j * phi[a:b]))) for a, b in ((0, 3), (3, 3), (3, 10))]
    got = missing.missing_pt(pt, phi, offsets)
    np.testing.assert_allclose(got, expected, atol=1e-12)
    ratio = missing.met_response(got, np.array([10.0, 10.0, 1.0]))
    np.testing.assert_allclose(ratio[:2], got[:2] / 10)
    assert np.isnan(ratio[2])


def test_rates_against_loops():
    rng = np.random.default_rng(0)
    true, reco = rng.integers(0, 4, 300), rng.integers(0, 4, 300)
    table = particles.confusion(true, reco, 5)
    for kind, rates in enumerate(particles.rates(table), start=1):
        there = [r for t, r in zip(true, reco, strict=True) if t == kind]
        made = [t for t, r in zip(true, reco, strict=True) if r == kind]
        if kind == 4:
            assert (rates.true, rates.reconstructed) == (0, 0)
            assert np.isnan(rates.efficiency)
            continue
        assert rates.true == len(there)
        assert rates.efficiency == pytest.approx(sum(r > 0 for r in there) / len(there))
        found = [r for r in there if r > 0]
        assert rates.same_class == pytest.approx(found.count(kind) / len(found))
        assert rates.fake == pytest.approx(made.count(0) / len(made))
