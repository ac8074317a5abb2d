"""Compares a run's model with the rule-based baseline, the bare calorimeter and the truth.

python -m launch.evaluate --run=runs/demo

Jets are clustered and matched as in the datasets: generalised e+e- kt, p = -1, R = 0.4, pt above
5 GeV, nearest generator jet within dR < 0.1. Response is reconstructed over generated; its width is
the interquartile range over the median. The wide jets are those of Pata et al. (Commun. Phys. 7,
124, 2024): R = 0.7, pt above 15 GeV; the datasets hold no generator jets of that radius, so they
are compared with jets of the true particles (`target`).
"""

from dataclasses import dataclass

import numpy as np

from datasets import jets, schema
from datasets.events import Samples, Table
from launch.shell import data, program
from launch.shell.progress import progress, say
from launch.shell.reconstruct import reconstructor
from launch.shell.runs import Run, going_on_in, read_json, stage, write_json

JET_RADIUS, JET_MIN_PT = 0.4, 5.0  # GeV; those of the generator jets in the datasets
WIDE_RADIUS, WIDE_MIN_PT = 0.7, 15.0
MET_MIN = 10.0  # GeV; below, a ratio to the true missing momentum says little


@dataclass(frozen=True)
class Momenta:
    """Particles of all events: what one way of reconstruction makes of the elements."""

    pt: np.ndarray
    eta: np.ndarray
    phi: np.ndarray
    energy: np.ndarray


def evaluate(run: Run) -> None:
    """Writes evaluation.json (figures) and evaluation.npz (responses, and the model's rows)."""
    if (run.folder / "evaluation.json").exists():
        return
    with stage(run, "evaluate"):
        samples = data.load(run, "test")
        rows = mlpf_rows(run, samples)
        responses = measure_responses(samples, reconstructions(samples, rows))
        np.savez(run.folder / "evaluation.npz", mlpf_rows=rows, **responses)
        write_json(run.folder / "evaluation.json", figures(samples, rows, responses))


def mlpf_rows(run: Run, samples: Samples) -> np.ndarray:
    """The model's particles for every element of the samples (elements, targets)."""
    reconstruct = reconstructor(run)
    with progress("reconstruct", samples.events, "events") as update:
        return reconstruct(samples, update)


def reconstructions(samples: Samples, rows: np.ndarray) -> dict[str, Momenta]:
    """What is compared, the least informed first."""
    return {
        "calorimeter": calorimeter_momenta(np.asarray(samples.X)),
        "baseline": row_momenta(np.asarray(samples.ycand)),
        "mlpf": row_momenta(rows),
        "target": row_momenta(np.asarray(samples.ytarget)),
    }


def calorimeter_momenta(X: np.ndarray) -> Momenta:
    """Every cluster as a massless particle, tracks ignored."""
    kept = X[:, schema.SHARED["elemtype"]] == schema.CLUSTER
    pt, energy = (np.where(kept, X[:, schema.SHARED[name]], 0) for name in ("pt", "energy"))
    phi = np.arctan2(X[:, schema.SHARED["sin_phi"]], X[:, schema.SHARED["cos_phi"]])
    return Momenta(pt, X[:, schema.SHARED["eta"]], phi, energy)


def row_momenta(y: np.ndarray) -> Momenta:
    """Rows of schema.TARGET_FEATURES as particles; rows of class 0 have no momentum."""
    column = {name: y[:, schema.target(name)] for name in schema.TARGET_FEATURES}
    kept = column["PDG"] > 0
    pt, energy = (np.where(kept, column[name], 0) for name in ("pt", "energy"))
    return Momenta(pt, column["eta"], np.arctan2(column["sin_phi"], column["cos_phi"]), energy)


def measure_responses(samples: Samples, reconstructed: dict[str, Momenta]) -> dict[str, np.ndarray]:
    """`jet_NAME`: a response per generator jet; `wide_NAME`: the same of wide jets; `met_NAME`:
    missing pt (GeV) per event."""
    from mlpf_jax.physics.missing import missing_pt
    from mlpf_jax.physics.response import jet_response

    offsets = np.asarray(samples.offsets)

    def clustered(p: Momenta, radius: float, min_pt: float) -> Table:
        return jets.cluster(p.pt, p.eta, p.phi, p.energy, offsets, radius, min_pt)[0]

    true_wide = clustered(reconstructed["target"], WIDE_RADIUS, WIDE_MIN_PT)
    out = {"gen_jet_pt": np.asarray(samples.genjets["pt"]), "gen_met": np.asarray(samples.genmet)}
    for name, p in reconstructed.items():
        out[f"jet_{name}"] = jet_response(samples.genjets, clustered(p, JET_RADIUS, JET_MIN_PT))
        out[f"wide_{name}"] = jet_response(true_wide, clustered(p, WIDE_RADIUS, JET_MIN_PT))
        out[f"met_{name}"] = missing_pt(p.pt, p.phi, offsets)
    return out


def figures(samples: Samples, rows: np.ndarray, responses: dict[str, np.ndarray]) -> dict:
    """Medians, widths and rates, of all reconstructions, as plain values."""
    from mlpf_jax.physics.response import by_pt, summarise

    names = [name.removeprefix("jet_") for name in responses if name.startswith("jet_")]
    pt = responses["gen_jet_pt"]
    jet = {name: responses[f"jet_{name}"] for name in names}
    met = {name: met_ratio(responses, name) for name in names}
    return {
        "events": samples.events,
        "jets": {name: summarise(jet[name])._asdict() for name in names},
        "wide_jets": {name: summarise(responses[f"wide_{name}"])._asdict() for name in names},
        "jets_by_pt": {
            name: [{"pt": edges, **s._asdict()} for edges, s in by_pt(jet[name], pt).items()]
            for name in names
        },
        "met": {name: summarise(met[name])._asdict() for name in names},
        "particles": {
            "baseline": particle_rates(samples, np.asarray(samples.ycand)),
            "mlpf": particle_rates(samples, rows),
        },
    }


def met_ratio(responses: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Missing pt over the true one, in events where that is above MET_MIN."""
    from mlpf_jax.physics.missing import met_response

    ratio = met_response(responses[f"met_{name}"], responses["gen_met"], MET_MIN)
    return ratio[np.isfinite(ratio)]


def particle_rates(samples: Samples, rows: np.ndarray) -> dict[str, dict]:
    """Efficiency, class agreement and fakes of each class, element by element."""
    from mlpf_jax.physics.particles import confusion, rates

    column = schema.target("PDG")
    true, found = (np.asarray(y[:, column]).astype(int) for y in (samples.ytarget, rows))
    table = confusion(true, found, len(schema.CLASSES))
    return dict(zip(schema.CLASSES[1:], [r._asdict() for r in rates(table)], strict=True))


if __name__ == "__main__":
    folder = program.define_run()

    def main() -> None:
        with going_on_in(folder()) as run:
            evaluate(run)
            for name, jet in read_json(run.folder / "evaluation.json")["jets"].items():
                say(f"  {name:12} jets: median {jet['median']:.3f}, width {jet['width']:.3f}")
            say(f"all figures: {run.folder / 'evaluation.json'}")

    program.start(main)
