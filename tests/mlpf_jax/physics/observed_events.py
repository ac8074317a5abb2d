"""Made-up events whose figures are known: every element is a cluster, and a photon of its own."""

import numpy as np

from datasets import jets, schema
from datasets.events import Samples, Table, offsets_of
from mlpf_jax.physics.evaluation import row_momenta


def scaled(y, factor):
    """The particles with `factor` times their momentum and energy."""
    out = y.copy()
    factor = np.broadcast_to(np.asarray(factor, np.float32), len(y))[:, None]
    out[:, [schema.target("pt"), schema.target("energy")]] *= factor
    return out


def photons(counts, seed: int = 0, scale: float = 8.0, baseline=None) -> Samples:
    """Events of so many photons; the baseline smears them, if `baseline` does not scale them."""
    rng = np.random.default_rng(seed)
    offsets = offsets_of(np.array(counts, int))
    n = offsets[-1]
    pt, eta = rng.exponential(scale, n) + 0.1, rng.normal(0, 1, n)
    phi = rng.uniform(-np.pi, np.pi, n)
    columns = {
        "pt": pt, "eta": eta, "sin_phi": np.sin(phi), "cos_phi": np.cos(phi),
        "energy": pt * np.cosh(eta),
    }  # fmt: skip
    X = np.zeros((n, schema.ELEMENT_WIDTH), np.float32)
    y = np.zeros((n, schema.TARGET_WIDTH), np.float32)
    X[:, schema.SHARED["elemtype"]] = schema.CLUSTER
    y[:, schema.target("PDG")] = schema.CLASSES.index("photon")
    for name, values in columns.items():
        X[:, schema.SHARED[name]] = y[:, schema.target(name)] = values
    truth = row_momenta(y)
    table, _ = jets.cluster(truth.pt, truth.eta, truth.phi, truth.energy, offsets)
    met = jets.missing_pt(truth.pt * np.cos(truth.phi), truth.pt * np.sin(truth.phi), offsets)
    smeared = scaled(y, rng.lognormal(0, 0.2, n) if baseline is None else baseline)
    return Samples(offsets, X, y, smeared, met, table, table)


def table_of(y, offsets) -> Table:
    """Rows of particles as a limit has them."""
    p = row_momenta(y)
    return Table(offsets, {name: getattr(p, name) for name in schema.JET_FEATURES})


def generated_of(y, offsets) -> Table:
    """The same as px, py, pz and energy."""
    p = row_momenta(y)
    columns = (p.pt * np.cos(p.phi), p.pt * np.sin(p.phi), p.pt * np.sinh(p.eta), p.energy)
    return Table(offsets, dict(zip(("px", "py", "pz", "energy"), columns, strict=True)))
