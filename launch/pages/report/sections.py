"""The report's sections: what the stages of a run left, in words, tables and drawings."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from datasets import schema
from datasets.events import Samples
from datasets.jets import CLOSE
from datasets.storage.files import read_json
from launch.objectives import selection
from launch.pages import event as events
from launch.pages import page
from launch.pages import responses as pictures
from launch.pages.looks import RECONSTRUCTIONS
from launch.pages.report import errors, figures
from launch.shell import fitting, outcomes, studies
from launch.shell.runs import Run
from mlpf_install.wording import counted
from mlpf_jax.physics import evaluation
from mlpf_jax.physics.bootstrap import Spread

SHOWN = ("calorimeter", "baseline", "mlpf", "target")
LABELS = {name: RECONSTRUCTIONS[name].label for name in SHOWN} | {"target": "truth"}
WHO = ("rule-based", "MLPF")


def made(run: Run, figures_of_merit: Mapping | None) -> str:
    """How the page was made, for every caption."""
    events = (
        "" if figures_of_merit is None else f"{counted(figures_of_merit['events'], 'test event')}, "
    )
    return f"Made by python -m launch.report --run={run.folder}: {events}seed {run.config.seed}."


def physics(run: Run, samples: Samples, figures_of_merit: Mapping) -> list[page.Section]:
    with np.load(run.folder / "evaluation.npz") as stored:
        responses = {name: stored[name] for name in stored.files if name != "mlpf_rows"}
    groups = errors.groups(samples, responses, SHOWN)
    spreads = {name: errors.spreads(of, run.config.seed) for name, of in groups.items()}
    by_pt = errors.bins(
        figures_of_merit["jets_by_pt"], groups["jets"], responses["gen_jet_pt"], run.config.seed
    )
    jets_text = (
        f"{counted(figures_of_merit['events'], 'held-out event')}. Generalised e+e- kt jets, p = "
        f"-1, R = {evaluation.JET_RADIUS}, pt above {evaluation.JET_MIN_PT:g} GeV, matched within "
        f"dR < {CLOSE:g} to jets of all generated particles but neutrinos. The width is the "
        "interquartile range over the median. Errors are one standard deviation of a bootstrap "
        "over events, those of shares binomial."
    )
    met_text = (
        "Missing transverse momentum over the true one, in events where that is above "
        f"{evaluation.MET_MIN:g} GeV."
    )
    wide_text = (
        f"The same with R = {evaluation.WIDE_RADIUS} and pt above {evaluation.WIDE_MIN_PT:g} GeV, "
        "as in Pata et al. (2024), relative to jets of the true particles; errors as if jets were "
        "independent."
    )
    return [
        page.Section(
            "Jets",
            jets_text,
            [_response_table(figures_of_merit["jets"], spreads["jets"], "jets")],
            [
                pictures.histogram("jets", groups["jets"].values, "jet pt / generated", (0.4, 1.6)),
                pictures.binned(
                    "jets-by-pt", by_pt, "pt", ("generator jet pt [GeV]", "response IQR / median")
                ),
            ],
        ),
        page.Section(
            "Wide jets",
            wide_text,
            [_response_table(figures_of_merit["wide_jets"], spreads["wide_jets"], "jets")],
            [
                pictures.histogram(
                    "wide-jets", groups["wide_jets"].values, "wide jet pt / true", (0.5, 1.5)
                )
            ],
        ),
        page.Section(
            "Missing momentum",
            met_text,
            [_response_table(figures_of_merit["met"], spreads["met"], "events")],
            [
                pictures.histogram(
                    "missing", groups["met"].values, "missing pt / generated", (0.0, 3.0), 60
                )
            ],
        ),
        page.Section(
            "Particles",
            "Element by element: how often a true particle is found, with the right class, and "
            "how often a reconstructed one has no true partner; with binomial errors.",
            [_particle_table(figures_of_merit["particles"])],
            [],
        ),
    ]


def _response_table(
    summaries: Mapping[str, Mapping], spreads: Mapping[str, Spread], what: str
) -> str:
    rows = [
        (
            LABELS[name],
            f"{s['median']:.3f}{_error(found.median_error, 3)}",
            f"{s['width']:.3f}{_error(found.width_error, 3)}",
            "{:.2f}{}".format(*_over(found, spreads["baseline"])),
            f"{s['matched']:.1%}{_binomial(s['matched'], s['jets'])}",
            str(s["jets"]),
        )
        for name, s in ((name, summaries[name]) for name in SHOWN)
        for found in [spreads[name]]
    ]
    return page.table(("", "median", "width", "to rule-based", "matched", what), rows)


def _over(found: Spread, base: Spread) -> tuple[float, str]:
    value, error = errors.ratio(found, base)
    return value, "" if found is base else _error(error, 2)


def _error(error: float, digits: int) -> str:
    return f" ± {error:.{digits}f}" if np.isfinite(error) else ""


def _binomial(share: float, entries: int) -> str:
    if not entries or np.isnan(share):
        return ""
    return f" ± {np.sqrt(max(share * (1 - share), 0) / entries):.1%}"


def _particle_table(particles: Mapping[str, Mapping[str, Mapping]]) -> str:
    rows = [
        (
            kind,
            str(particles["mlpf"][kind]["true"]),
            *(
                _rate(particles[name][kind], figure)
                for figure in ("efficiency", "same_class", "fake")
                for name in ("baseline", "mlpf")
            ),
        )
        for kind in schema.CLASSES[1:]
    ]
    columns = [f"{what}, {who}" for what in ("found", "right class", "fake") for who in WHO]
    return page.table(("", "true", *columns), rows)


def _rate(rates: Mapping[str, Any], figure: str) -> str:
    """A share with its error: of true particles, of those found, or of reconstructed ones."""
    share, true = rates[figure], rates["true"]
    of = {
        "efficiency": true,
        "same_class": true * np.nan_to_num(rates["efficiency"]),
        "fake": rates["reconstructed"],
    }
    return "-" if np.isnan(share) else f"{share:.1%}{_binomial(share, of[figure])}"


def method(settings: Any) -> str:
    """How `config.tune` tunes: the scheduler with its budget, and who predicts for it."""
    fitted = f"fitted to {counted(settings.min_curves, 'curve')} or more"
    predicts = f"; {settings.predictor}, {fitted}, predicts"
    asked = settings.scheduler in studies.PREDICTING
    budget = f"R = {settings.max_epochs}, eta = {settings.eta}"
    return f"{studies.described(settings)}, {budget}{predicts * asked}"


def tuning(run: Run, study: Any) -> list[page.Section]:
    from hpo.showing import figures as shown
    from hpo.showing.drawing import accounts, curves
    from hpo.showing.recorded import view_of

    settings, view = run.config.tune, view_of(run.folder / "study.db")
    counts = ", ".join(f"{n} {status}" for status, n in shown.counts(view).items())
    text = (
        f"{method(settings)}. {counted(len(study.trials), 'trial')}: {counts}. The mark at the end "
        "of a curve says what became of the trial; the worst twentieth of all values lies outside. "
        "Checked afterwards: each full curve, predicted by a fit of "
        f"{settings.predictor} to all the others."
    )
    failures = [(str(t.number), t.error) for t in study.trials if t.error]
    return [
        page.Section(
            "Tuning",
            text,
            [page.table(("failed trial", "why"), failures)] if failures else [],
            [
                curves.curves(view),
                figures.predicted_against_true(
                    predictions(run, study), studies.metric(settings).replace("_", " ")
                ),
                accounts.savings(shown.spent(view)),
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


def event(run: Run, samples: Samples) -> list[page.Section]:
    event = int(np.argmax(np.diff(samples.offsets) >= np.median(np.diff(samples.offsets))))
    rows = slice(samples.offsets[event], samples.offsets[event + 1])
    with np.load(run.folder / "evaluation.npz") as stored:
        predicted = stored["mlpf_rows"][rows]
    shown = {
        "target": np.asarray(samples.ytarget[rows]),
        "baseline": np.asarray(samples.ycand[rows]),
        "mlpf": predicted,
    }
    X = np.asarray(samples.X[rows])
    where = f"Event {event} of the test split"
    text = (
        f"{where}: what the detector saw, the truth, and both reconstructions. In three dimensions "
        "tracks bend to the calorimeter, clusters lie where they were found; particles are "
        "straight lines, longer with energy."
    )
    turning = {LABELS[name]: y for name, y in shown.items()}
    drawings = [
        figures.event_display(X, shown, LABELS),
        events.turning(X, turning, caption=f"{where}, to be turned."),
    ]
    return [page.Section("One event", text, [], drawings)]


def trained(run: Run) -> list[page.Section]:
    """The winner of the tuning and its final training, or that of a run that was not tuned."""
    rows, text, title = [], "", "The training"
    if (run.folder / "best.json").exists():
        best, title = read_json(run.folder / "best.json"), "The winner"
        rows = [(name, _value(value)) for name, value in sorted(best["values"].items())]
        ranked_by = studies.metric(run.config.tune).replace("_", " ")
        text = (
            f"Trial {best['trial']} had the lowest {ranked_by}, {best['loss']:.4f} after "
            f"{counted(best['epochs'], 'epoch')}. "
        )
    records = outcomes.records(run)
    if not records and not rows:
        return []
    tables = [page.table(("", "value"), rows)] if rows else []
    if not records:
        return [page.Section(title, f"{text}Its configuration has not been trained.", tables, [])]
    select = fitting.fitting_of(run.config.fit).select
    best_epoch = selection.best({e: selection.score(r, select) for e, r in records.items()})
    chosen = outcomes.chosen_epoch(run) or best_epoch
    lost = "" if chosen == best_epoch else f" The state of epoch {best_epoch}, the best, was lost."
    text += "Its configuration was then" if rows else "The run's own configuration, untuned, was"
    text += (
        f" trained on all events, and the model of epoch {chosen} of {max(records)} chosen, by "
        f"{_BY[select]}.{lost}"
    )
    return [
        page.Section(title, text, tables, [figures.training_curve([*records.values()], chosen)])
    ]


_BY = {"loss": "its validation loss", "jets": "its jets", "last": "being the last"}


def seconds(run: Run) -> dict[str, float]:
    """What each stage took, as far as it is known."""
    account = run.folder / "seconds.json"
    return read_json(account) if account.exists() else {}


def provenance(run: Run) -> list[page.Section]:
    import hpo

    rows = [(f"{name}", f"{value:.0f} s") for name, value in seconds(run).items()]
    if (run.folder / "study.db").is_file():
        header, _ = hpo.read_journal(run.folder / "study.db")
        rows += [(name, version) for name, version in header.get("versions", {}).items()]
    config = json.dumps(read_json(run.folder / "config.json"), indent=1)
    text = (
        "Events are Pythia 8 collisions in a fast simulation of a CLIC-like detector, not CLIC's "
        "full simulation; the rule-based particle flow is this project's own, not Pandora."
    )
    text = text if "data" in run.config else ""
    folded = page.folded("The whole configuration", page.source(config))
    return [page.Section("Provenance", text, [page.table(("", ""), rows), folded], [])]


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
