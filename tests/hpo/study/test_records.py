"""What a log says of its trials, whoever made it and wherever it ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.core.types import Completed, Failed, Job, Reported, WorkerLost
from hpo.executors.inline import InlineExecutor
from hpo.forecasting import predictors
from hpo.schedulers.asha import asha
from hpo.schedulers.halving import full_training, hyperband, successive_halving
from hpo.schedulers.swift import swift_hyperband
from hpo.showing.pace import pace
from hpo.showing.recorded import of_log
from hpo.space import Float, Space
from hpo.study.journal import Entry
from hpo.study.records import played, read
from hpo.study.replay import fold
from hpo.study.run import run_study
from hpo.study.summary import summarise

SPACE = Space({"x": Float(0, 1)})
SCHEDULERS = {
    "full training": full_training(SPACE, 12, 8),
    "hyperband": hyperband(SPACE, 8, 2),
    "halving": successive_halving(SPACE, 12, 8, 2, rounds=3),
    "asha": asha(SPACE, 12, 8, 2),
    "swift": swift_hyperband(SPACE, 8, 2, min_curves=3, predictor=predictors.persistence()),
}
every = pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS.keys())


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if trial.number % 9 == 4 and epoch == 3:
            raise RuntimeError("diverged")
        yield {"loss": trial.configuration["x"] + 1 / epoch}


def study(log, scheduler, workers=3, on_event=None):
    executor = InlineExecutor(objective, workers, lambda c: 1 + c["x"])
    return summarise(run_study(scheduler, executor, log, 0, on_event))


@every
def test_a_record_is_what_the_scheduler_knows(memory, scheduler):
    log = memory()
    summary = study(log, scheduler)
    record = read(log.kept, "loss")
    assert record.epochs == summary.epochs
    begun = {t.number: t for t in summary.trials if t.curve or t.error}
    assert {t.number for t in record.trials} == set(begun)
    for trial in record.trials:
        known = begun[trial.number]
        assert (trial.configuration, trial.curve) == (known.configuration, known.curve)
        assert bool(trial.error) == (known.status == "failed")
        assert not trial.running


@pytest.mark.parametrize("cut", [0, 1, 7, 20])
def test_a_record_may_be_cut_off_anywhere(memory, cut):
    log = memory()
    study(log, SCHEDULERS["hyperband"])
    entries = log.kept[:cut]
    record = read(entries, "loss")
    state, running = fold(SCHEDULERS["hyperband"], entries, 0)
    assert {t.number for t in record.trials if t.running} == running
    assert record.epochs == summarise(state).epochs
    assert (record.rows, record.begun, record.last) == (
        cut,
        entries[0].time if cut else None,
        entries[-1].time if cut else None,
    )


class Cut(Exception):
    pass


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("cut", [1, 4, 9, 10, 23])
@pytest.mark.parametrize("name", ["hyperband", "asha", "swift"])
def test_the_time_in_which_a_study_lay_still_is_nobodys(memory, name, cut, workers):
    """A second between rows while it is played, and any time until it is played again."""
    seen = []

    def stop(event, state):
        seen.append(event)
        if len(seen) == cut:
            raise Cut

    log = memory()
    with pytest.raises(Cut):
        study(log, SCHEDULERS[name], workers, stop)
    before = len(log.kept)
    study(log, SCHEDULERS[name], workers)
    entries = log.kept
    assert cut < before < len(entries)

    def trials(downtime):
        times = [i + downtime * (i >= before) for i in range(len(entries))]
        later = [entry._replace(time=t) for t, entry in zip(times, entries, strict=True)]
        return read(later, "loss").trials

    assert trials(8.0) == trials(1e6) == trials(0.0)
    spent = sum(trial.seconds for trial in trials(8.0))
    assert 0 < spent <= workers * len(entries)


def rows(*timed):
    return [Entry(float(time), item) for time, item in timed]


def test_seconds_are_those_of_the_jobs():
    loss = {"loss": 1.0}
    first, second = Job(0, {}, 0, 2), Job(1, {}, 0, 2)
    trials = read(
        rows(
            (100, first),
            (101, second),
            (103, Reported(0, 1, loss)),
            (104, WorkerLost(0)),  # of its own: the other goes on
            (110, Job(0, {}, 1, 2)),
            (113, Reported(0, 2, loss)),
            (113, Completed(0, 2)),
            (120, Failed(1, "diverged")),
        ),
        "loss",
    ).trials
    assert [trial.seconds for trial in trials] == [3 + 1 + 3, 19]


def test_a_job_that_was_cut_off_before_its_first_epoch():
    """Killed in the epoch, taken up 8 s later: what the epoch took the second time is its time."""
    again = ((108, WorkerLost(0)), (108, Job(0, {}, 0, 1)), (108.6, Reported(0, 1, {"loss": 1.0})))
    (trial,) = read(rows((100, Job(0, {}, 0, 1)), *again), "loss").trials
    assert trial.seconds == pytest.approx(0.6)


def test_a_lone_job_whose_worker_is_lost_looks_as_if_the_study_had_been_cut_off():
    """The exception that `TrialRecord` names."""
    again = ((1010, WorkerLost(0)), (1010, Job(0, {}, 1, 2)), (1030, Completed(0, 2)))
    (trial,) = read(
        rows((0, Job(0, {}, 0, 2)), (10, Reported(0, 1, {"loss": 1.0})), *again), "loss"
    ).trials
    assert trial.seconds == 10 + 20


@given(times=st.lists(st.floats(0, 1e3), min_size=6, max_size=6))
def test_no_time_is_counted_twice(times):
    """One worker: its trials' seconds are the time from the first row to the last."""
    loss = {"loss": 1.0}
    items = (
        Job(0, {}, 0, 1), Reported(0, 1, loss), Completed(0, 1),
        Job(1, {}, 0, 1), Reported(1, 1, loss), Completed(1, 1),
    )  # fmt: skip
    times = sorted(times)
    trials = read(rows(*zip(times, items, strict=True)), "loss").trials
    between = times[3] - times[2]
    spent = sum(trial.seconds for trial in trials)
    assert spent == pytest.approx(times[-1] - times[0] - between)


def test_clocks_that_disagree_change_no_decision_and_no_time_runs_back(memory):
    """The second half was written by a driver whose clock is an hour behind."""
    log = memory()
    summary = study(log, SCHEDULERS["hyperband"])
    half = len(log.kept) // 2
    entries = [Entry(e.time - 3600 * (n >= half), e.item) for n, e in enumerate(log.kept)]
    assert summarise(fold(SCHEDULERS["hyperband"], entries, 0)[0]) == summary
    known, found = played(log.kept), played(entries)
    assert found == sorted(found)
    assert known[-1] - 1 == found[-1]  # all but the step from one clock to the other
    view = of_log({"settings": {"metric": "loss"}}, entries)
    assert all(span.ended >= span.begun for span in view.spans)
    assert pace(view).per_second > 0
