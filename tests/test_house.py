"""How large a folder and a file may be: a newcomer finds things by looking at one level."""

import statistics
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOP = (
    "benchmarks", "configs", "datasets", "handbook", "hpo", "launch", "mlpf_install", "mlpf_jax",
    "qsvr", "tests",
)  # fmt: skip
FILES = [path for top in TOP for path in sorted((ROOT / top).rglob("*.py"))]
LINES = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in FILES}
MOST = 15
VERBS = 20  # of launch: a file a verb, which `mlpf --help` shows by what a person wants


def test_no_folder_shows_more_than_fifteen_files():
    shown = Counter(str(path.parent) for path in LINES if path.name != "__init__.py")
    assert shown.pop("launch") <= VERBS
    assert shown.pop("configs") <= VERBS
    assert not {folder: count for folder, count in shown.items() if count > MOST}


def test_files_are_short():
    assert not {str(path): lines for path, lines in LINES.items() if lines > 350}
    assert statistics.median(LINES.values()) <= 150


def test_every_package_says_what_it_holds():
    packages = [path for path in FILES if path.name == "__init__.py"]
    assert not [str(path) for path in packages if not path.read_text().startswith('"""')]
