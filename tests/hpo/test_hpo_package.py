import subprocess
import sys

import hpo


def test_every_public_name_can_be_had():
    for name in hpo.__all__:
        assert getattr(hpo, name).__name__ == name
    assert callable(hpo.hyperband)


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
