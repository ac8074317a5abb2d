"""A study as it is played: cut off anywhere, with failing objectives, with a log of its own."""

import pytest

from hpo.core.types import Failed
from hpo.executors.inline import InlineExecutor
from hpo.forecasting.predictors import persistence
from hpo.schedulers.halving import hyperband
from hpo.schedulers.swift import swift_hyperband
from hpo.space import Float, Space
from hpo.study.errors import ReplayMismatch
from hpo.study.journal import Journal, read_journal
from hpo.study.run import run_study
from hpo.study.summary import summarise

SPACE = Space({"x": Float(0, 1)})


def objective(trial):
    return ({"loss": trial.configuration["x"]} for _ in range(trial.first_epoch, trial.last_epoch))


def study(path, scheduler=None, on_event=None, objective=objective):
    with Journal(path) as journal:
        return run_study(
            scheduler or hyperband(SPACE, 4, 2),
            InlineExecutor(objective, workers=2),
            journal,
            0,
            on_event,
        )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.db"


def test_a_seed_that_is_refused_leaves_the_journal_to_a_good_one(path):
    def play(seed):
        with Journal(path) as journal:
            return run_study(SWIFT, InlineExecutor(objective), journal, seed)

    with pytest.raises(ValueError, match="must not be negative"):
        play(-1)
    assert read_journal(path) == ({}, [])
    assert play(1).seed == 1


def test_a_finished_study_is_only_read(path):
    first, events = study(path), []
    again = study(path, on_event=lambda event, state: events.append(event))
    assert again == first
    assert not events


class Cut(Exception):
    pass


SWIFT = swift_hyperband(SPACE, 4, 2, min_curves=2, predictor=persistence())


@pytest.fixture(scope="module")
def uncut(tmp_path_factory):
    return study(tmp_path_factory.mktemp("uncut") / "study.db", SWIFT)


def test_the_study_that_is_cut_predicts(uncut):
    assert uncut.predictions


@pytest.mark.parametrize("cut", [1, 2, 5, 11, 17, 20, 23])
def test_a_study_cut_anywhere_ends_as_if_it_had_not_been(path, uncut, cut):
    seen = []

    def stop(event, state):
        seen.append(event)
        if len(seen) == cut:
            raise Cut

    with pytest.raises(Cut):
        study(path, SWIFT, on_event=stop)
    assert study(path, SWIFT) == uncut


def test_a_scheduler_that_asks_otherwise_is_found_out(path):
    study(path)
    changed = hyperband(Space({"x": Float(0, 2)}), 4, 2)
    with pytest.raises(ReplayMismatch, match="row 1 of the journal"):
        study(path, changed._replace(settings=hyperband(SPACE, 4, 2).settings))


@pytest.mark.parametrize(
    ("metrics", "error"),
    [
        ({"loss": float("nan")}, "epoch 1: loss is nan, it must be finite"),
        ({"loss": float("-inf")}, "epoch 1: loss is -inf, it must be finite"),
        ({"loss": "low"}, "epoch 1: loss is 'low', not a number"),
        ({"loss": True}, "epoch 1: loss is True, not a number"),
        ({"accuracy": 1.0}, "epoch 1: no metric 'loss' among accuracy"),
    ],
)
def test_an_unusable_report_is_a_recorded_failure(path, metrics, error):
    def sometimes(trial):
        good = trial.number != 2
        return (
            {"loss": 1.0} if good else metrics for _ in range(trial.first_epoch, trial.last_epoch)
        )

    summary = summarise(study(path, objective=sometimes))
    assert [t.number for t in summary.trials if t.status == "failed"] == [2]
    assert summary.trials[2].error == error
    assert Failed(2, error) in [entry.item for entry in read_journal(path)[1]]
    assert summary.best is not None


def test_a_raising_objective_fails_its_trial_alone(path):
    def sometimes(trial):
        if trial.number == 1:
            raise RuntimeError("two\nlines")
        yield from objective(trial)

    summary = summarise(study(path, objective=sometimes))
    assert [t.error for t in summary.trials if t.status == "failed"] == ["RuntimeError: two lines"]


def test_a_study_in_which_everything_fails_ends(path):
    summary = summarise(study(path, objective=lambda trial: iter(())))
    assert {t.status for t in summary.trials} == {"failed"}
    assert summary.best is None
