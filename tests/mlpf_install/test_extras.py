"""Parts whose extra is missing say so in one line; hpo needs none."""

import shutil
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mlpf_install import extras
from tests.mlpf_install import barring

PROJECT = tomllib.loads((barring.ROOT / "pyproject.toml").read_text())["project"]
BEYOND = sorted({module for modules in extras.MODULES.values() for module in modules})
DOORS = {
    "import mlpf_jax": ("mlpf_jax needs absl, ", "mlpf-jax[mlpf]"),
    "from mlpf_jax.model.mlpf import MLPF": ("mlpf_jax needs absl, ", "mlpf-jax[mlpf]"),
    "from datasets import edm4hep": ("mlpf-jax's `datasets` needs absl, ", "mlpf-jax[mlpf]"),
    "import launch.tune": ("launch needs absl, ", "mlpf-jax[mlpf]"),
    "from qsvr import QSVR": ("qsvr.QSVR needs dimod, dwave, jax, ", "mlpf-jax[anneal]"),
    "import hpo; hpo.predictors.qsvr()": ("the predictor qsvr needs dimod,", "mlpf-jax[anneal]"),
    "import hpo; hpo.predictors.lkgp()": ("the predictor lkgp needs jax, ", "mlpf-jax[mlpf]"),
    "import hpo; hpo.plot(None)": ("plot needs matplotlib, ", "mlpf-jax[plot]"),
    "import hpo; hpo.RayExecutor('a:b', {}, 'c', 1)": ("Ray is not installed: ", "mlpf-jax[ray]"),
}


def names_of(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


@cache
def installing():
    return packages_distributions()


def distributions_of(module):
    return {canonicalize_name(name) for name in installing().get(module, ())}


@pytest.mark.parametrize("extra", extras.MODULES)
def test_the_modules_of_an_extra_are_those_that_it_installs(extra):
    """Each requirement is asked for by a module of it, and each module comes with one; Ocean's
    modules come with what Ocean asks for."""
    declared = names_of(PROJECT["optional-dependencies"][extra])
    found = {module: distributions_of(module) for module in extras.MODULES[extra]}
    brought = {"dimod": "dwave-ocean-sdk", "dwave": "dwave-ocean-sdk"}
    by_module = {m: (names & declared) or {brought.get(m)} for m, names in found.items() if names}
    assert set().union(*by_module.values()) <= declared
    if len(by_module) == len(found):  # all are installed here
        assert set().union(*by_module.values()) == declared


def test_the_base_install_is_small_and_all_is_everything():
    base = names_of(PROJECT["dependencies"])
    assert {"numpy", "scipy", "scikit-learn"} <= base
    assert not base & {d for module in BEYOND for d in distributions_of(module)}
    (everything,) = map(Requirement, PROJECT["optional-dependencies"]["all"])
    assert everything.name == PROJECT["name"]
    assert everything.extras == set(extras.MODULES)
    assert set(PROJECT["optional-dependencies"]) == {*extras.MODULES, "all", "dev", "docs"}


@pytest.mark.parametrize("code", DOORS)
def test_a_part_without_its_extra_says_so_in_one_line(code, tmp_path):
    done = barring.run(tmp_path, "-c", code, barred=BEYOND)
    says, installs = DOORS[code]
    assert says in barring.last_line(done)
    assert f"pip install '{installs}'" in barring.last_line(done)


def test_a_program_says_nothing_but_that_line(tmp_path):
    done = barring.run(tmp_path, "-m", "launch.tune", "--help", barred=BEYOND)
    assert done.returncode == 1
    assert done.stderr == (
        "error: launch needs absl, awkward, flax and 11 more that are not installed: "
        "pip install 'mlpf-jax[mlpf]'\n"
    )


def test_collisions_and_jets_ask_for_physics(tmp_path):
    code = "from datasets.simulation import generate; generate.start((), 1)"
    done = barring.run(tmp_path, "-c", code, barred=("pythia8mc",))
    assert barring.last_line(done) == (
        "ImportError: simulating collisions needs pythia8mc, not installed: "
        "pip install 'mlpf-jax[physics]'"
    )


def test_a_study_runs_with_the_base_install_alone(tmp_path):
    shutil.copy(Path(__file__).parent / "first_study.py", tmp_path)
    done = barring.run(tmp_path, "first_study.py", barred=BEYOND, before=(tmp_path,))
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["True"] * 3
    assert done.stdout.endswith("[]\n")


def test_what_is_installed_can_be_asked(tmp_path):
    done = barring.run(tmp_path, "-m", "mlpf_install", barred=("ray", "fastjet"))
    lines = done.stdout.splitlines()
    assert "[ray] lacks ray: pip install 'mlpf-jax[ray]'" in lines
    assert "[physics] lacks fastjet" in "\n".join(lines)
