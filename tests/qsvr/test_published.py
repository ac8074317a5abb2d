"""The settings of the published study, which its reproduced figures rest on."""

import pytest

from qsvr import QSVR

PUBLISHED = {
    "gamma": 0.1,
    "bits": 3,
    "base": 0.5,
    "epsilon": 0.02,
    "penalty": 0.01,
    "target_scaling": "minmax",
    "sampler": "simulated_annealing",
    "reads": 50,
    "sweeps": 400,
    "combine": "published",
    "max_rows": 20,
}


def test_the_published_settings():
    found = QSVR.published().get_params()
    assert {name: found[name] for name in PUBLISHED} == PUBLISHED
    assert found["C"] == pytest.approx(sum(0.5 ** (i - 0.005) for i in range(3)), rel=1e-12)
