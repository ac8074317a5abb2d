"""Who may import whom: the table of WORKSPACE.md, held; and no import goes in a circle."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = (
    "benchmarks", "configs", "datasets", "handbook", "hpo", "launch", "mlpf_install", "mlpf_jax",
    "qsvr",
)  # fmt: skip
HEAVY = (
    "awkward", "dimod", "dwave", "fastjet", "jax", "matplotlib", "pythia8mc", "sklearn",
    "tensorflow_datasets", "uproot",
)  # fmt: skip


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for top in OURS for path in sorted((ROOT / top).rglob("*.py"))}


@cache
def imported(module: str) -> frozenset[str]:
    """Our modules that a module imports, anywhere in it; of `from a import b` a.b if it is one."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{module}: relative import"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else node.module for name in names}
    return frozenset(name for name in found if name in MODULES)


def rooms() -> dict[str, frozenset[str]]:
    """The table of WORKSPACE.md: a room and the rooms or modules it may import, itself too."""
    text = (ROOT / "WORKSPACE.md").read_text()
    block = text.split("## Who may import whom")[1].split("```")[1]
    table = {}
    for line in block.strip().replace(",\n", ",").splitlines()[1:]:
        room, *others = line.replace(",", " ").split()
        table[room] = frozenset({room, *others} - {"nothing"})
    return table


ROOMS = rooms()


def room_of(module: str) -> str:
    """The room of the table that holds a module: the longest name that it begins with."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if (room := ".".join(parts[:length])) in ROOMS:
            return room
    raise AssertionError(f"{module} is in no room of WORKSPACE.md")


def trespasses() -> Iterator[str]:
    for module in MODULES:
        room = room_of(module)
        for other in imported(module):
            if not ROOMS[room] & {"everything", room_of(other), other}:
                yield f"{module} ({room}) imports {other} ({room_of(other)})"


def test_a_room_imports_what_the_table_says():
    assert not sorted(trespasses())


def test_the_table_says_no_more_than_is_used():
    used = {(room_of(m), o) for m in MODULES for o in imported(m)}
    used |= {(room, room_of(other)) for room, other in used}
    allowed = {(room, o) for room in ROOMS for o in ROOMS[room] - {room, "everything"}}
    assert not sorted(allowed - used)


def test_every_folder_has_a_line_in_the_table():
    folders = {name_of(path).rpartition(".")[0] or name_of(path) for path in MODULES.values()}
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert not sorted((folders | packages) - set(ROOMS))
    assert not sorted(set(ROOMS) - set(MODULES))


def test_no_import_goes_in_a_circle():
    """Imports inside functions count too; a package's `__init__` is a module like any other."""
    try:
        TopologicalSorter({name: imported(name) - {name} for name in MODULES}).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_only_one_predictor_of_hpo_knows_qsvr():
    users = {m for m in MODULES if room_of(m).startswith("hpo") for o in imported(m) if "qsvr" in o}
    assert users == {"hpo.forecasting.predictors.annealed"}


@pytest.mark.parametrize(
    "module",
    [
        "hpo",
        "hpo.front.tuning",
        "hpo.simulation.comparison",
        "qsvr",
        "datasets.schema",
        "datasets.truth.target",
        "mlpf_jax.physics.evaluation",
        "launch.compare_hpo",
        "launch.evaluate",
        "launch.tune",
        "launch.report",
    ],
)
def test_importing_is_light(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""
