"""Samples for pages and tables: every part, every class, zeros, an event without elements."""

import numpy as np

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of
from datasets.schema import target

COUNTS = np.array([30, 0, 12, 45, 7])


def made_up(elements: str, seed: int = 0, counts=COUNTS) -> Samples:
    """Random events with elements of every part, particles of every class, jets and zeros."""
    rng, form, rows = np.random.default_rng(seed), schema.ELEMENTS[elements], int(np.sum(counts))
    X = np.exp(rng.normal(size=(rows, form.width))).astype(np.float32)
    part = rng.integers(0, 2, rows)
    X[:, 0] = np.where(part == 0, form.parts[0].elemtype, form.parts[1].elemtype)
    X[:, 2] = rng.normal(size=rows)
    X[:, 3], X[:, 4] = np.sin(X[:, 1]), np.cos(X[:, 1])
    if elements != "clusters":
        of_hits = (part == 1) | (elements == "hits")
        column = schema.HIT_FEATURES.index("subdetector")
        in_tracker = (part == 0) & (elements == "hits")
        kinds = np.where(in_tracker, schema.TRACKER, rng.integers(0, schema.TRACKER, rows))
        X[of_hits, column] = kinds[of_hits]

    def particles():
        y = rng.normal(size=(rows, schema.TARGET_WIDTH)).astype(np.float32)
        y[:, target("PDG")] = rng.integers(0, len(schema.CLASSES), rows)
        y[:, target("charge")] = np.sign(y[:, target("charge")])
        y[:, target("energy")] = np.exp(y[:, target("energy")])
        y[y[:, target("PDG")] == 0] = 0
        return y

    jets = rng.integers(0, 4, len(counts))
    table = stored.table_of(offsets_of(jets), rng.normal(size=(jets.sum(), 4)).astype("f4"))
    met = rng.random(len(counts)).astype(np.float32)
    return Samples(
        offsets_of(np.array(counts)), X, particles(), particles(), met, table, table, elements
    )
