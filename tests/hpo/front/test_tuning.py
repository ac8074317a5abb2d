"""What `hpo.tune` promises of every study, with objectives that cost nothing."""

import json
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import hpo
from hpo import export
from hpo.front.rules import SCHEDULERS
from hpo.showing.recorded import view_of
from tests.hpo.front import front_objectives as objectives

ROOT = Path(__file__).parents[3]
SYNCHRONOUS = ("swift_improved", "hyperband", "successive_halving", "adaptive")


def told(study):
    """All that a user can read of a study, but for times."""
    return [(t.number, t.params, t.metrics, t.status, t.error) for t in study.trials]


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_scheduler_has_a_name(tune, scheduler):
    study = tune(objectives.yielding, scheduler=scheduler)
    assert study.finished
    assert study.best_trial.epochs == 9
    assert study.best_value == min(t.value for t in study.trials if t.epochs == 9)
    assert study.best_params == study.best_trial.params
    assert study.epochs == sum(t.epochs for t in study.trials)


@pytest.mark.parametrize("how", ["saving", "reporting", "saving_late", "saving_seldom"])
def test_all_ways_to_report_and_to_save_come_to_the_same(tune, how):
    study, plain = tune(getattr(objectives, how)), tune(objectives.yielding)
    assert [t.curve for t in study.trials] == [t.curve for t in plain.trials]
    repeated = sum(t.repeated for t in study.trials)
    assert (repeated > 0) == (how == "saving_seldom")


@pytest.mark.parametrize("scheduler", ["hyperband", "swift_improved", "asha"])
def test_states_are_kept_of_trials_that_may_go_on_alone(tune, tmp_path, scheduler):
    study = tune(objectives.saving, scheduler=scheduler, folder=tmp_path)
    kept = {int(path.parent.name[6:]) for path in tmp_path.glob("trials/*/state-*.npz")}
    assert kept == {trial.number for trial in study.trials if trial.epochs == 9}


def test_any_number_of_workers_finds_the_same(tune):
    one = tune(objectives.saving, scheduler="swift_improved")
    for workers in (2, 4):
        several = tune(objectives.saving, scheduler="swift_improved", workers=workers)
        assert told(several) == told(one)


@pytest.mark.soak
@pytest.mark.parametrize("scheduler", SYNCHRONOUS)
def test_workers_here_and_on_ray_find_the_same(tune, scheduler):
    pytest.importorskip("ray")
    one = tune(objectives.saving, scheduler=scheduler)
    for executor, workers in (("processes", 1), ("processes", 2), ("processes", 4), ("ray", 2)):
        several = tune(objectives.saving, scheduler=scheduler, workers=workers, executor=executor)
        assert told(several) == told(one)


def test_objectives_reach_workers_by_name_and_by_value(tune):
    one = told(tune(objectives.yielding))
    scale = 1.0

    def closure(trial):
        return ({**metrics, "loss": scale * metrics["loss"]} for metrics in again(trial))

    again = objectives.yielding
    for objective in (
        "tests.hpo.front.front_objectives:yielding",
        partial(objectives.yielding),
        closure,
        lambda trial: closure(trial),
    ):
        assert told(tune(objective, workers=2)) == one


def test_what_cannot_reach_a_worker_is_told_how_before_anything_is_written(tune, tmp_path):
    lock = threading.Lock()

    def locked(trial):
        with lock:
            yield {"loss": 1.0}

    with pytest.raises(ValueError, match=r"locked cannot reach a worker: TypeError.*workers=1"):
        tune(locked, workers=2, folder=tmp_path / "study")
    assert not (tmp_path / "study").exists()
    assert tune(locked, max_epochs=1, scheduler="random", trials=2).best_value == 1.0


def test_the_maximum_of_a_metric_and_a_weighted_sum(tune):
    largest = tune(objectives.yielding, metric="size", mode="max")
    assert largest.best_value == max(t.value for t in largest.trials if t.epochs == 9)
    both = tune(objectives.yielding, metric={"loss": 0.5, "size": 2})
    for trial in both.trials:
        sums = [0.5 * each["loss"] + 2 * each["size"] for each in trial.metrics]
        assert list(trial.curve) == sums
    assert both.best_trial.metrics[-1].keys() == {"loss", "size", "0.5 loss + 2 size"}


