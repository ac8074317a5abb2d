"""A study as one of Optuna's, which optuna-dashboard opens; and one of Optuna's as a table."""

import datetime
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo.showing.landscape import space_of
from hpo.showing.recorded import view_of
from hpo.showing.view import Seen, View
from hpo.simulation.tables import Table
from hpo.space.parameters import Categorical, Parameter, plain
from mlpf_install import extras

# Optuna knows no pauses; what it calls pruned is final, so a trial that may go on is running.
_STATES = {
    "completed": "COMPLETE", "running": "RUNNING", "paused": "RUNNING", "waiting": "WAITING",
    "not promoted": "PRUNED", "stopped": "PRUNED", "failed": "FAIL",
}  # fmt: skip


def to_optuna(source: Any, storage: Any, name: str = "study") -> Any:
    """Writes the study into an Optuna storage, a URL like "sqlite:///optuna.db" or a storage of
    Optuna's, under a name that is new there, and returns Optuna's study.

    Trials keep their numbers, hyperparameters, metric by epoch, times and errors; those that were
    not trained to the end count as pruned, so that Optuna's best is the best of those that were.
    What Optuna has no word for stands in the attributes of trials and study. Raises ValueError
    where the storage has a study of that name, ImportError without optuna, and as `hpo.page`.
    """
    extras.require("export", "to_optuna", "optuna")
    import optuna

    view = view_of(source)
    space = space_of(view)
    kinds = {n: _distribution(optuna, p) for n, p in (space.parameters if space else {}).items()}
    trials = [_trial(optuna, view, trial, kinds) for trial in _without_gaps(view)]
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize" if view.sign < 0 else "minimize",
        )
    except optuna.exceptions.DuplicatedStudyError as error:
        raise ValueError(f"the storage has a study {name!r} already: give another name") from error
    about = {"metric": view.metric, "seed": view.seed, "over": view.over}
    for key, value in {**about, "settings": dict(view.settings)}.items():
        study.set_user_attr(key, value)
    study.add_trials(trials)
    return study


def from_optuna(storage: Any, name: str | None = None) -> Table:
    """A study of Optuna's as a table of learning curves, of what trials reported at each step; of
    a study whose trials report nothing, curves are one epoch long: the value.

    Trials that were completed are rows, and failed ones, whose curve is NaN from there on. Those
    that were pruned, still run or have gaps are left out; a warning counts them. `name` may be left
    out where the storage has one study. Raises ValueError where no trial is left.
    """
    extras.require("export", "from_optuna", "optuna")
    import optuna

    study = optuna.load_study(study_name=name, storage=storage)
    trials = study.get_trials(deepcopy=False)
    steps = sorted({step for t in trials for step in t.intermediate_values})
    first, epochs = (steps[0], steps[-1] - steps[0] + 1) if steps else (0, 1)
    rows, configurations = [], []
    for trial in trials:
        curve = np.full(epochs, np.nan)
        for step, value in trial.intermediate_values.items():
            curve[step - first] = value
        complete = trial.state == optuna.trial.TrialState.COMPLETE
        if complete and not steps:
            curve[0] = trial.value
        whole = complete and len(trial.intermediate_values) in (epochs, 0 if not steps else epochs)
        if whole or trial.state == optuna.trial.TrialState.FAIL:
            rows.append(curve)
            configurations.append(dict(trial.params))
    if not rows:
        raise ValueError(f"none of {len(trials)} trials was trained to step {steps[-1:] or 'any'}")
    if left := len(trials) - len(rows):
        warnings.warn(
            f"{left} of {len(trials)} trials were not trained to the end and are left out",
            stacklevel=2,
        )
    return Table(study.study_name, tuple(configurations), np.array(rows))


def _trial(optuna: Any, view: View, trial: Seen, kinds: Mapping[str, Any]) -> Any:
    state = optuna.trial.TrialState[_STATES[trial.status]]
    valued = state.name in ("COMPLETE", "PRUNED") and bool(trial.curve)
    if state.name == "COMPLETE" and not valued:
        state = optuna.trial.TrialState.FAIL
    params = {n: _choice(v) for n, v in trial.configuration.items() if n in kinds}
    made = optuna.trial.create_trial(
        state=state,
        value=trial.curve[-1] if valued else None,
        params=params,
        distributions={n: _holding(optuna, kinds[n], v) for n, v in params.items()},
        intermediate_values=dict(enumerate(trial.curve, 1)),
        user_attrs={
            "status": trial.status,
            "epochs": trial.epochs,
            **({} if trial.bracket is None else {"bracket": trial.bracket}),
            **({} if trial.error is None else {"error": trial.error}),
        },
    )
    spans = [span for span in view.spans if span.trial == trial.number]
    if spans and view.begun is not None and state.name != "WAITING":
        made.datetime_start = _time(view.begun + spans[0].begun)
        if state.is_finished():
            made.datetime_complete = _time(view.begun + spans[-1].ended)
    return made


def _without_gaps(view: View) -> list[Seen]:
    """The trials in the order of their numbers, each at its place: Optuna numbers them so. Numbers
    that the study has not come to are waiting trials without hyperparameters."""
    known = {t.number: t for t in view.trials}
    blank = Seen(-1, None, {}, (), "waiting", None)
    return [known.get(n, blank) for n in range(1 + max(known, default=-1))]


def _distribution(optuna: Any, parameter: Parameter) -> Any:
    kind, of = plain(parameter), optuna.distributions
    if isinstance(kind, Categorical):
        return of.CategoricalDistribution([_choice(value) for value in kind.values])
    if kind.integer:
        whole = 1 if kind.log else int(kind.step or 1)
        return of.IntDistribution(int(kind.low), int(kind.high), log=kind.log, step=whole)
    step = None if kind.log else kind.step
    high = kind.high if step is None else float(kind.at(1.0))  # the last step, as Optuna wants it
    return of.FloatDistribution(float(kind.low), float(high), log=kind.log, step=step)


def _holding(optuna: Any, kind: Any, value: Any) -> Any:
    """The distribution, widened where a value that was given by hand lies outside it."""
    of = optuna.distributions
    if isinstance(kind, of.CategoricalDistribution):
        known = kind.choices if value in kind.choices else (*kind.choices, value)
        return of.CategoricalDistribution(known)
    low, high = min(kind.low, value), max(kind.high, value)
    if isinstance(kind, of.IntDistribution):
        fits = (value - kind.low) % kind.step == 0
        return of.IntDistribution(low, high, log=kind.log, step=kind.step if fits else 1)
    return of.FloatDistribution(low, high, log=kind.log, step=None if low < kind.low else kind.step)


def _choice(value: Any) -> Any:
    """A value as Optuna stores one: tuples as their texts."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _time(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds)
