"""The report's sections: what the stages of a run left, in words, tables and drawings."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets import schema
from datasets.jets import CLOSE
from datasets.storage.files import read_json
from launch.pages import page
from launch.pages.report import figures
from launch.shell import data, outcomes, studies
from launch.shell.runs import Run
from mlpf_jax.physics import evaluation

SHOWN = ("calorimeter", "baseline", "mlpf", "target")
WHO = ("rule-based", "MLPF")


def physics(run: Run, figures_of_merit: Mapping) -> list[page.Section]:
    with np.load(run.folder / "evaluation.npz") as stored:
        responses = {name: stored[name] for name in stored.files if name != "mlpf_rows"}
    jet = {name: responses[f"jet_{name}"] for name in SHOWN}
    met = {name: evaluation.met_ratio(responses, name) for name in SHOWN}
    jets_text = (
        f"{figures_of_merit['events']} held-out events. Generalised e+e- kt jets, p = -1, "
        f"R = {evaluation.JET_RADIUS}, pt above {evaluation.JET_MIN_PT:g} GeV, matched within "
        f"dR < {CLOSE:g} to jets of all generated particles but neutrinos. The width is the "
        "interquartile range over the median."
    )
    met_text = (
        "Missing transverse momentum over the true one, in events where that is above "
        f"{evaluation.MET_MIN:g} GeV."
    )
    by_pt = {name: figures_of_merit["jets_by_pt"][name] for name in SHOWN}
    wide_text = (
        f"The same with R = {evaluation.WIDE_RADIUS} and pt above {evaluation.WIDE_MIN_PT:g} GeV, "
        "as in Pata et al. (2024), relative to jets of the true particles."
    )
    return [
        page.Section(
            "Jets",
            jets_text,
            [_response_table(figures_of_merit["jets"], "jets")],
            [figures.response(jet, "jet pt / generated"), figures.width_by_pt(by_pt)],
        ),
        page.Section(
            "Wide jets", wide_text, [_response_table(figures_of_merit["wide_jets"], "jets")], []
        ),
        page.Section(
            "Missing momentum",
            met_text,
            [_response_table(figures_of_merit["met"], "events")],
            [figures.response(met, "missing pt / generated", upper=3.0)],
        ),
        page.Section(
            "Particles",
            "Element by element: how often a true particle is found, with the right class, and "
            "how often a reconstructed one has no true partner.",
            [_particle_table(figures_of_merit["particles"])],
            [],
        ),
    ]


def _response_table(summaries: Mapping[str, Mapping], what: str) -> str:
    base = summaries["baseline"]["width"]
    rows = [
        (
            figures.LABELS[name],
            f"{s['median']:.3f}",
            f"{s['width']:.3f}",
            f"{s['width'] / base:.2f}",
            f"{s['matched']:.1%}",
            str(s["jets"]),
        )
        for name, s in ((name, summaries[name]) for name in SHOWN)
    ]
    return page.table(("", "median", "width", "to rule-based", "matched", what), rows)


def _particle_table(particles: Mapping[str, Mapping[str, Mapping]]) -> str:
    rows = [
        (
            kind,
            str(particles["mlpf"][kind]["true"]),
            *(
                _percent(particles[name][kind][figure])
                for figure in ("efficiency", "same_class", "fake")
                for name in ("baseline", "mlpf")
            ),
        )
        for kind in schema.CLASSES[1:]
    ]
    columns = [f"{what}, {who}" for what in ("found", "right class", "fake") for who in WHO]
    return page.table(("", "true", *columns), rows)


def tuning(run: Run, study: Any, metrics: Mapping[str, float]) -> list[page.Section]:
    settings = run.config.tune
    statuses = [t.status for t in study.trials]
    counts = ", ".join(f"{statuses.count(s)} {s}" for s in figures.STATUS_COLOURS if s in statuses)
    text = (
        f"{settings.scheduler}, R = {settings.max_epochs}, eta = {settings.eta}; predictor "
        f"{settings.predictor}, fitted to {settings.min_curves} curves or more. "
        f"{len(study.trials)} trials: {counts}. Crosses are trials that a prediction stopped. Blue "
        "points in the second picture: each full curve, predicted by a fit to all the others."
    )
    trials = [{"curve": t.curve, "status": t.status} for t in study.trials]
    failures = [(str(t.number), t.error) for t in study.trials if t.error]
    return [
        page.Section(
            "Tuning",
            text,
            [page.table(("failed trial", "why"), failures)] if failures else [],
            [
                figures.learning_curves(trials, settings.max_epochs, studies.metric(settings)),
                figures.predicted_against_true(predictions(run, study)),
                figures.epochs_spent(metrics["epochs_spent"], metrics["epochs_hyperband"]),
            ],
        )
    ]


def predictions(run: Run, study: Any) -> list[dict[str, Any]]:
    """Every prediction whose outcome is known.

    Those of the study's own decisions are few, since a stopped trial has no outcome. So every
    curve that reached a rung is also predicted by a fit to all others that did.
    """
    used = [
        {"mean": p.mean, "spread": p.spread, "actual": p.actual, "used": True}
        for p in study.predictions
        if p.actual is not None
    ]
    return used + _checked_afterwards(run, study)


def _checked_afterwards(run: Run, study: Any) -> list[dict[str, Any]]:
    """Leave-one-out predictions of every full curve, at each rung and decision point used."""
    from hpo.forecasting.validation import leave_one_out

    predictor = studies.make_predictor(run.config.tune)
    out = []
    for rung, epoch in sorted({(p.rung, p.epoch) for p in study.predictions}):
        there = [t for t in study.trials if t.epochs >= rung]
        if len(there) <= run.config.tune.min_curves:
            continue
        curves = np.array([t.curve[:rung] for t in there])
        configurations = [t.configuration for t in there]
        foreseen = leave_one_out(predictor, curves, configurations, epoch, run.config.seed)
        for mean, spread, actual in zip(*foreseen, curves[:, -1], strict=True):
            out.append({"mean": mean, "spread": spread, "actual": actual, "used": False})
    return out


def event(run: Run) -> list[page.Section]:
    samples = data.load(run, "test")
    event = int(np.argmax(np.diff(samples.offsets) >= np.median(np.diff(samples.offsets))))
    rows = slice(samples.offsets[event], samples.offsets[event + 1])
    with np.load(run.folder / "evaluation.npz") as stored:
        predicted = stored["mlpf_rows"][rows]
    shown = {
        "target": np.asarray(samples.ytarget[rows]),
        "baseline": np.asarray(samples.ycand[rows]),
        "mlpf": predicted,
    }
    text = (
        f"Event {event} of the test split: what the detector saw, the truth, and both "
        "reconstructions. The area of a marker grows with pt."
    )
    drawing = figures.event_display(np.asarray(samples.X[rows]), shown)
    return [page.Section("One event", text, [], [drawing])]


def winner(run: Run, study: Any) -> list[page.Section]:
    best = read_json(run.folder / "best.json")
    rows = [(name, _value(value)) for name, value in sorted(best["values"].items())]
    ranked_by = studies.metric(run.config.tune).replace("_", " ")
    text = (
        f"Trial {best['trial']} had the lowest {ranked_by}, {best['loss']:.4f} after "
        f"{best['epochs']} epochs. Its configuration was then trained on all events."
    )
    drawing = figures.training_curve(list(outcomes.records(run).values()))
    return [page.Section("The winner", text, [page.table(("", "value"), rows)], [drawing])]


def provenance(run: Run) -> list[page.Section]:
    import hpo

    header, _ = hpo.read_journal(run.folder / "study.db")
    seconds = read_json(run.folder / "seconds.json")
    rows = [(f"{name}", f"{value:.0f} s") for name, value in seconds.items()]
    rows += [(name, version) for name, version in header["versions"].items()]
    config = json.dumps(read_json(run.folder / "config.json"), indent=1)
    text = (
        "Events are Pythia 8 collisions in a fast simulation of a CLIC-like detector, not CLIC's "
        "full simulation; the rule-based particle flow is this project's own, not Pandora."
    )
    folded = page.folded("The whole configuration", page.source(config))
    return [page.Section("Provenance", text, [page.table(("", ""), rows), folded], [])]


def _percent(share: float) -> str:
    return "-" if np.isnan(share) else f"{share:.1%}"


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
