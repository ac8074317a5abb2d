import numpy as np
import pytest

from hpo.simulation.tables import Table
from tests.hpo.played_studies import played


@pytest.fixture
def synthetic():
    """Makes a table of power laws that cross: slow learners end lower."""

    def make(rows=200, epochs=27, seed=0):
        generator = np.random.default_rng(seed)
        rate = generator.uniform(0.2, 1.5, (rows, 1))
        noise = generator.normal(0, 0.02, (rows, epochs))
        fall = np.arange(1, epochs + 1) ** -rate
        curves = generator.uniform(0.5, 1, (rows, 1)) * rate + fall + noise
        return Table("synthetic", tuple({"i": i} for i in range(rows)), curves)

    return make


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Makes the log (its path) and the last state of a study by the name of its scheduler."""
    folder = tmp_path_factory.mktemp("studies")

    def make(name):
        path = folder / f"{name.replace(' ', '-')}.db"
        return path, played(name, path)

    return make
