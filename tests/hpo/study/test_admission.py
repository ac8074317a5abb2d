"""Nothing that cannot be is written down: a study goes on whatever its executor says."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.types import Completed, Failed, Job, Reported, WorkerLost
from hpo.executors.inline import InlineExecutor
from hpo.executors.protocol import Told
from hpo.forecasting.predictors import persistence
from hpo.schedulers.asha import asha
from hpo.schedulers.halving import full_training, hyperband
from hpo.schedulers.swift import swift_hyperband
from hpo.space import Float, Space
from hpo.study.admission import Jobs
from hpo.study.errors import ReplayMismatch
from hpo.study.journal import Journal
from hpo.study.run import Unrecorded, run_study

SPACE = Space({"x": Float(0, 1)})
SCHEDULERS = {
    "hyperband": hyperband(SPACE, 8, 2),
    "asha": asha(SPACE, 9, 8, 2),
    "swift": swift_hyperband(SPACE, 8, 2, min_curves=3, predictor=persistence()),
}
every = pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS.keys())


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if trial.number == 4:
            raise RuntimeError("diverged")
        yield {"loss": trial.configuration["x"] + 1 / epoch}


class Altering(InlineExecutor):
    """Tells what `alter` makes of its events, which it is given with all that was told before."""

    def __init__(self, alter, workers=3):
        super().__init__(objective, workers, lambda configuration: 1 + configuration["x"])
        self._alter, self._told, self._attempts = alter, [], {}

    def submit(self, job, attempt):
        super().submit(job, attempt)
        self._attempts[job.trial] = attempt

    def wait(self):
        """Its own events with the attempts that they are of, others with those that run."""
        told = super().wait()
        self._told += told
        of = {id(each.event): each.attempt for each in self._told}
        made = self._alter([each.event for each in told], [each.event for each in self._told])
        return [Told(of.get(id(each), self._running_of(each)), each) for each in made]

    def _running_of(self, event):
        trial = getattr(event, "trial", None)
        return self._attempts.get(trial, 0) if type(trial) is int else 0


def told_as_it_is(events, told):
    return events


def play(scheduler, alter, log=None):
    """The last state and what was refused."""
    refused = []
    log = Unrecorded() if log is None else log
    state = run_study(scheduler, Altering(alter), log, 0, on_refused=refused.append)
    return state, refused


def impossible(told, chance):
    """What nobody can tell who has told this: twice, too early, of nobody."""
    earlier = chance.choice(told)
    return chance.choice(
        [
            earlier,
            Reported(earlier.trial, 99, {"loss": 0.0}),
            Reported(earlier.trial, 0, {"loss": float("nan")}),
            Completed(earlier.trial, 0),
            Reported(10**6, 1, {"loss": 0.0}),
            Failed(-1, "nobody"),
            WorkerLost(10**6),
            Completed(earlier.trial, 99),
            Reported(earlier.trial, 1, None),
            Reported([earlier.trial], 1, {"loss": 0.0}),
            Reported(earlier.trial, 1.0, {"loss": 0.0}),
            Completed(earlier.trial, 8.0),
            Failed({}, "nobody"),
            None,
            "done",
        ]
    )


@every
@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), rate=st.sampled_from([0.1, 0.5, 2.0]))
def test_what_cannot_be_changes_nothing(memory, scheduler, seed, rate):
    chance, added = random.Random(seed), []

    def alter(events, told):
        more = [impossible(told, chance) for _ in range(int(rate + chance.random()))]
        added.extend(more)
        return [*events, *more]

    clean, log = memory(), memory()
    state, none = play(scheduler, told_as_it_is, clean)
    altered, refused = play(scheduler, alter, log)
    assert not none
    assert altered == state
    assert [each.event for each in refused] == added
    assert log.kept == clean.kept
    assert play(scheduler, told_as_it_is, log) == (state, [])


def test_a_study_whose_events_are_told_twice_goes_on_from_its_journal(tmp_path):
    """As at every restart before: a row that does not follow from those before it."""

    def twice_until(events, told):
        if len(told) > 9:
            raise KeyboardInterrupt
        return [event for event in events for _ in range(2)]

    scheduler = SCHEDULERS["hyperband"]
    with Journal(tmp_path / "study.db") as log, pytest.raises(KeyboardInterrupt):
        play(scheduler, twice_until, log)
    with Journal(tmp_path / "study.db") as log:
        assert play(scheduler, told_as_it_is, log)[0] == play(scheduler, told_as_it_is)[0]


def test_reasons_are_told():
    def twice(events, told):
        return [event for event in events for _ in range(2)]

    _, refused = play(full_training(SPACE, 1, 2), twice)
    assert [(type(each.event), each.reason) for each in refused] == [
        (Reported, "after 1 of 2 epochs that is not the next one"),
        (Reported, "after 2 of 2 epochs that is not the next one"),
        (Completed, "the trial has no job"),
    ]
    assert str(refused[2]) == "Completed(trial=0, epoch=2): the trial has no job"


def test_who_does_not_ask_is_warned():
    def add(events, told):
        return [*events, Completed(77, 1)]

    with pytest.warns(RuntimeWarning, match=r"refused: Completed\(trial=77, epoch=1\): the trial"):
        run_study(SCHEDULERS["hyperband"], Altering(add), Unrecorded(), 0)


def test_a_completion_of_an_earlier_job_does_not_end_the_next():
    held = []

    def late(events, told):
        now, held[:] = [*held], [e for e in events if isinstance(e, Completed)]
        return [*events, *now]

    state, refused = play(SCHEDULERS["hyperband"], late)
    assert state == play(SCHEDULERS["hyperband"], told_as_it_is)[0]
    assert refused


def admitted(jobs, *events, attempt=0):
    """Each event told alone: it, what it became, or why it was refused."""
    for event in events:
        told, _, refused = jobs.admit([Told(attempt, event)], "loss")
        yield refused[0].reason if refused else told[0]


def begun(first, last):
    jobs = Jobs()
    jobs.begin(Job(0, {}, first, last))
    return jobs


@settings(max_examples=60, deadline=None)
@given(last=st.integers(2, 9), losses=st.integers(1, 3), data=st.data())
def test_whatever_a_lost_job_tells_late_is_refused(last, losses, data):
    jobs, done = begun(0, last), 0
    for attempt in range(losses):
        new = data.draw(st.integers(done, last - 1))
        reports = [Reported(0, epoch, {"loss": 1.0}) for epoch in range(done + 1, new + 1)]
        told = [*reports, WorkerLost(0)]
        assert list(admitted(jobs, *told, attempt=attempt)) == told
        assert jobs.begin(Job(0, {}, new, last)) == attempt + 1
        done = new
    late = [Reported(0, done + 1, {"loss": 2.0}), Completed(0, last), Failed(0, "?"), WorkerLost(0)]
    for attempt in range(losses):
        reason = f"it is of attempt {attempt}, and attempt {losses} runs"
        assert list(admitted(jobs, *late, attempt=attempt)) == [reason] * 4
    rest = [Reported(0, epoch, {"loss": 1.0}) for epoch in range(done + 1, last + 1)]
    told = [*rest, Completed(0, last)]
    assert list(admitted(jobs, *told, attempt=losses)) == told


def test_attempts_are_counted_over_the_whole_study():
    """Whatever still trains for a driver that is gone speaks of attempts that are over."""
    jobs = Jobs([Job(0, {}, 0, 9), Job(1, {}, 0, 9), Job(0, {}, 3, 9)])
    assert [jobs.begin(Job(trial, {}, 3, 9)) for trial in (0, 1, 2)] == [2, 1, 0]


def test_a_completion_with_epochs_missing_ends_the_job():
    """Or the study would wait for ever."""
    failed = Failed(0, "completed at epoch 9, with 3 of 9 epochs reported")
    assert list(admitted(begun(3, 9), Completed(0, 9))) == [failed]


@pytest.mark.parametrize("epoch", [4, 8, 10])
def test_a_completion_at_another_epoch_is_refused(epoch):
    reason = "the trial's job ends with epoch 9: it is of another one"
    assert list(admitted(begun(3, 9), Completed(0, epoch))) == [reason]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (Reported([1], 1, {}), "its trial is [1], not a whole number"),
        (Failed(0.0, "?"), "its trial is 0.0, not a whole number"),
        (WorkerLost(False), "its trial is False, not a whole number"),
        (Reported(0, 1.0, {"loss": 1.0}), "its epoch is 1.0, not a whole number"),
        (Reported(0, None, {"loss": 1.0}), "its epoch is None, not a whole number"),
        (Completed(0, "9"), "its epoch is '9', not a whole number"),
        (Reported(0, 1, None), "its metrics are None, not values by name"),
        (Reported(0, 1, ["loss"]), "its metrics are ['loss'], not values by name"),
        (Job([1], {}, 0, 9), "it is no event of a trial"),
    ],
    ids=str,
)
def test_malformed_events_are_refused(event, reason):
    assert list(admitted(begun(0, 9), event)) == [reason]


@every
def test_a_job_whose_reports_are_lost_fails_and_the_study_ends(scheduler):
    def lose(events, told):
        return [e for e in events if not (isinstance(e, Reported) and e.trial == 1)]

    state, refused = play(scheduler, lose)
    goal = state.trials[1].goal
    assert not refused
    assert state.trials[1].error == f"completed at epoch {goal}, with 0 of {goal} epochs reported"
    assert all(trial.curve for trial in state.trials if not trial.error)


def test_what_comes_after_a_lost_report_is_refused():
    def lose(events, told):
        return [e for e in events if not (isinstance(e, Reported) and (e.trial, e.epoch) == (0, 2))]

    state, refused = play(full_training(SPACE, 3, 4), lose)
    assert [len(trial.curve) for trial in state.trials] == [1, 4, 4]
    assert state.trials[0].error == "completed at epoch 4, with 1 of 4 epochs reported"
    assert [each.event.epoch for each in refused] == [3, 4]


def test_what_the_scheduler_does_not_take_is_not_written(memory):
    """Whatever the reason: from what is in the log follows a state."""
    scheduler = SCHEDULERS["hyperband"]

    def strict(state, event):
        if isinstance(event, Reported) and event.trial == 2:
            raise ValueError("trial 2 is not to my taste")
        return scheduler.tell(state, event)

    log, stricter = memory(), scheduler._replace(tell=strict)
    for _ in range(2):
        with pytest.raises(ValueError, match="not to my taste"):
            play(stricter, told_as_it_is, log)
    assert not [e for e in log.kept if isinstance(e.item, Reported) and e.item.trial == 2]
    assert play(scheduler, told_as_it_is, log)[0] == play(scheduler, told_as_it_is)[0]


@every
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda told: told, "epoch"),
        (lambda told: Completed(told.trial, 99), "reported"),
        (lambda told: Failed(77, "late"), "no such trial|not running"),
    ],
)
def test_a_log_with_what_cannot_be_says_so_and_can_be_cut(memory, scheduler, wrong, reason):
    """As versions wrote it that wrote events down before they were known to be possible."""
    whole = memory()
    state, _ = play(scheduler, told_as_it_is, whole)
    row = 1 + next(i for i, e in enumerate(whole.kept) if isinstance(e.item, Reported) and i > 5)
    log = memory(whole.kept[:row])
    log.append([wrong(whole.kept[row - 1].item)])
    with pytest.raises(ReplayMismatch) as caught:
        play(scheduler, told_as_it_is, log)
    message = str(caught.value)
    assert f"row {row + 1} of the journal" in message
    assert "An executor told what could not be" in message
    assert f"hpo.fork(journal, {row}, copy)" in message
    assert "changed" not in message
    assert any(word in message for word in reason.split("|"))
    again, _ = play(scheduler, told_as_it_is, memory(whole.kept[:row]))
    assert len(again.trials) == len(state.trials)
    assert again.trials[4].error


def test_a_scheduler_that_asks_otherwise_is_told_apart(memory):
    log = memory()
    log.append([Job(0, {"x": 2.0}, 0, 1)])
    with pytest.raises(ReplayMismatch, match=r"row 1 .* now asks for .* has changed since"):
        play(SCHEDULERS["hyperband"], told_as_it_is, log)
