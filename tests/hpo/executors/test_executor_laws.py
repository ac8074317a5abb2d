"""What every executor must do: whatever the objective does is the same events and the same files,
in this process and in a worker's."""

import errno
import json
import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from hpo.core.types import Completed, Failed, Job, Reported
from hpo.executors.cluster import connect
from hpo.executors.inline import InlineExecutor
from hpo.executors.pool import ExecutorError, Pool
from hpo.executors.processes import ProcessExecutor
from hpo.executors.protocol import Told
from hpo.executors.ray import RayExecutor
from hpo.executors.resources import Resources
from hpo.schedulers.halving import hyperband
from hpo.space import Float, Space
from hpo.study.forking import fork
from hpo.study.journal import Journal, read_journal
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import summarise
from tests.clusters import begun

pytestmark = pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning")  # of Ray's start
HERE = Path(__file__).parents[1]
SPACE = Space({"x": Float(-1, 1)})
HALF = Resources(cores=0.5)
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


def inline(name, settings, folder, workers, **options):
    import hpo_objectives

    objective = getattr(hpo_objectives, name)(settings)
    return InlineExecutor(objective, workers, folder=folder, **options)


def processes(name, settings, folder, workers, **options):
    return ProcessExecutor(f"hpo_objectives:{name}", settings, folder, workers, **options)


def ray(name, settings, folder, workers, **options):
    return RayExecutor(
        f"hpo_objectives:{name}", settings, folder, workers, resources=HALF, **options
    )


EXECUTORS = {"inline": inline, "processes": processes, "ray": ray}
laws = pytest.mark.parametrize("kind", EXECUTORS)
# What is of no worker: an actor takes seconds to start.
laws_of_all_here = pytest.mark.parametrize("kind", ["inline", "processes"])


@pytest.fixture(scope="module")
def cluster():
    """A Ray cluster of this machine, for all that comes."""
    ray = pytest.importorskip("ray", reason="needs the extra [ray]")
    begun(lambda: connect("", 1))
    yield
    ray.shutdown()


@pytest.fixture
def make(monkeypatch, request):
    """Makes an executor of a kind; it is closed after the test."""
    monkeypatch.syspath_prepend(HERE)
    with ExitStack() as opened:

        def make(kind, name, folder, settings=None, workers=1, **options):
            if kind == "ray":
                request.getfixturevalue("cluster")
            executor = EXECUTORS[kind](name, settings or {}, folder, workers, **options)
            if isinstance(executor, Pool):
                opened.enter_context(executor)
            return executor

        yield make


def job(trial, first=0, last=3):
    return Job(trial, {"x": 0.5}, first, last)


def heard(executor, *jobs):
    """The events of jobs up to their ends, by trial."""
    events = {job.trial: [] for job in jobs}
    for each in jobs:
        executor.submit(each, 0)
    while any(not told or isinstance(told[-1], Reported) for told in events.values()):
        for _, event, _ in executor.wait():
            events[event.trial].append(event)
    return events


def events_of(executor):
    """What it tells next, however often slots come and go before."""
    while not (told := executor.wait()):
        pass
    return told


def trained(folder):
    """(trial, epoch, seed) of every epoch that was trained."""
    return [
        (int(log.parent.name.removeprefix("trial-")), int(epoch), int(seed))
        for log in sorted(Path(folder).glob("trial-*/epochs.log"))
        for epoch, _, seed in map(str.split, log.read_text().splitlines())
    ]


@pytest.mark.parametrize(
    ("kind", "as_given"),
    [("inline", Path), ("inline", str), ("processes", Path), ("processes", str), ("ray", str)],
)
def test_an_objective_finds_its_folder_and_goes_on_from_its_checkpoint(
    make, kind, as_given, tmp_path
):
    executor = make(kind, "checkpointed", as_given(tmp_path / "study"))
    for first, last in ((0, 2), (2, 3)):
        told = heard(executor, job(7, first, last))[7]
        assert [e.epoch for e in told] == [*range(first + 1, last + 1), last]
        assert isinstance(told[-1], Completed)
    assert [epoch for _, epoch, _ in trained(tmp_path / "study")] == [1, 2, 3]
    checkpoint = tmp_path / "study" / "trial-0007" / "checkpoint.json"
    assert json.loads(checkpoint.read_text()) == {"epoch": 3}


