"""Slips in a call of hpo.tune: named before anything is written."""

import pytest

from tests.hpo.front import front_objectives as objectives


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"seed": "one"}, "seed must be a whole number, not 'one'"),
        ({"max_epochs": 9.5}, "max_epochs must be a whole number, not 9.5"),
        ({"workers": None}, "workers must be a whole number, not None"),
        ({"callbacks": print}, "callbacks is .*: give a list of functions"),
        ({"enqueue": {"x": 0.5}}, r"enqueue is {'x': 0.5}: give a list of configurations"),
    ],
)
def test_what_is_of_another_kind_is_named(tune, tmp_path, changes, complaint):
    with pytest.raises(TypeError, match=complaint):
        tune(objectives.yielding, folder=tmp_path / "study", **changes)
    assert not (tmp_path / "study").exists()


def test_what_a_study_is_extended_by_is_looked_at_too(tune):
    with pytest.raises(TypeError, match="give a list of configurations"):
        tune(objectives.yielding, max_epochs=3).extend(trials=1, enqueue={"x": 0.5})


def test_a_file_is_no_folder(tune, tmp_path):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(ValueError, match="file is a file: name a folder"):
        tune(objectives.yielding, folder=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_failure_of_every_trial_is_told_a_few_times(tune, capsys):
    """Such as a metric that is misspelt; another one is told as it comes."""

    def objective(trial):
        if trial.number == 9:
            raise RuntimeError("the disk is full")
        raise ValueError(f"trial {trial.number}: x = {trial.params['x']}, no loss")

    study = tune(objective, verbose=True)
    told = [line for line in capsys.readouterr().err.splitlines() if " failed" in line]
    assert all(trial.error for trial in study.trials)
    assert [line.split(":")[0] for line in told] == [
        "  trial 0 failed",
        "  trial 1 failed",
        "  trial 2 failed",
        "  trial 3 failed alike; further such are in study.trials alone",
        "  trial 9 failed",
        f"  {study!r}",
    ]
