"""`datasets`, `configs`, `launch`: names that others use, too."""

import shutil
import sys
import textwrap
from pathlib import Path

import pytest

from mlpf_install import names
from tests.mlpf_install import barring

FOREIGN = {
    "__init__.py": "__version__ = '4.0.0'\nfrom datasets.load import load_dataset\n",
    "load.py": "def load_dataset(path):\n    return path\n",
}


def package(folder: Path, name: str, files=FOREIGN) -> Path:
    """A package of somebody else's in `folder`; returns the file that `import name` finds."""
    for file, text in files.items():
        path = folder / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / name / "__init__.py"


def installed(folder: Path, name: str, top: str) -> None:
    """Says in `folder` that the distribution `name` has installed the package `top` there."""
    info = folder / f"{name}-4.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 4.0.0\n")
    (info / "top_level.txt").write_text(f"{top}\n")


@pytest.mark.parametrize("name", names.SHARED)
def test_our_own_are_ours(name):
    assert names.clash(name) is None


@pytest.mark.parametrize("code", ["import mlpf_jax", "import launch.tune"])
def test_a_foreign_datasets_is_named_in_one_line(code, tmp_path):
    place = package(tmp_path / "foreign", "datasets")
    installed(tmp_path / "foreign", "datasets", "datasets")
    done = barring.run(tmp_path, "-c", code, before=(tmp_path / "foreign",))
    line = barring.last_line(done)
    assert f"`datasets` is {place}, of the distribution datasets, not mlpf-jax's" in line
    assert "an environment of its own" in line


def test_a_program_beside_a_foreign_datasets_says_nothing_but_that_line(tmp_path):
    package(tmp_path / "foreign", "datasets")
    before = (tmp_path / "foreign",)
    done = barring.run(tmp_path, "-m", "launch.train", "--help", before=before)
    assert done.returncode == 1
    assert done.stderr.startswith("error: launch needs `datasets`, but `datasets` is ")
    assert done.stderr.count("\n") == 1


def test_hpo_and_qsvr_work_beside_them_and_they_beside_us(tmp_path):
    for name in names.SHARED:
        package(tmp_path / "foreign", name, {"__init__.py": "", "load.py": "load_dataset = str"})
    code = """
        import datasets.load, configs, launch
        import numpy as np
        import hpo
        from qsvr import QSVR, Exact

        table = hpo.Table("t", ({"a": 1},) * 9, np.linspace(1, 2, 81).reshape(9, 9))
        print(hpo.simulate(hpo.hyperband(table.searcher(), 9), table, seed=0).epochs > 0)
        X = np.linspace(0, 1, 4)[:, None]
        print(QSVR(sampler=Exact(), bits=2, random_state=0).fit(X, X[:, 0]).predict(X).shape)
        print({datasets.__file__, configs.__file__, launch.__file__})
    """
    before = (tmp_path / "foreign",)
    done = barring.run(tmp_path, "-c", textwrap.dedent(code), before=before)
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert told[:2] == ["True", "(4,)"]
    assert told[2].count(str(tmp_path / "foreign")) == 3


def test_an_overwritten_datasets_is_found_out_although_it_lies_where_ours_should(tmp_path):
    """Two distributions in one folder: the files of both, and the __init__ of the later one."""
    for name in names.SHARED:
        shutil.copytree(barring.ROOT / name, tmp_path / name)
    package(tmp_path, "datasets")
    installed(tmp_path, "datasets", "datasets")
    done = barring.run(tmp_path, "-m", "mlpf_install", before=(tmp_path,))
    assert done.returncode == 1
    assert done.stderr.startswith(f"`datasets` is {tmp_path}/datasets/__init__.py, of the distri")
    shutil.copy(barring.ROOT / "datasets/__init__.py", tmp_path / "datasets")  # now ours is later
    done = barring.run(tmp_path, "-m", "mlpf_install", before=(tmp_path,))
    assert done.returncode == 1
    assert done.stderr.startswith("`datasets` is also installed by datasets: ")


def test_a_folder_of_that_name_is_no_package_of_ours(tmp_path, monkeypatch):
    (tmp_path / "configs").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "configs", raising=False)
    assert str(tmp_path / "configs") in names.clash("configs")
    monkeypatch.setattr(sys, "path", [])
    assert "`configs` is nowhere" in names.clash("configs")


def test_a_config_that_builds_on_a_shadowed_one_says_which(tmp_path):
    package(tmp_path, "configs", {"__init__.py": "", "own.py": "from configs.demo import x\n"})
    arguments = ("-m", "launch.train", "--config=configs/own.py", "--run=run")
    done = barring.run(tmp_path, *arguments)
    assert done.returncode == 1
    assert f"`configs` is {tmp_path}/configs/__init__.py" in done.stderr
    assert done.stderr.count("\n") == 1
