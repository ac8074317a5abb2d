"""What is deleted while a study is played is never wanted again, whatever the scheduler."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hpo.core.state import best_trial
from hpo.core.types import Completed, Job, Reported
from hpo.executors import folders
from hpo.executors.inline import InlineExecutor
from hpo.study.journal import Journal
from hpo.study.keeping import Keeper, line, needed
from hpo.study.outcomes import ranked
from hpo.study.run import Unrecorded, run_study
from tests.hpo.schedulers.laws import EVERY, laws, loss, play

BEST = 2


def states(scheduler, log, seed):
    """(item, state after it), the log from the beginning."""
    state = scheduler.init(seed)
    for item in log:
        state = scheduler.ask(state)[0] if isinstance(item, Job) else scheduler.tell(state, item)
        yield item, state


@laws
@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 99),
    order=st.integers(0, 99),
    failures=st.sampled_from([0, 0.3, 0.8]),
    workers=st.sampled_from([1, 4, 25]),
)
@example(seed=0, order=3, failures=0, workers=25)  # promoted early, and beaten at the rung later
def test_no_trial_goes_on_that_was_not_open(scheduler, seed, order, failures, workers):
    """Nor does it come back to those of the best that are kept."""
    end, _, log, _ = play(scheduler, seed, order, failures, losses=0.1, workers=workers)
    gone = set()
    for item, state in states(scheduler, log, seed):
        if isinstance(item, Reported):
            continue
        if isinstance(item, Job):
            assert item.trial not in gone
        keep = needed(scheduler, state, BEST)
        begun = {trial.number for trial in state.trials}
        assert keep <= begun
        assert not keep & gone
        gone |= begun - keep
    assert not scheduler.open_trials(end)
    best = [t.number for t in ranked(end.trials, scheduler.settings["mode"])]
    assert needed(scheduler, end, BEST) == set(best[:BEST])
    assert best_trial(end) == next(iter(best), None)


@pytest.mark.parametrize("name", ["hyperband", "successive halving", "top n", "full training"])
def test_of_those_that_wait_at_a_rung_only_as_many_as_go_on_are_open(name):
    scheduler = EVERY[name]
    (rounds, *_) = scheduler.settings["brackets"]
    _, _, log, _ = play(scheduler, workers=1)
    came = 0
    for item, state in states(scheduler, log, 0):
        came += isinstance(item, Completed)
        if came == rounds[0][0] - 1:  # all of the first round but one
            places = rounds[0][3] if len(rounds) > 1 else 0
            others = {t.number for t in state.trials if t.status in ("waiting", "running")}
            assert len(scheduler.open_trials(state) - others) == min(places, came)
            return
    raise AssertionError("the first round has no end")


def test_asha_lets_go_of_those_whom_nothing_can_bring_among_the_first():
    scheduler = EVERY["asha, promotion"]
    _, _, log, _ = play(scheduler, workers=1)
    begun = [
        len(scheduler.open_trials(state))
        for _, state in states(scheduler, log, 0)
        if state.rungs[-1].arrived
    ]
    assert begun
    assert all(still <= 20 // 3 + 2 + 1 for still in begun)


class Strict:
    """An objective that needs the checkpoint of its job's first epoch, as `files` names them."""

    def __init__(self, form):
        self.form = form

    def __call__(self, trial):
        if trial.first_epoch:
            assert (trial.folder / self.form.format(trial.first_epoch)).exists(), "no checkpoint"
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            path = trial.folder / self.form.format(epoch)
            path.write_bytes(b"x" * 100) if path.suffix else path.mkdir(exist_ok=True)
            (trial.folder / "log.txt").write_text("not a checkpoint")
            yield {"loss": loss(trial.number, trial.configuration, epoch)}


@laws
def test_a_study_whose_checkpoints_are_deleted_ends_as_the_one_that_keeps_all(scheduler, tmp_path):
    played = {}
    for best in (-1, BEST):
        folder = tmp_path / str(best)
        keeper = Keeper(scheduler, folder, best)
        executor = InlineExecutor(Strict("{}"), 3, folder=folder)
        state = run_study(scheduler, executor, Unrecorded(), 1, keeper)
        played[best] = state
        kept = {int(p.name[6:]) for p in folder.glob("trial-*") if len(list(p.iterdir())) > 1}
        begun = {t.number for t in state.trials if t.curve}
        assert not keeper.troubles
        assert len(list(folder.glob("*/log.txt"))) == len(begun)
        if best < 0:
            assert kept == begun
            continue
        assert kept == {t.number for t in ranked(state.trials, scheduler.settings["mode"])[:BEST]}
        assert all(len(list((folder / f"trial-{n:04d}").iterdir())) == 2 for n in kept)
        assert keeper.line(state).startswith(f"checkpoints: {BEST} of {len(begun)} kept, 0.0 MB")
    assert played[-1] == played[BEST]


