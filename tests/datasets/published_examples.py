"""Events with valid elements and classes, and directories of every published version of them."""

import numpy as np

from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of


def random_samples(counts, seed: int = 0, elements: str = "clusters") -> Samples:
    """Random events of the given sizes, in the columns of the schema. genmet numbers the events."""
    rng = np.random.default_rng(seed)
    form, rows = schema.ELEMENTS[elements], int(np.sum(counts))
    X = np.zeros((rows, form.width), np.float32)
    part = rng.integers(0, len(form.parts), rows)
    for number, kind in enumerate(form.parts):
        mine = np.flatnonzero(part == number)
        X[mine[:, None], np.arange(len(kind.features))] = rng.normal(
            size=(len(mine), len(kind.features))
        )
        X[mine, 0] = kind.elemtype
    offsets = offsets_of(np.array(counts, int))
    jets = rng.integers(0, 4, len(counts))
    genjets, targetjets = (
        stored.jet_table(offsets_of(jets), rng.normal(size=(jets.sum(), 4)).astype("f4"))
        for _ in range(2)
    )
    return Samples(
        offsets,
        X,
        _particles(rng, rows),
        _particles(rng, rows),
        np.arange(len(counts), dtype=np.float32),
        genjets,
        targetjets,
        elements,
    )


def _particles(rng, rows: int) -> np.ndarray:
    y = rng.normal(size=(rows, schema.TARGET_WIDTH)).astype(np.float32)
    phi, pt = rng.uniform(-3, 3, rows), rng.exponential(8, rows)
    eta = rng.uniform(-2, 2, rows)
    present = rng.random(rows) < 0.7
    columns = {
        "PDG": rng.integers(1, len(schema.CLASSES), rows),
        "pt": pt,
        "eta": eta,
        "sin_phi": np.sin(phi),
        "cos_phi": np.cos(phi),
        "energy": pt * np.cosh(eta),
    }
    for name, values in columns.items():
        y[:, schema.target(name)] = values
    return np.where(present[:, None], y, 0).astype(np.float32)
