"""What objectives do wrong: the trial fails with a line that says what, and the study goes on."""

import threading
from collections import Counter
from functools import partial

import numpy as np
import pytest

import hpo
from tests.hpo.front import front_objectives as objectives

ERRORS = {
    "raises": "RuntimeError: two lines of trouble",
    "exits": "SystemExit: 3",
    "is nan": "epoch 2: loss is nan, it must be finite",
    "is text": "epoch 2: loss is 'much', not a number",
    "is nothing": "epoch 2: loss is 'None', not a number",
    "another metric": "epoch 2: no metric 'loss' among accuracy: report it, or",
    "no mapping": "epoch 2: loss is '[1.0]', not a number",
    "ends early": "ended after epoch 1 of",
    "forks": "forked, and its child went on as if it were the trial",
}


def of_trouble(trouble):
    return partial(objectives.troublesome, trouble=trouble)


def others_went_on(study):
    """All but trial 1 did as they would without it."""
    failed = [trial.number for trial in study.trials if trial.status == "failed"]
    assert failed == [1]
    assert len(study.trials) == 17
    assert study.best_trial.epochs == 9


@pytest.mark.filterwarnings(r"ignore:os\.fork:RuntimeWarning")  # JAX may have been imported
@pytest.mark.parametrize("trouble", ERRORS)
def test_a_trial_in_this_process_fails_alone(tune, trouble):
    study = tune(of_trouble(trouble))
    others_went_on(study)
    assert ERRORS[trouble] in study.trials[1].error
    assert len(study.trials[1].error) < 3000


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        ("dies", "took 3 workers down with it, the last by exit code 3"),
        ("forks", ERRORS["forks"]),
    ],
)
def test_a_trial_in_a_worker_fails_alone(tune, trouble, error):
    study = tune(of_trouble(trouble), workers=2)
    others_went_on(study)
    assert error in study.trials[1].error


@pytest.mark.parametrize("trouble", ["hangs", "hangs in C"])
def test_a_trial_that_hangs_fails_with_the_place_where_it_hung(tune, trouble):
    study = tune(of_trouble(trouble), timeout=0.7)
    others_went_on(study)
    error = study.trials[1].error
    assert "an epoch took longer than the 0.7 s" in error
    assert "front_objectives.py" in error or "/re/" in error


def test_what_hangs_and_cannot_reach_a_worker_is_left_behind(tune):
    lock = threading.Lock()

    def objective(trial):
        with lock:
            pass
        return objectives.troublesome(trial, "hangs")

    study = tune(objective, timeout=0.3)
    others_went_on(study)
    assert "epoch 2 took longer than the 0.3 s" in study.trials[1].error


def test_megabytes_on_the_screen_harm_nobody(tune, tmp_path):
    study = tune(of_trouble("prints"), executor="processes", folder=tmp_path)
    assert not any(trial.error for trial in study.trials)
    assert (tmp_path / "trials" / "workers" / "0.log").stat().st_size > 5_000_000


@pytest.mark.parametrize(
    "objective",
    [
        objectives.forgetful,
        objectives.from_the_start,
        objectives.from_the_start_by_reports,
    ],
)
def test_who_begins_anew_is_named(tune, objective):
    """Every trial that paused and was to go on: their curves would be wrong."""
    called = Counter()

    def counted(trial):
        called[trial.number] += 1
        return objective(trial)

    study = tune(counted)
    failed = {trial.number for trial in study.trials if trial.status == "failed"}
    assert failed == {number for number, calls in called.items() if calls > 1} != set()
    for number in failed:
        error = study.trials[number].error
        assert "trial.load()" in error or "trial.first_epoch" in error


def test_who_says_nothing_is_told_how(tune):
    study = tune(objectives.says_nothing)
    assert all("reported nothing and returned 3.0: yield {'loss'" in t.error for t in study.trials)
    with pytest.raises(hpo.StudyError, match=r"every trial failed \(17\), trial 0 with: Val"):
        _ = study.best_params


def test_who_goes_on_when_told_to_stop_is_stopped(tune):
    study = tune(objectives.endless)
    assert not any(trial.error for trial in study.trials)
    assert study.best_value == tune(objectives.yielding).best_value


def test_who_loads_and_never_saved_begins_anew_and_is_counted(tune):
    def objective(trial):
        trial.load()
        yield from objectives.forgetful(trial)

    study, waiting = tune(objective), tune(objectives.forgetful, resumable=False)
    assert [t.curve for t in study.trials] == [t.curve for t in waiting.trials]
    assert sum(trial.repeated for trial in study.trials) > 0


def test_a_damaged_state_is_named(tune):
    def objective(trial):
        for path in trial.folder.glob("state-*"):
            path.write_bytes(b"no state")
        yield from objectives.saving(trial)

    errors = [trial.error for trial in tune(objective).trials if trial.error]
    assert errors
    assert all("npz cannot be read" in error for error in errors)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_passing_fault_is_tried_again_and_counted(tune, workers):
    study = tune(objectives.failing_once, retries=1, workers=workers)
    assert not any(trial.error for trial in study.trials)
    assert [t.lost for t in study.trials] == [int(t.epochs > 1) for t in study.trials]
    assert study.best_value == tune(objectives.yielding).best_value


def test_a_lasting_fault_is_tried_so_often_and_no_more(tune):
    calls = []

    def objective(trial):
        calls.append(trial.number)
        raise RuntimeError("always")

    study = tune(objective, trials=2, retries=3, scheduler="random")
    assert calls == [0] * 4 + [1] * 4
    assert [trial.error for trial in study.trials] == ["RuntimeError: always"] * 2


def test_who_gives_more_than_was_asked_is_named_though_its_losses_are_new(tune):
    generator = np.random.default_rng(0)

    def yielding(trial):
        for _ in range(1, trial.last_epoch + 1):
            yield {"loss": generator.random()}

    def reporting(trial):
        for metrics in yielding(trial):
            trial.report(metrics)

    for objective, words in (
        (yielding, "has more to give after"),
        (reporting, "reports more than"),
    ):
        errors = [trial.error for trial in tune(objective).trials if trial.error]
        assert errors
        assert all(words in error for error in errors)


def test_a_report_says_whether_more_is_wanted_and_code_behind_the_last_one_runs(tune):
    said, ended = [], []

    def objective(trial):
        for epoch in trial.epochs:
            more = trial.report(loss=objectives.curve(trial.params, epoch))
            said.append(more == (epoch < trial.last_epoch))
        ended.append(trial.last_epoch)

    study = tune(objective)
    assert all(said)
    assert len(said) == study.epochs
    assert max(ended) == 9