@laws_of_all_here
def test_a_study_of_checkpointing_trials_fails_none(make, kind, tmp_path):
    executor = make(kind, "checkpointed", tmp_path, workers=2)
    state = run_study(hyperband(SPACE, 4, 2), executor, Unrecorded(), 0)
    assert not [t.error for t in state.trials if t.error]
    epochs = {(t.number, e) for t in state.trials for e in range(1, len(t.curve) + 1)}
    assert sorted((t, e) for t, e, _ in trained(tmp_path)) == sorted(epochs)


def test_a_study_is_the_same_whoever_trains_for_it(make, tmp_path):
    played = [
        summarise(
            run_study(
                hyperband(SPACE, 4, 2),
                make(kind, "checkpointed", tmp_path / kind, workers=2),
                Unrecorded(),
                5,
            )
        )
        for kind in EXECUTORS
    ]
    assert played[0] == played[1] == played[2]
    for kind in ("processes", "ray"):
        assert trained(tmp_path / "inline") == trained(tmp_path / kind)  # their seeds too


def test_in_this_process_a_folder_need_not_be_named(make, monkeypatch, tmp_path):
    """What is not to be kept leaves nothing behind, least of all in the working directory."""
    import hpo_objectives

    monkeypatch.chdir(tmp_path)
    executor = InlineExecutor(hpo_objectives.checkpointed({}))
    told = heard(executor, job(0, 0, 2))[0] + heard(executor, job(0, 2, 3))[0]
    assert [type(event) for event in told] == [*[Reported] * 2, Completed, Reported, Completed]
    folder = executor._trials.folder
    assert folder.is_dir()
    del executor
    assert not folder.exists()
    assert not list(tmp_path.iterdir())


def test_a_study_whose_checkpoints_went_with_its_executor_is_not_gone_on_with(make, tmp_path):
    """Its trials are not to blame: it goes on where the folder is found again."""
    import hpo_objectives

    begun, ended, scheduler = tmp_path / "begun.db", tmp_path / "ended.db", hyperband(SPACE, 4, 2)
    with Journal(begun) as journal:
        state = run_study(scheduler, make("inline", "checkpointed", tmp_path), journal, 3)
    rows = [entry.item for entry in read_journal(begun)[1]]
    cut = next(i for i, item in enumerate(rows) if isinstance(item, Job) and item.first_epoch)
    fork(begun, cut + 1, ended)
    without = InlineExecutor(hpo_objectives.checkpointed({}))
    with Journal(ended) as journal, pytest.raises(RuntimeError, match="InlineExecutor folder="):
        run_study(scheduler, without, journal, 3)
    told = [entry.item for entry in read_journal(ended)[1]]
    assert not [item for item in told if isinstance(item, Failed)]
    with Journal(ended) as journal:
        again = run_study(scheduler, make("inline", "checkpointed", tmp_path), journal, 3)
    assert summarise(again).best == summarise(state).best


def test_an_objective_is_the_same_events_in_every_executor(make, tmp_path):
    settings = {str(number): trouble for number, trouble in enumerate(TROUBLES)}
    executors = [make(kind, "troublesome", tmp_path / kind, settings) for kind in EXECUTORS]
    for number, trouble in enumerate(TROUBLES):
        told, *others = (heard(e, job(number, 1, 4))[number] for e in executors)
        assert [repr(other) for other in others] == [repr(told)] * 2, trouble  # nan is not nan
        assert all(event.trial == number for event in told)
        epochs = [event.epoch for event in told[:-1]]
        trains_on = trouble.startswith("is ") or trouble in ("none", "no metric")
        assert epochs == (list(range(2, 5)) if trains_on else [])
        assert isinstance(told[-1], Completed if trains_on else Failed), trouble
        for kind in EXECUTORS:
            kept = tmp_path / kind / f"trial-{number:04d}" / "error.txt"
            assert kept.exists() != trains_on
            assert trains_on or kept.read_text().startswith("Traceback")


@laws_of_all_here
def test_a_full_disk_is_no_event(make, kind, tmp_path):
    executor = make(kind, "troublesome", tmp_path, {"0": "full disk"})
    executor.submit(job(0), 0)
    with pytest.raises((OSError, ExecutorError), match="No space left"):
        executor.wait()


