"""The wheel, built once: what is in it, and that it runs where only the base is installed."""

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from mlpf_install import extras
from tests.mlpf_install import barring

pytestmark = pytest.mark.soak
UV = Path(sys.executable).parent / "uv"
PACKAGES = ("configs", "datasets", "hpo", "launch", "mlpf_install", "mlpf_jax", "qsvr")


def called(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy of the files of the repository: building leaves things behind."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(barring.ROOT / name, folder)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*PACKAGES, "tests"):
        shutil.copytree(barring.ROOT / name, folder / name, ignore=ignored)
    done = subprocess.run(
        [UV, "build", "--wheel", "--quiet", "--out-dir", folder / "dist", folder],
        capture_output=True,
        text=True,
    )
    if "setuptools" in done.stderr and done.returncode:
        pytest.skip(f"no index to build with: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (built,) = (folder / "dist").glob("*.whl")
    return built


def metadata_of(wheel):
    with zipfile.ZipFile(wheel) as file:
        (name,) = (n for n in file.namelist() if n.endswith(".dist-info/METADATA"))
        return message_from_bytes(file.read(name))


def base_of(requirements, found=frozenset()):
    """The distributions of this environment that these requirements come to, without extras."""
    for requirement in map(Requirement, requirements):
        wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if wanted and requirement.name not in found:
            asked = distribution(requirement.name).requires or ()
            found = base_of(asked, found | {requirement.name})
    return found


def test_it_holds_every_package_and_its_data_and_no_tests(wheel):
    with zipfile.ZipFile(wheel) as file:
        held = {name for name in file.namelist() if ".dist-info/" not in name}
    data = ("*.py", "*.npz", "zoo/*.csv.xz", "zoo/README.md", "shipped/*/*")
    ours = {
        path.relative_to(barring.ROOT).as_posix()
        for package in PACKAGES
        for kind in data
        for path in (barring.ROOT / package).rglob(kind)
        if path.is_file()
    }
    assert held == ours


def test_its_extras_are_those_that_parts_ask_for(wheel):
    told = metadata_of(wheel)
    assert set(told.get_all("Provides-Extra")) == {*extras.MODULES, "all", "docs", "dev"}
    base = {r for r in told.get_all("Requires-Dist") if "extra ==" not in r}
    assert not base_of(base) & {"jax", "absl-py", "dwave-ocean-sdk", "ray", "rich", "dimod"}


def test_a_study_runs_in_an_environment_of_the_base_alone(wheel, tmp_path):
    """What the base comes to is linked from this environment, so that no index is asked."""
    called(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv/bin/python"
    site = Path(
        called(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"
        ).stdout.strip()
    )
    for name in base_of(metadata_of(wheel).get_all("Requires-Dist")):
        files = distribution(name).files
        tops = {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            (site / top).symlink_to(distribution(name).locate_file(top))
    called(UV, "pip", "install", "--no-deps", "--offline", "--python", python, wheel)

    shutil.copy(Path(__file__).parent / "first_study.py", tmp_path)
    alone = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = called(python, "first_study.py", cwd=tmp_path, env=alone)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["True"] * 3
    done = called(python, "-m", "mlpf_install", cwd=tmp_path, env=alone)
    lines = done.stdout.splitlines()
    assert lines[0] == f"mlpf-jax {metadata_of(wheel)['Version']}"
    assert [line.split()[1] for line in lines[1:]] == ["lacks"] * len(extras.MODULES)


def test_every_program_starts_from_it(wheel, tmp_path):
    """In this environment, with the wheel's packages instead of the repository's."""
    called(UV, "pip", "install", "--no-deps", "--offline", "--target", tmp_path / "site", wheel)
    alone = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    mlpf = (sys.executable, tmp_path / "site/bin/mlpf")
    told = called(*mlpf, "--help", cwd=tmp_path, env=alone).stdout
    assert "predict" in told
    shown = called(*mlpf, "train", "--config=demo", "--print_config", cwd=tmp_path, env=alone)
    assert "--config.model.width=" in shown.stdout
    code = "import mlpf_jax; print(mlpf_jax.__file__, mlpf_jax.load('clic_small')[0].width)"
    loaded = called(sys.executable, "-c", code, cwd=tmp_path, env=alone).stdout
    assert loaded.startswith(str(tmp_path / "site"))
