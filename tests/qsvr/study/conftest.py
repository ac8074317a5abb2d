"""A table of learning curves as values: 60 rows of 20 epochs, two of each configuration."""

import numpy as np
import pytest

from qsvr.study.curves import Curves, sound_curves


@pytest.fixture(scope="session")
def curves() -> Curves:
    random = np.random.default_rng(0)
    end, rate = random.uniform(1, 3, 30).repeat(2), random.uniform(0.3, 1, 30).repeat(2)
    losses = end[:, None] + 2 * np.arange(1, 21) ** -rate[:, None]
    losses += 0.01 * random.normal(size=losses.shape)
    return sound_curves("toy", losses, [{"rate": value} for value in rate.tolist()])
