"""The evaluation protocol: a model beside the rule-based baseline, the calorimeter and the truth.

Jets are clustered and matched as in the datasets: generalised e+e- kt, p = -1, R = 0.4, pt above
5 GeV, nearest generator jet within dR < 0.1. Response is reconstructed over generated; its width is
the interquartile range over the median. The wide jets are those of Pata et al. (Commun. Phys. 7,
124, 2024): R = 0.7, pt above 15 GeV; the datasets hold no generator jets of that radius, so they
are compared with jets of the true particles (`target`). Clustering needs FastJet.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from datasets import jets, schema
from datasets.events import Samples, Table
from mlpf_jax.physics.particles import confusion, rates
from mlpf_jax.physics.response import by_pt, met_response, summarise

JET_RADIUS, JET_MIN_PT = 0.4, 5.0  # GeV; those of the generator jets in the datasets
WIDE_RADIUS, WIDE_MIN_PT = 0.7, 15.0
MET_MIN = 10.0  # GeV; below, a ratio to the true missing momentum says little
# GeV, of the generator jet: every jet is in one bin, for the last has no end.
PT_EDGES = (JET_MIN_PT, 10.0, 20.0, 40.0, 60.0, 80.0, 100.0, 200.0)


@dataclass(frozen=True)
class Momenta:
    """Particles of all events: what one way of reconstruction makes of the elements. GeV, radians;
    a row without a particle has pt and energy 0."""

    pt: Float[np.ndarray, " elements"]
    eta: Float[np.ndarray, " elements"]
    phi: Float[np.ndarray, " elements"]
    energy: Float[np.ndarray, " elements"]


def reconstructions(
    samples: Samples, rows: Float[np.ndarray, "elements targets"]
) -> dict[str, Momenta]:
    """What is compared, the least informed first; `rows` are the model's particles."""
    return {
        "calorimeter": calorimeter_momenta(np.asarray(samples.X)),
        "baseline": row_momenta(np.asarray(samples.ycand)),
        "mlpf": row_momenta(rows),
        "target": row_momenta(np.asarray(samples.ytarget)),
    }


def calorimeter_momenta(X: Float[np.ndarray, "elements features"]) -> Momenta:
    """Every cluster as a massless particle, tracks ignored."""
    kept = X[:, schema.SHARED["elemtype"]] == schema.CLUSTER
    pt, energy = (np.where(kept, X[:, schema.SHARED[name]], 0) for name in ("pt", "energy"))
    phi = np.arctan2(X[:, schema.SHARED["sin_phi"]], X[:, schema.SHARED["cos_phi"]])
    return Momenta(pt, X[:, schema.SHARED["eta"]], phi, energy)


def row_momenta(y: Float[np.ndarray, "elements targets"]) -> Momenta:
    """Rows of schema.TARGET_FEATURES as particles; rows of class 0 have no momentum."""
    column = {name: y[:, schema.target(name)] for name in schema.TARGET_FEATURES}
    kept = column["PDG"] > 0
    pt, energy = (np.where(kept, column[name], 0) for name in ("pt", "energy"))
    return Momenta(pt, column["eta"], np.arctan2(column["sin_phi"], column["cos_phi"]), energy)


def measure_responses(samples: Samples, reconstructed: dict[str, Momenta]) -> dict[str, np.ndarray]:
    """`jet_NAME`: a response per generator jet; `wide_NAME`: the same of wide jets; `met_NAME`:
    missing pt (GeV) per event; `gen_jet_pt`, `gen_met`: the generated ones (GeV)."""
    offsets = np.asarray(samples.offsets)

    def clustered(p: Momenta, radius: float, min_pt: float) -> Table:
        return jets.cluster(p.pt, p.eta, p.phi, p.energy, offsets, radius, min_pt)[0]

    true_wide = clustered(reconstructed["target"], WIDE_RADIUS, WIDE_MIN_PT)
    out = {"gen_jet_pt": np.asarray(samples.genjets["pt"]), "gen_met": np.asarray(samples.genmet)}
    for name, p in reconstructed.items():
        narrow, wide = (clustered(p, radius, JET_MIN_PT) for radius in (JET_RADIUS, WIDE_RADIUS))
        out[f"jet_{name}"] = jets.jet_response(samples.genjets, narrow)
        out[f"wide_{name}"] = jets.jet_response(true_wide, wide)
        out[f"met_{name}"] = jets.missing_pt(p.pt * np.cos(p.phi), p.pt * np.sin(p.phi), offsets)
    return out


def figures(
    samples: Samples,
    rows: Float[np.ndarray, "elements targets"],
    responses: dict[str, np.ndarray],
) -> dict[str, Any]:
    """Medians, widths and rates, of all reconstructions, as plain values.

    `jets_by_pt` is a list of bins, each with its edges `pt` (GeV); the last has None for an end.
    """
    names = [name.removeprefix("jet_") for name in responses if name.startswith("jet_")]
    pt = responses["gen_jet_pt"]
    jet = {name: responses[f"jet_{name}"] for name in names}
    met = {name: met_ratio(responses, name) for name in names}
    return {
        "events": samples.events,
        "jets": {name: summarise(jet[name])._asdict() for name in names},
        "wide_jets": {name: summarise(responses[f"wide_{name}"])._asdict() for name in names},
        "jets_by_pt": {name: _bins(jet[name], pt) for name in names},
        "met": {name: summarise(met[name])._asdict() for name in names},
        "particles": {
            "baseline": particle_rates(samples, np.asarray(samples.ycand)),
            "mlpf": particle_rates(samples, rows),
        },
    }


def _bins(response: np.ndarray, pt: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"pt": (low, high if np.isfinite(high) else None), **summary._asdict()}
        for (low, high), summary in by_pt(response, pt, PT_EDGES).items()
    ]


def met_ratio(responses: dict[str, np.ndarray], name: str) -> Float[np.ndarray, " events"]:
    """Missing pt over the true one, in events where that is above MET_MIN."""
    ratio = met_response(responses[f"met_{name}"], responses["gen_met"], MET_MIN)
    return ratio[np.isfinite(ratio)]


def particle_rates(
    samples: Samples, rows: Float[np.ndarray, "elements targets"]
) -> dict[str, dict[str, Any]]:
    """Efficiency, class agreement and fakes of each class, element by element."""
    column = schema.target("PDG")
    true, found = (np.asarray(y[:, column]).astype(int) for y in (samples.ytarget, rows))
    table = confusion(true, found, len(schema.CLASSES))
    return dict(zip(schema.CLASSES[1:], [r._asdict() for r in rates(table)], strict=True))
