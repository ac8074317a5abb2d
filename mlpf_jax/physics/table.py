"""Particles as columns with names, as other programs read them."""

import numpy as np
from jaxtyping import Float, Int

from datasets import schema
from mlpf_jax.physics.observables import JETS, Observed, names_of

_LEPTONS = [schema.CLASSES.index(name) for name in ("electron", "muon")]


def particle_columns(
    offsets: Int[np.ndarray, " events_plus_1"],
    X: Float[np.ndarray, "elements features"],
    rows: Float[np.ndarray, "elements targets"],
) -> dict[str, np.ndarray]:
    """One entry for every element of `schema.TARGET_FEATURES` rows; GeV.

    event, element, element_type, class, pdg, charge, pt, eta, phi, energy. Class "none" and pdg 0
    where an element became no particle; the numbers of PDG's Monte Carlo scheme are negative for
    antiparticles, so for negative hadrons and for positive leptons.
    """
    column = {name: rows[:, schema.target(name)] for name in schema.TARGET_FEATURES}
    kind, counts = column["PDG"].astype(int), np.diff(offsets)
    charge = column["charge"].astype(np.int32)
    sign = np.where(np.isin(kind, _LEPTONS), -charge, np.where(charge < 0, -1, 1))
    types = {part.elemtype: part.table for part in schema.form_of_width(X.shape[1]).parts}
    return {
        "event": np.repeat(np.arange(len(counts)), counts),
        "element": np.arange(len(X)) - np.repeat(offsets[:-1], counts),
        "element_type": np.array(["", *(types.get(k, "") for k in (1, 2))])[
            X[:, schema.SHARED["elemtype"]].astype(int)
        ],
        "class": np.array(schema.CLASSES)[kind],
        "pdg": np.array(schema.CLASS_PDG, np.int32)[kind] * sign,
        "charge": charge,
        "pt": column["pt"],
        "eta": column["eta"],
        "phi": np.arctan2(column["sin_phi"], column["cos_phi"]),
        "energy": column["energy"],
    }


def jet_columns(observed: Observed) -> dict[str, np.ndarray]:
    """One entry for every generated jet that is compared, narrow ones first.

    event, radius, pt, eta, energy (GeV), and for each reconstruction the response in pt under its
    name; NaN where it has no such jet.
    """
    groups = ("jets_r04", "jets_r07")
    names = ("event", "pt", "eta", "energy", *names_of(observed))
    columns = {name: np.concatenate([observed[g][name] for g in groups]) for name in names}
    radius = np.repeat([JETS[g].radius for g in groups], [len(observed[g]["pt"]) for g in groups])
    return {"event": columns.pop("event"), "radius": radius, **columns}
