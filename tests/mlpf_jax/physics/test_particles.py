"""Efficiencies and fakes, against loops over elements."""

import numpy as np
import pytest

from mlpf_jax.physics import particles


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
