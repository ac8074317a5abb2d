"""Who may import whom: the rules of WORKSPACE.md, held."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("configs", "datasets", "hpo", "launch", "mlpf_jax", "qsvr")
ALLOWED = {
    "configs": set(),
    "datasets": set(),
    "qsvr": set(),
    "mlpf_jax": {"datasets.schema"},
    "hpo": {"qsvr"},
    "launch": set(OURS),
}
# What a room may import beyond what its package may.
ROOMS = {"mlpf_jax/physics": {"datasets.events", "datasets.jets"}}
HEAVY = (
    "awkward", "dimod", "dwave", "fastjet", "jax", "matplotlib", "pythia8mc", "sklearn",
    "tensorflow_datasets", "uproot",
)  # fmt: skip


def imported(path: Path) -> set[str]:
    """Modules that a file imports, `from a import b` as both a and a.b."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def foreign(package: str) -> list[tuple[Path, str]]:
    """(file, module) of every import of another of our packages."""
    return [
        (path.relative_to(ROOT), name)
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in sorted(imported(path))
        if name.split(".")[0] in OURS and name.split(".")[0] != package
    ]


@pytest.mark.parametrize("package", OURS)
def test_a_package_imports_what_it_may(package):
    for path, name in foreign(package):
        may = ALLOWED[package] | ROOMS.get(path.parent.as_posix(), set())
        allowed = any(name == a or name.startswith(f"{a}.") for a in may)
        # `from datasets import schema` names the package too
        names_a_part = any(a.startswith(f"{name}.") for a in may & imported(ROOT / path))
        assert allowed or names_a_part, f"{path} imports {name}"


def test_only_the_predictors_of_hpo_know_qsvr():
    assert {str(path) for path, _ in foreign("hpo")} == {"hpo/forecasting/predictors/annealed.py"}


@pytest.mark.parametrize(
    "module",
    [
        "hpo",
        "qsvr",
        "datasets.schema",
        "datasets.truth.target",
        "mlpf_jax.physics.evaluation",
        "hpo.simulation.methods",
        "hpo.simulation.comparison",
        "launch.compare_hpo",
        "launch.tune",
        "launch.evaluate",
        "launch.report",
    ],
)
def test_importing_is_light(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