def test_the_best_is_one_of_those_trained_longest_though_its_loss_has_risen(tune):
    def rising(trial):
        for epoch in trial.epochs:
            yield {"loss": trial.params["x"] + epoch}

    study = tune(rising)
    assert study.best_trial.epochs == 9
    assert study.best_value == min(t.value for t in study.trials if t.epochs == 9)


def test_a_study_in_a_folder_is_there_when_it_is_called_again(tune, tmp_path):
    first = tune(objectives.saving, folder=tmp_path)
    assert told(first) == told(tune(objectives.saving))
    trained = {path: path.read_text() for path in tmp_path.glob("trials/*/trained")}
    again = tune(objectives.saving, folder=tmp_path, workers=2)
    assert told(again) == told(first)
    assert {path: path.read_text() for path in trained} == trained
    with pytest.raises(hpo.JournalError, match=r"seed: 1, now 2"):
        tune(objectives.saving, folder=tmp_path, seed=2)
    with pytest.raises(hpo.JournalError, match=r"executor\.objective"):
        tune(objectives.reporting, folder=tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_study_that_is_killed_goes_on_with_the_same_result(tune, tmp_path, workers):
    program = (
        "import hpo\n"
        "from tests.hpo.front.front_objectives import slow\n"
        "hpo.tune(slow, {'x': hpo.Float(0, 1)}, max_epochs=9, scheduler='hyperband', seed=1,\n"
        f"         verbose=False, workers={workers}, folder={str(tmp_path)!r})\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as process:
        while not (tmp_path / "trials" / "trial-0009").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    cut = hpo.read_journal(tmp_path / "study.db")[1]
    study = tune(objectives.slow, folder=tmp_path)
    assert [t.curve for t in study.trials] == [t.curve for t in tune(objectives.saving).trials]
    lines = [len(path.read_text().split()) for path in tmp_path.glob("trials/*/trained")]
    assert 0 < len(cut) < len(hpo.read_journal(tmp_path / "study.db")[1])
    assert study.epochs <= sum(lines) <= study.epochs + 9 * workers  # jobs under way, again


def test_limits_end_a_study_and_extend_goes_on(tune, tmp_path):
    whole = tune(objectives.saving)
    study = tune(objectives.saving, epochs=20, folder=tmp_path)
    assert (study.epochs, study.finished) == (20, False)
    with pytest.raises(hpo.StudyError, match=r"call extend\(\) first"):
        study.extend(trials=3)
    assert study.extend(epochs=15).epochs == 35
    again = tune(objectives.saving, epochs=20, folder=tmp_path).extend(epochs=15)
    assert again.epochs == 35  # the same script finds what it did
    assert told(again.extend()) == told(whole)
    assert again.finished
    assert tune(objectives.slow, seconds=0.05).epochs < whole.epochs


def test_a_callback_hears_everything_and_may_end_the_study(tune):
    heard = []

    def callback(report):
        heard.append(report)
        if len(heard) == 5:
            raise hpo.StopStudy

    study = tune(objectives.yielding, callbacks=[callback])
    assert study.epochs == 5
    assert not study.finished
    for report in heard:
        trial = study.trials[report.trial]
        assert trial.metrics[report.epoch - 1] == report.metrics
        assert trial.params == report.params
    study.extend()
    assert len(heard) == study.epochs == 69


@pytest.mark.parametrize("scheduler", ["hyperband", "asha"])
@pytest.mark.parametrize("workers", [1, 2])
def test_more_trials(tune, tmp_path, scheduler, workers):
    """New configurations, of which the first are as wished, in numbers that go on."""
    call = partial(tune, objectives.saving, scheduler=scheduler, trials=6, folder=tmp_path)
    study = call(workers=workers)
    before = told(study)
    assert len(before) == 6
    study.extend(trials=4, enqueue=[{"x": 0.3}])
    assert told(study)[:6] == before
    assert [t.number for t in study.trials] == list(range(10))
    assert study.trials[6].params == {"x": 0.3}
    assert len({t.params["x"] for t in study.trials}) == 10
    assert study.best_trial.epochs == 9
    again = call().extend(trials=4, enqueue=[{"x": 0.3}])
    assert told(again) == told(study)


@pytest.mark.parametrize("resumable", [True, False])
def test_more_epochs(tune, resumable):
    """The trials that came to the end train on from there, and the best is one of them."""
    study = tune(objectives.saving if resumable else objectives.yielding, resumable=resumable)
    done = {t.number: t.curve for t in study.trials}
    ended = [number for number, curve in done.items() if len(curve) == 9]
    study.extend(max_epochs=12)
    for trial in study.trials:
        assert trial.epochs == (12 if trial.number in ended else len(done[trial.number]))
        assert trial.curve[: len(done[trial.number])] == done[trial.number]
        assert trial.curve[-1] == objectives.curve(trial.params, trial.epochs)
    assert study.best_trial.epochs == 12
    study.extend(max_epochs=15, trials=1)
    assert [t.number for t in study.trials if t.epochs == 15] == [study.best_trial.number]
    with pytest.raises(hpo.StudyError, match="have 15 epochs already"):
        study.extend(max_epochs=15)


def test_a_runner_that_cannot_save_waits_or_begins_anew(tune):
    """More trials pause than runners wait: what they repeat is counted, and changes nothing."""
    study = tune(objectives.forgetful, resumable=False, max_epochs=27)
    for trial in study.trials:
        assert list(trial.curve) == [trial.params["x"] + 10 / (i + 1) for i in range(trial.epochs)]
    assert 0 < sum(trial.repeated for trial in study.trials) < study.epochs / 2
    two = tune(objectives.forgetful, resumable=False, max_epochs=27, workers=2)
    assert [t.curve for t in two.trials] == [t.curve for t in study.trials]


def test_a_limit_of_trials_holds_for_brackets_too(tune):
    study = tune(objectives.yielding, trials=5)
    assert [t.number for t in study.trials] == [0, 1, 2, 3, 4]
    assert study.best_trial.epochs == 9


def test_schedulers_and_searchers_by_value(tune):
    space = hpo.Space({"x": hpo.Float(0, 1)})
    by_name = told(tune(objectives.yielding, eta=2))
    for scheduler in (
        partial(hpo.hyperband, eta=2),
        hpo.hyperband(space, 9, 2),
    ):
        assert told(tune(objectives.yielding, scheduler=scheduler)) == by_name
    sobol = tune(objectives.yielding, searcher="quasi_random")
    assert told(tune(objectives.yielding, searcher=hpo.quasi_random_search)) == told(sobol)
    assert told(sobol) != told(tune(objectives.yielding))
    study = tune(objectives.yielding, searcher="bayesian", scheduler="asha", trials=12)
    assert len(study.extend(trials=3).trials) == 15


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"scheduler": "best"}, "'best' is none of swift_improved"),
        ({"scheduler": hpo.hyperband(hpo.Space({"y": hpo.Float(0, 1)}), 9)}, "another space"),
        ({"searcher": "best"}, "'best' is none of random"),
        ({"mode": "up"}, 'must be "min" or "max"'),
        ({"metric": "x"}, "'x' is a hyperparameter and the metric"),
        ({"metric": {}}, "give a name, or weights by name"),
        ({"executor": "threads"}, "'threads' is none of inline"),
        ({"workers": 0}, "at least one worker"),
        ({"trials": 0}, "trials must be above 0"),
        ({"timeout": -1.0}, "timeout must be above 0"),
        ({"seed": -1}, "seed must not be negative"),
        ({"max_epochs": 1}, "max_epochs >= eta"),
        ({"enqueue": [{"y": 1}]}, r"enqueue\[0\]: y is not in the space"),
        ({"enqueue": [{"x": 0.5}, {"x": 2}]}, r"enqueue\[1\]: x: 2 lies outside"),
        ({"objective": "nowhere:at_all"}, 'no "module:function"'),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tune, tmp_path, changes, complaint):
    with pytest.raises(ValueError, match=complaint):
        tune(**{"objective": objectives.yielding, "folder": tmp_path / "study", **changes})
    assert not (tmp_path / "study").exists()


