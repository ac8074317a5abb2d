"""Who may import whom within `datasets`: the rooms stand on each other, and none in a circle."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIMULATION = "datasets.simulation"
# Of each room or module of the simulation, what it may use of the others.
STANDS_ON = {
    "detector": (),
    "tracker": ("detector",),
    "calorimeter": ("detector", "tracker"),
    "reconstruction": ("detector", "tracker", "calorimeter"),
    "generate": (),
    "chain": ("detector", "tracker", "calorimeter", "reconstruction", "generate"),
    "validation": (
        "detector", "tracker", "calorimeter", "reconstruction", "generate", "chain",
    ),
}  # fmt: skip
# What of the rest of `datasets` stands below the simulation, but for its validation.
BELOW = ("constants", "schema", "seeds", "events")


def modules(package: str) -> dict[str, Path]:
    """The modules of a package by their full names."""
    found = {}
    for path in (ROOT / package.replace(".", "/")).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known) -> set[str]:
    """The modules among those known that a file imports anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= parts & known
            if not parts <= known:
                names.add(node.module)
    return names & known


GRAPH = {
    name: imported(path, set(modules("datasets"))) - {name}
    for name, path in modules("datasets").items()
}


def test_no_module_imports_itself_by_way_of_others():
    left = {name: set(needs) for name, needs in GRAPH.items()}
    while ready := {name for name, needs in left.items() if not needs & left.keys()}:
        for name in ready:
            del left[name]
    assert not left, f"a circle among {sorted(left)}"


@pytest.mark.parametrize("room", STANDS_ON)
def test_rooms_of_the_simulation_stand_on_those_below(room):
    mine = f"{SIMULATION}.{room}"
    for name, needs in GRAPH.items():
        if name != mine and not name.startswith(f"{mine}."):
            continue
        for need in needs:
            if not need.startswith(f"{SIMULATION}."):
                assert room == "validation" or need.split(".")[1] in BELOW, f"{name} imports {need}"
            else:
                assert need.split(".")[2] in (room, *STANDS_ON[room]), f"{name} imports {need}"


def test_every_part_of_the_simulation_has_its_place():
    parts = {name.split(".")[2] for name in GRAPH if name.startswith(f"{SIMULATION}.")}
    assert parts == set(STANDS_ON)


def test_reading_and_writing_of_files_do_not_know_each_other():
    for ours, theirs in (("reading", "writing"), ("writing", "reading")):
        for name, needs in GRAPH.items():
            if name.startswith(f"datasets.edm4hep.{ours}"):
                assert not any(need.startswith(f"datasets.edm4hep.{theirs}") for need in needs), (
                    name
                )
    for name in ("layout", "podio", "chunk", "errors"):
        assert not any(
            "reading" in need or "writing" in need for need in GRAPH[f"datasets.edm4hep.{name}"]
        )
