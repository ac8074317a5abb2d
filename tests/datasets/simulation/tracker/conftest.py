"""Many particles through much material."""

import pytest

from datasets.simulation.tracker.history import Transported
from tests.datasets.simulation.tracker.beams import DENSE, SEEDS, mixture, through


@pytest.fixture(scope="module", params=SEEDS)
def dense(request) -> Transported:
    return through(mixture(3000, request.param), DENSE, request.param)
