"""What an objective does is the same events in this process and in a worker's."""

from pathlib import Path

import pytest

from hpo.core.types import Completed, Failed, Job, Reported
from hpo.executors.inline import InlineExecutor
from hpo.executors.processes import ExecutorError, ProcessExecutor

TROUBLES = (
    "none",
    "raises when called",
    "raises",
    "exits",
    "ends early",
    "is nan",
    "is text",
    "is a fraction",
    "is a list",
    "no metric",
    "no mapping",
)
SETTINGS = {str(number): trouble for number, trouble in enumerate(TROUBLES)}


@pytest.fixture
def executors(tmp_path, monkeypatch):
    """Makes both, with the troubles of these settings."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1])

    def make(settings):
        import hpo_objectives

        inline = InlineExecutor(hpo_objectives.troublesome(settings))
        factory = "hpo_objectives:troublesome"
        return inline, ProcessExecutor(factory, settings, tmp_path, 1)

    return make


def job(trial):
    return Job(trial, {"x": 0.5}, 1, 4)


def heard(executor, trial):
    """The events of a job up to its end."""
    executor.submit(job(trial))
    events = []
    while not events or isinstance(events[-1], Reported):
        events += executor.wait()
    return events


def test_an_objective_is_the_same_events_in_every_executor(executors):
    inline, processes = executors(SETTINGS)
    with processes:
        for trial, trouble in enumerate(TROUBLES):
            events = heard(inline, trial)
            assert repr(events) == repr(heard(processes, trial)), trouble  # nan is not nan
            assert all(event.trial == trial for event in events)
            epochs = [event.epoch for event in events[:-1]]
            assert epochs == list(range(2, 2 + len(epochs)))
            trains_on = trouble.startswith("is ") or trouble in ("none", "no metric")
            assert isinstance(events[-1], Completed if trains_on else Failed), trouble
            if trains_on:
                assert epochs == [2, 3, 4]
                assert events[-1].epoch == 4


def test_a_full_disk_is_no_event(executors):
    inline, processes = executors({"0": "full disk"})
    inline.submit(job(0))
    with pytest.raises(OSError, match="No space left"):
        inline.wait()
    with processes:
        processes.submit(job(0))
        with pytest.raises(ExecutorError, match="No space left"):
            processes.wait()
