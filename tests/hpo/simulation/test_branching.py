"""What another scheduler would have done with the curves of a study."""

import pytest

from hpo.executors.inline import InlineExecutor
from hpo.forecasting import predictors
from hpo.schedulers.asha import asha
from hpo.schedulers.halving import full_training, hyperband, successive_halving
from hpo.schedulers.swift import swift_hyperband
from hpo.simulation.branching import branch
from hpo.space import Float, Space
from hpo.study.journal import Journal, read_journal
from hpo.study.records import UNKNOWN, read
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import summarise

SPACE = Space({"x": Float(0, 1)})
SCHEDULERS = {
    "full training": lambda searcher: full_training(searcher, 12, 8),
    "hyperband": lambda searcher: hyperband(searcher, 8, 2),
    "halving": lambda searcher: successive_halving(searcher, 12, 8, 2, rounds=3),
    "asha": lambda searcher: asha(searcher, 12, 8, 2),
    "swift": lambda searcher: swift_hyperband(
        searcher, 8, 2, min_curves=3, predictor=predictors.persistence()
    ),
}
every = pytest.mark.parametrize("make", SCHEDULERS.values(), ids=SCHEDULERS.keys())


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if trial.number % 9 == 4 and epoch == 3:
            raise RuntimeError("diverged")
        yield {"loss": trial.configuration["x"] + 1 / epoch}


def study(path, make, seed=0, workers=3):
    with Journal(path) as journal:
        executor = InlineExecutor(objective, workers, lambda c: 1 + c["x"])
        state = run_study(make(SPACE), executor, journal, seed)
    return summarise(state)


def record_of(path):
    return read(read_journal(path)[1], "loss")


@every
def test_the_same_scheduler_does_the_same_again(tmp_path, make):
    """Failures included; the record needs no space and no seed of its own."""
    summary = study(tmp_path / "study.db", make, workers=1)
    again = branch(record_of(tmp_path / "study.db"), make, seed=0)
    assert again.unknown == ()
    assert [(t.number, t.curve, t.status) for t in again.summary.trials] == [
        (t.number, t.curve, t.status) for t in summary.trials
    ]
    assert again.summary.best == summary.best
    assert again.summary.epochs == summary.epochs


@every
def test_after_full_trainings_everything_is_known(tmp_path, make):
    path = tmp_path / "study.db"
    study(path, lambda space: full_training(space, 40, 8))
    found = branch(record_of(path), make, seed=0)
    assert found.unknown == ()
    assert found.summary.best is not None
    direct = summarise(run_study(make(SPACE), InlineExecutor(objective, 1), Unrecorded(), 0))
    assert [t.curve for t in found.summary.trials] == [t.curve for t in direct.trials]


def test_what_nobody_trained_is_counted_not_invented(tmp_path):
    path = tmp_path / "study.db"
    summary = study(path, SCHEDULERS["swift"])
    record = record_of(path)
    found = branch(record, SCHEDULERS["full training"], seed=0)
    short = {t.number for t in summary.trials[:12] if not t.error and t.epochs < 8}
    assert set(found.unknown) == short
    assert short
    for number in short:
        assert UNKNOWN in found.summary.trials[number].error
        assert found.summary.trials[number].curve == summary.trials[number].curve
    more = branch(record, lambda s: full_training(s, len(record.trials) + 3, 1), seed=0)
    assert more.unknown == tuple(range(len(record.trials), len(record.trials) + 3))
