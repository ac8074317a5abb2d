import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of


def _make_samples(counts, seed: int = 0) -> Samples:
    """Random events of the given sizes; column 5 of X numbers the elements, genmet the events."""
    rng = np.random.default_rng(seed)
    rows = int(np.sum(counts))

    def block(width):
        return rng.normal(size=(rows, width)).astype(np.float32)

    X = block(schema.ELEMENT_WIDTH)
    X[:, 5] = np.arange(rows)
    jets = rng.integers(0, 4, len(counts))
    table = stored.jet_table(offsets_of(jets), rng.normal(size=(jets.sum(), 4)).astype("f4"))
    return Samples(
        offsets=offsets_of(np.array(counts, int)),
        X=X,
        ytarget=block(schema.TARGET_WIDTH),
        ycand=block(schema.TARGET_WIDTH),
        genmet=np.arange(len(counts), dtype=np.float32),
        genjets=table,
        targetjets=table,
    )


def _same(a: Samples, b: Samples) -> bool:
    arrays = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in stored.ARRAYS)
    jets = all(
        np.array_equal(getattr(a, n)[c], getattr(b, n)[c])
        for n in stored.JETS
        for c in schema.JET_FEATURES
    )
    return arrays and jets


@pytest.fixture(scope="session")
def make_samples():
    return _make_samples


@pytest.fixture(scope="session")
def same_samples():
    return _same