def test_what_is_no_objective_and_no_space_is_refused(tune):
    with pytest.raises(TypeError, match="nothing that can be called"):
        tune(3)
    with pytest.raises(TypeError, match="give a dict of names"):
        tune(objectives.yielding, space=[hpo.Float(0, 1)])


def test_numbers_of_numpy_are_numbers(tune):
    study = tune(objectives.yielding, max_epochs=np.int64(9), seed=np.int32(1), workers=np.int8(1))
    assert told(study) == told(tune(objectives.yielding))


def test_a_frame_has_a_row_for_every_trial(tune):
    study = tune(objectives.yielding)
    rows, frame = study.rows(), study.to_frame()
    assert len(frame) == len(rows) == 17
    for trial, row in zip(study.trials, rows, strict=True):
        assert row["number"] == trial.number
        assert row["params_x"] == trial.params["x"]
        assert row["loss"] == row["value"] == trial.value
    assert list(frame["params_x"]) == [row["params_x"] for row in rows]
    json.dumps(rows)


def test_lines_tell_of_the_best_and_of_failures(tune, capsys):
    study = tune(partial(objectives.troublesome, trouble="is nan"), verbose=True)
    lines = capsys.readouterr().err.splitlines()
    assert "  trial 1 failed: epoch 2: loss is nan, it must be finite" in lines
    best = study.best_trial
    assert f"  trial {best.number}, epoch 9: {best.value:.4g} (x {best.params['x']:.4g})" in lines
    assert lines[-1].endswith(
        f"1 failed, best loss {best.value:.4g} (trial {best.number}, epoch 9))"
    )