def test_a_study_cut_off_after_any_event_goes_on_with_what_was_kept(tmp_path):
    scheduler = EVERY["hyperband"]
    undisturbed = run_study(scheduler, InlineExecutor(Strict("{}"), 3), Unrecorded(), 1)
    keeper, folder, left = None, tmp_path / "trials", 0

    class Cut(Exception):
        pass

    def watch(event, state):
        nonlocal left
        keeper(event, state)
        left -= 1
        if not left:
            raise Cut

    while True:
        left, keeper = 40, Keeper(scheduler, folder, 1)
        executor = InlineExecutor(Strict("{}"), 3, folder=folder)
        with Journal(tmp_path / "study.db") as journal:
            try:
                state = run_study(scheduler, executor, journal, 1, watch)
            except Cut:
                continue
        assert [t.curve for t in state.trials] == [t.curve for t in undisturbed.trials]
        keeper.clear(state)
        assert folders.footprint(folder).trials == 1
        return


def checkpoint(folder: Path, epoch: int) -> None:
    for name in "abc":
        (folder / str(epoch) / name).mkdir(parents=True)
        (folder / str(epoch) / name / "array").write_bytes(b"x" * 1000)


@pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning")  # JAX may have been imported
def test_a_deletion_that_is_killed_is_done_the_next_time(tmp_path):
    """By a real process, at moments that are not chosen."""
    for trial in range(60):
        checkpoint(folders.folder_of(tmp_path, trial), 3)
    begun = folders.footprint(tmp_path)
    assert begun == (60, 180_000)
    half = None
    for wait_s in (0.0005, 0.001, 0.002):
        child = os.fork()
        if child == 0:
            for trial in range(1, 60):
                folders.discard(folders.folder_of(tmp_path, trial))
            os._exit(0)
        time.sleep(wait_s)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        half = folders.footprint(tmp_path)
        assert folders.footprint(folders.folder_of(tmp_path, 0).parent).trials >= 1
        assert folders._size(folders.folder_of(tmp_path, 0) / "3") == 3000
    assert half.trials <= begun.trials
    assert half.bytes <= begun.bytes
    for trial in range(1, 60):
        folders.discard(folders.folder_of(tmp_path, trial))
    assert folders.footprint(tmp_path) == (1, 3000)


def test_a_folder_that_is_half_deleted_takes_no_room(tmp_path):
    (tmp_path / "trial-0000" / "3" / "a").mkdir(parents=True)
    assert folders.footprint(tmp_path) == (1, 0)


def test_what_is_no_checkpoint_stays(tmp_path):
    names = ["error.txt", "3.png", "7.log", "1.5", "best.npz", "x7"]
    for name in names:
        (tmp_path / name).write_text("mine")
    (tmp_path / "7").write_text("a file, not a folder")
    folders.discard(tmp_path)
    folders.trim(tmp_path, 9)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*names, "7"])


def test_remains_of_a_cut_off_checkpoint_go_with_it(tmp_path):
    checkpoint(tmp_path, 1)
    (tmp_path / ".2.partial").touch()
    (tmp_path / "2.orbax-checkpoint-tmp-17").mkdir()
    (tmp_path / "1.deleted").mkdir()
    folders.discard(tmp_path)
    assert not list(tmp_path.iterdir())


def test_of_a_trial_that_may_go_on_the_last_checkpoint_stays(tmp_path):
    """And later ones, which an epoch that was not reported left."""
    for epoch in (2, 3, 5):
        (tmp_path / f"{epoch}.npz").touch()
    folders.trim(tmp_path, 4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["3.npz", "5.npz"]


def test_what_cannot_be_deleted_is_said_and_tried_again(tmp_path, monkeypatch):
    scheduler = EVERY["hyperband"]

    def refuse(path):
        raise PermissionError(f"no right to delete {path}")

    keeper, executor = Keeper(scheduler, tmp_path, 1), InlineExecutor(Strict("{}"), folder=tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", refuse)
        state = run_study(scheduler, executor, Unrecorded(), 1, keeper)
        assert f"those of {len(keeper.troubles)} trials could not be deleted (no right" in (
            keeper.line(state)
        )
    assert len(keeper.troubles) > 10
    keeper.clear(state)
    assert not keeper.troubles
    assert line(tmp_path, len(state.trials)) == keeper.line(state)
    assert keeper.line(state).startswith("checkpoints: 1 of ")
