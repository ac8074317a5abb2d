import numpy as np
import pytest

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, Table, offsets_of


def _make_samples(counts, seed: int = 0, links: int = 1) -> Samples:
    """Random events of the given sizes; column 5 of X numbers the elements, genmet the events.

    Shares link any two elements, `links` to an element, with energies that are all different.
    """
    rng = np.random.default_rng(seed)
    rows = int(np.sum(counts))

    def block(width):
        return rng.normal(size=(rows, width)).astype(np.float32)

    def particles():
        y = block(schema.TARGET_WIDTH)
        y[:, schema.target("charge")] = np.sign(y[:, schema.target("charge")])
        return y

    X = block(schema.ELEMENT_WIDTH)
    X[:, 5] = np.arange(rows)
    jets = rng.integers(0, 4, len(counts))
    table = stored.table_of(offsets_of(jets), rng.normal(size=(jets.sum(), 4)).astype("f4"))
    linked = links * np.array(counts, int)
    ends = [
        np.concatenate([rng.integers(0, n, links * n) for n in counts if n] or [[]]) for _ in "ab"
    ]
    shares = dict(
        zip(schema.SHARE_FEATURES, (*ends, 1 + rng.permutation(linked.sum())), strict=True)
    )
    return Samples(
        offsets=offsets_of(np.array(counts, int)),
        shares=Table(offsets_of(linked), {n: v.astype("f4") for n, v in shares.items()}),
        X=X,
        ytarget=particles(),
        ycand=particles(),
        genmet=np.arange(len(counts), dtype=np.float32),
        genjets=table,
        targetjets=table,
    )


def _same(a: Samples, b: Samples) -> bool:
    arrays = all(np.array_equal(getattr(a, n), getattr(b, n)) for n in stored.ARRAYS)
    ours, theirs = stored.tables(a), stored.tables(b)
    return (
        arrays
        and ours.keys() == theirs.keys()
        and all(
            np.array_equal(ours[n].offsets, theirs[n].offsets)
            and all(np.array_equal(ours[n][c], theirs[n][c]) for c in stored.TABLES[n])
            for n in ours
        )
    )


@pytest.fixture(scope="session")
def make_samples():
    return _make_samples


@pytest.fixture(scope="session")
def same_samples():
    return _same