@laws_of_all_here
@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("a name of bytes", r"FileNotFoundError: no cut\udcff.csv"),
        ("no place for its error", "RuntimeError: lost (error.txt not written: IsADirectoryError"),
    ],
)
def test_a_trial_fails_with_its_own_error_whatever_can_be_kept_of_it(
    make, kind, trouble, error, tmp_path
):
    executor = make(kind, "troublesome", tmp_path, {"0": trouble})
    told = heard(executor, job(0), job(1))
    assert isinstance(told[0][-1], Failed)
    assert told[0][-1].error.startswith(error)
    assert isinstance(told[1][-1], Completed)
    kept = tmp_path / "trial-0000" / "error.txt"
    assert kept.is_dir() or error in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_no_room_for_an_error_is_no_fault_of_the_trial(make, code, monkeypatch, tmp_path):
    def full(*_, **__):
        raise OSError(code, os.strerror(code))

    executor = make("inline", "troublesome", tmp_path, {"0": "raises"})
    executor.submit(job(0), 0)
    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match=os.strerror(code)):
        executor.wait()


@laws_of_all_here
def test_a_cancelled_trial_is_not_heard_of_again(make, kind, tmp_path):
    executor = make(kind, "checkpointed", tmp_path, {"epoch_seconds": 0.01})
    executor.submit(job(0, 0, 10_000), 7)
    (told,) = events_of(executor)
    assert told[:2] == Told(7, Reported(0, 1, {"loss": 1.25}))[:2]
    executor.cancel(0)
    assert [type(e) for e in heard(executor, job(1))[1]] == [*[Reported] * 3, Completed]
    assert len([1 for trial, *_ in trained(tmp_path) if trial == 0]) < 10_000


@pytest.mark.parametrize(
    ("kind", "workers"),
    [("inline", 1), ("inline", 2), ("processes", 1), ("processes", 2), ("ray", 2)],
)
def test_a_cancelled_trial_may_come_again_and_again(make, kind, workers, tmp_path):
    executor = make(kind, "checkpointed", tmp_path, {"epoch_seconds": 0.01}, workers)
    for _ in range(3):
        executor.submit(job(0, 0, 10_000), 0)
        while events_of(executor)[-1].event.epoch < 2:
            pass
        executor.cancel(0)
        told = heard(executor, job(0, 1, 5))[0]
        assert [event.epoch for event in told] == [2, 3, 4, 5, 5]
        assert isinstance(told[-1], Completed)


@laws_of_all_here
def test_trials_follow_the_seed_of_the_study_unless_there_is_another(make, kind, tmp_path):
    def seeds(place, seed, own=None):
        executor = make(kind, "checkpointed", tmp_path / place, seed=own)
        run_study(hyperband(SPACE, 2, 2), executor, Unrecorded(), seed)
        return {trial: trial_seed for trial, _, trial_seed in trained(tmp_path / place)}

    one, two, fixed = seeds("one", 1), seeds("two", 2), seeds("fixed", 2, own=1)
    assert len(set(one.values())) == len(one)
    assert not set(one.values()) & set(two.values())
    assert fixed == one


@laws_of_all_here
def test_a_journal_says_what_trained(make, kind, tmp_path):
    executor = make(kind, "checkpointed", tmp_path, {"epoch_seconds": 0})
    with Journal(tmp_path / "study.db") as journal:
        run_study(hyperband(SPACE, 2, 2), executor, journal, 3)
    told = read_journal(tmp_path / "study.db")[0]["executor"]
    assert told == json.loads(json.dumps(executor.description))
    assert "checkpointed" in told["objective"]
    assert told["seed"] == 3


@laws_of_all_here
def test_nobody_waits_for_nothing(make, kind, tmp_path):
    executor = make(kind, "checkpointed", tmp_path)
    with pytest.raises(RuntimeError, match="nothing is running"):
        events_of(executor)


@laws_of_all_here
def test_a_negative_seed_is_no_seed(make, kind, tmp_path):
    with pytest.raises(ValueError, match="the seed must not be negative, got -1"):
        make(kind, "checkpointed", tmp_path, seed=-1)
    executor = make(kind, "checkpointed", tmp_path)
    with pytest.raises(ValueError, match="the seed must not be negative, got -1"):
        executor.begin(-1)


@laws
def test_without_workers_there_is_no_executor(make, kind, tmp_path):
    with pytest.raises(ValueError, match="at least one worker is needed, not 0"):
        make(kind, "checkpointed", tmp_path, workers=0)
