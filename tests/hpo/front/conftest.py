from functools import partial

import pytest

import hpo


@pytest.fixture
def tune():
    """A small study: Hyperband of 17 trials and 69 epochs."""
    return partial(
        hpo.tune,
        space={"x": hpo.Float(0, 1)},
        max_epochs=9,
        scheduler="hyperband",
        seed=1,
        verbose=False,
    )
