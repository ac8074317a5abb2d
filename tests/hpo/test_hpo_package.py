import subprocess
import sys

import pytest

import hpo


def test_every_public_name_can_be_had():
    for name in hpo.__all__:
        assert getattr(hpo, name).__name__.split(".")[-1] == name
    assert callable(hpo.hyperband)
    assert callable(hpo.predictors.svr)
    with pytest.raises(AttributeError, match="no attribute 'predictor'"):
        _ = hpo.predictor


def test_the_room_of_predictors_opens_when_it_is_asked_for():
    code = (
        "import hpo, sys; before = 'hpo.forecasting.predictors' in sys.modules;"
        "print(before, hpo.predictors.__name__, 'predictors' in dir(hpo));"
        "print([m for m in ('jax', 'sklearn', 'scipy', 'qsvr') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.split("\n")[:2] == ["False hpo.forecasting.predictors True", "[]"]


def test_importing_costs_nothing_heavy():
    code = (
        "import hpo, hpo.study, hpo.executors.worker, sys;"
        "print([m for m in ('jax', 'numpy', 'sklearn', 'scipy', 'qsvr') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


def test_schedulers_need_no_learning_library():
    code = (
        "import hpo, sys; hpo.swift_hyperband(hpo.Space({'x': hpo.Float(0, 1)}), 9).init(0);"
        "print([m for m in ('jax', 'sklearn', 'scipy', 'qsvr') if m in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"
