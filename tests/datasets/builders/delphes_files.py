"""Files as those of the Delphes dataset: compressed pickles of random events."""

import bz2
import pickle
from pathlib import Path

import numpy as np

CHARGE, PT, ETA, SIN, COS, ENERGY = range(1, 7)


def content(counts=(5, 0, 3), seed=0, dtype=np.float64):
    """What a file holds: neutral candidates have no pt, charged ones no energy."""
    rng = np.random.default_rng(seed)
    events = [one_event(rng, count) for count in counts]
    return {
        name: [event[name].astype(dtype) for event in events] for name in ("X", "ygen", "ycand")
    }


def one_event(rng, rows):
    X = rng.normal(size=(rows, 12))
    X[:, 0] = rng.integers(1, 3, rows)
    y = {}
    for name in ("ygen", "ycand"):
        phi, eta, pt = rng.uniform(-3, 3, rows), rng.uniform(-2, 2, rows), rng.exponential(9, rows)
        kind = rng.integers(0, 8, rows)
        charge = rng.integers(-1, 2, rows)
        y[name] = np.stack(
            [kind, charge, pt, eta, np.sin(phi), np.cos(phi), pt * np.cosh(eta)], axis=1
        )
        y[name][kind == 0] = 0
    missing = np.where(y["ycand"][:, CHARGE] == 0, PT, ENERGY)
    y["ycand"][np.arange(rows), missing] = 0
    return {"X": X, **y}


def write_pickle(path: Path, data: object, protocol: int = 4) -> Path:
    """`data` as a compressed pickle; bytes are one already."""
    raw = data if isinstance(data, bytes) else pickle.dumps(data, protocol)
    path.write_bytes(bz2.compress(raw))
    return path


class Reduced:
    """Pickles as a call."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced
