"""Every scheduler with every searcher, by the fields of a config."""

import pytest

from configs import asha_bayesian, demo
from hpo.executors.inline import InlineExecutor
from hpo.executors.resources import Resources
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import summarise
from launch.shell import studies
from launch.shell.runs import RunError


def objective(trial):
    rate = trial.configuration["train.learning_rate"]
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        yield {studies.METRICS[0]: rate + 1 / epoch}


def test_what_a_trial_is_given_is_fields_of_the_config():
    """`gpus` was the only one once, of trials on Ray."""
    settings = demo.get_config().tune
    assert studies.resources(settings) == Resources()
    settings.resources = {"processes": 2, "devices": 4.0}
    assert studies.resources(settings) == Resources(processes=2, devices=4)
    settings.resources = {}
    settings.update(executor="ray", gpus=0.5)
    assert studies.resources(settings) == Resources(devices=0.5)
    settings.resources = {"gpu": 1}
    with pytest.raises(RunError, match=r"tune\.resources\.gpu is none of processes, devices"):
        studies.resources(settings)


@pytest.mark.parametrize("scheduler", list(studies._SCHEDULERS))
@pytest.mark.parametrize("searcher", studies.SEARCHERS)
def test_scheduler_and_searcher_are_fields_of_the_config(scheduler, searcher):
    settings = demo.get_config().tune
    settings.update(scheduler=scheduler, searcher=searcher, predictor="persistence", max_epochs=4)
    settings.min_curves = 3
    made = studies.make_scheduler(settings)
    state = run_study(made, InlineExecutor(objective, 3), Unrecorded(), 1)
    summary = summarise(state)
    trials, epochs = studies.size(settings)
    assert len(summary.trials) == trials
    assert summary.epochs <= max(epochs, trials * settings.max_epochs)
    space = studies.make_space(settings.space)
    for trial in summary.trials:
        space.check(trial.configuration)


def test_asha_with_bayesian_optimisation_is_one_config():
    settings = asha_bayesian.get_config().tune
    made = studies.make_scheduler(settings)
    assert (made.settings["scheduler"], made.settings["searcher"]) == ("asha", "bayesian")
    state = run_study(made, InlineExecutor(objective, 4), Unrecorded(), 0)
    summary = summarise(state)
    assert len(summary.trials) == settings.trials
    rates = [t.configuration["train.learning_rate"] for t in summary.trials]
    late = sorted(rates[20:])
    assert late[len(late) // 2] < 2e-3  # the best are near 1e-3; half of random ones above 3e-3


@pytest.mark.parametrize("name", studies.PREDICTORS)
def test_every_predictor_can_be_named(name):
    settings = demo.get_config().tune
    settings.predictor = name
    assert studies.make_predictor(settings).settings["predictor"]


def test_rows_of_a_space():
    space = studies.make_space(
        (
            ("model.backbone", "categorical", "gnn_lsh", "favor"),
            ("model.heads", "when", "model.backbone", ("favor",), "log_int", 1, 8),
            ("train.clip", "float", 0.0, 1.0, 0.25),
        )
    )
    assert space.settings == {
        "model.backbone": ["Categorical", "gnn_lsh", "favor"],
        "model.heads": ["When", "model.backbone", ["favor"], ["LogInt", 1, 8]],
        "train.clip": ["Float", 0.0, 1.0, 0.25],
    }
    for rows, complaint in (
        ((("train.clip", "normal", 0, 1),), "train.clip: 'normal' is no kind"),
        ((("train.clip", "float", 1),), "train.clip: "),
        ((("train.clip", "float", 1, 0),), "train.clip: .*empty"),
    ):
        with pytest.raises(RunError, match=complaint):
            studies.make_space(rows)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("scheduler", "bandit", "asha"),
        ("searcher", "tpe", "bohb"),
        ("predictor", "crystal", "lkgp"),
    ],
)
def test_names_that_are_none_are_told_with_those_that_are(field, value, complaint):
    settings = demo.get_config().tune
    settings[field] = value
    with pytest.raises(RunError, match=rf"tune\.{field} '{value}' is none of .*{complaint}"):
        studies.make_scheduler(settings)