@pytest.mark.parametrize("kept", [True, False])
def test_a_study_is_seen_as_a_page_and_a_figure(tune, tmp_path, kept):
    """With values that no axis has: None and tuples; and what it was extended by."""
    space = {"x": hpo.Float(0, 1), "hidden": hpo.Categorical(None, (8, 8), "wide")}
    small = partial(tune, objectives.yielding, space=space, max_epochs=4)
    study = small(folder=tmp_path / "study" if kept else None).extend(trials=3)
    path = study.page(tmp_path / "study.html")
    assert path == tmp_path / "study.html"
    assert ("<title>Study study<" if kept else "<title>A study<") in path.read_text()
    assert "(8, 8)" in path.read_text()
    assert len(study.plot().axes) == 2


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_seen_of_an_extended_study_is_all_of_it(tune, tmp_path, kept):
    """Trials of all parts, those that went on as one, on one clock that only goes on."""
    study = tune(objectives.saving, folder=tmp_path / "study" if kept else None, trials=6)
    study.extend(trials=3).extend(max_epochs=12, trials=2)
    view = view_of(study)
    seen = {t.number: (t.configuration, t.curve, t.status, t.error) for t in view.trials}
    assert seen == {t.number: (t.params, t.curve, t.status, t.error) for t in study.trials}
    assert view.best.number == study.best_trial.number
    assert view.epochs == study.epochs == len(view.reports) == len(export.rows(study, "reports"))
    for trial in view.trials:
        own = [r for r in view.reports if r.trial == trial.number]
        assert [(r.epoch, r.value) for r in own] == list(enumerate(trial.curve, 1))
        jobs = [s for s in view.spans if s.trial == trial.number]
        assert [s.first for s in jobs] == [0, *(s.last for s in jobs[:-1])]
        assert jobs[-1].last == trial.epochs
    assert list(view.spans) == sorted(view.spans, key=lambda s: s.begun)
    clock = [report.seconds for report in view.reports]
    assert clock == sorted(clock)
    assert clock[-1] <= view.seconds
    assert view.over
