"""Trials in this process, which have no folder unless they look for one."""

import dataclasses

from hpo.core.types import Completed, Job, Reported, Trial
from hpo.executors.inline import InlineExecutor


def job(trial, first=0, last=3):
    return Job(trial, {"x": 0.5}, first, last)


def heard(executor, job):
    """The events of a job up to its end."""
    events = []
    executor.submit(job, 0)
    while not events or isinstance(events[-1], Reported):
        events += [told.event for told in executor.wait()]
    return events


def test_a_trial_that_does_not_look_goes_on_without_a_folder():
    def objective(trial):
        return ({"loss": 1.0} for _ in range(trial.first_epoch, trial.last_epoch))

    executor = InlineExecutor(objective)
    assert isinstance(heard(executor, job(0, 2, 3))[-1], Completed)
    assert not executor._trials.folder.exists()


def test_a_trial_that_looks_at_last_has_lost_nothing():
    """It was begun here, so that whatever it left behind lies here."""

    def objective(trial):
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            if epoch == 3:
                (trial.folder / "result").touch()
            yield {"loss": 1.0}

    executor = InlineExecutor(objective)
    heard(executor, job(0, 0, 2))
    assert isinstance(heard(executor, job(0, 2, 3))[-1], Completed)


def test_a_trial_without_a_named_folder_is_a_trial():
    """To show it, or to compare it, is not to look at its folder."""
    seen = []

    def objective(trial):
        seen.append(trial)
        plain = Trial(**vars(trial))
        assert repr(trial) == repr(plain)
        assert trial == plain
        assert plain == trial
        assert trial != dataclasses.replace(plain, number=9)
        assert trial != vars(plain)
        fixed = type(trial)(**{**vars(trial), "configuration": ()})
        assert hash(fixed) == hash(Trial(**vars(fixed)))
        yield {"loss": 1.0}

    executor = InlineExecutor(objective)
    told = [heard(executor, job(trial, trial, 2))[0] for trial in (0, 1)]
    assert told == [Reported(0, 1, {"loss": 1.0}), Reported(1, 2, {"loss": 1.0})]
    assert seen[0] == seen[0] != seen[1]
    assert not executor._trials.folder.exists()
    assert dataclasses.replace(seen[0], number=9).folder.is_dir()
