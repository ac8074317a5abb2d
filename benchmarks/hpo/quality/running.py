"""What schedulers find for their epochs, ours beside other tools', on tables of curves.

.bench-hpo-venv/bin/python -m benchmarks.hpo --quality [--curves FILE ...] [--seeds 3]
    [--methods 'NAME|NAME'] [--tables 'NAME|NAME'] [--report]

Each study has Hyperband's epochs at R = the length of the curves and eta = 3, and one worker.
Studies are appended to a file as they end; the same command goes on where it was killed, and more
seeds are added to what is there. `--report` plays nothing and makes figures of what is there.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.hpo.peers import neps, optuna, ours, ray_tune, syne_tune, syne_tune_older
from benchmarks.hpo.quality.picture import draw
from benchmarks.hpo.quality.record import Study, append, checksum, latest, read
from benchmarks.hpo.quality.summary import markdown, summarise
from benchmarks.machine import machine
from hpo.schedulers.brackets import hyperband_epochs
from hpo.simulation.tables import Table, read_table, zoo

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "benchmarks" / "results"
TOOLS = (ours, optuna, ray_tune, syne_tune, syne_tune_older, neps)
ETA = 3


class Child:
    """The process of one tool, started when it is first asked; after its death once more."""

    def __init__(self, tool: ModuleType):
        self._module, self._process = tool.__name__.rpartition(".")[2], None

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """What came of a study, or {"error": ...}."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.hpo.quality.child", self._module],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or '{"error": "its process ended"}')

    def close(self) -> None:
        """Let the process end."""
        if self._process is not None:
            self._process.communicate()


def installed(wanted: Sequence[str] | None) -> Iterator[tuple[ModuleType, str, str]]:
    """Tool, its version and a method: those wanted, of tools that are there; at first all but the
    ones set aside."""
    for tool in TOOLS:
        methods = [m for m in tool.METHODS if (m in wanted if wanted else m not in ours.ASIDE)]
        try:
            version = tool.version()
        except ImportError as error:
            print(f"skipped, for it is not installed: {', '.join(methods)} ({error})")
            continue
        yield from ((tool, version, method) for method in methods)


def play(paths: dict[str, Path], tables: dict[str, Table], options: argparse.Namespace) -> None:
    """Every study that is not in the file yet, seed by seed."""
    known = {study.key for study in read(options.studies)[0]}
    methods = list(installed(options.methods))
    with contextlib.ExitStack() as stack:
        children = {tool: Child(tool) for tool, _, _ in methods}
        for child in children.values():
            stack.callback(child.close)
        for seed in range(options.seeds):
            for name, table in tables.items():
                epochs = hyperband_epochs(table.curves.shape[1], ETA)
                for tool, version, method in methods:
                    key = (name, method, seed, checksum(table), epochs, version)
                    if key in known:
                        continue
                    task = {"path": str(paths[name]), "method": method, "seed": seed}
                    answer = children[tool].ask({**task, "epochs": epochs})
                    if "error" in answer:
                        print(f"{name}, {method}, seed {seed}: {answer['error']}", flush=True)
                        continue
                    append(options.studies, Study(*key, **answer))
                    print(f"{name}, {method}, seed {seed}: {answer['seconds']} s", flush=True)


def report(tables: dict[str, Table], options: argparse.Namespace) -> None:
    """Figures of what is in the file, as JSON, a picture, and a table on the screen."""
    studies, cut = read(options.studies)
    if cut:
        print(f"{options.studies}: {cut} lines were cut short, their studies are not counted")
    if not studies:
        raise SystemExit(f"{options.studies} has no studies yet")
    studies = latest(studies)
    tables = {name: table for name, table in tables.items() if name in {s.table for s in studies}}
    about = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "eta": ETA}
    figures = {**about, **summarise(tables, studies)}
    options.json.write_text(json.dumps(figures, indent=1) + "\n")
    draw(figures, options.picture)
    print(f"{figures['machine']}, {figures['date']}, {len(studies)} studies\n{markdown(figures)}")


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser("benchmarks.hpo --quality", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--curves", type=Path, nargs="*", default=[], help="tables beside the zoo's"
    )
    parser.add_argument("--seeds", type=int, default=3)
    names = {"type": lambda text: text.split("|"), "help": "names, parted by |: play these alone"}
    parser.add_argument("--methods", **names)
    parser.add_argument("--tables", **names)
    parser.add_argument("--report", action="store_true", help="play nothing")
    parser.add_argument("--studies", type=Path, default=RESULTS / "hpo_quality_studies.jsonl")
    parser.add_argument("--json", type=Path, default=RESULTS / "hpo_quality.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "hpo_quality.svg")
    options = parser.parse_args(arguments)
    paths = {**zoo(), **{read_table(path).name: path.resolve() for path in options.curves}}
    tables = {name: read_table(path) for name, path in paths.items()}
    if unknown := sorted(set(options.tables or ()) - set(tables)):
        parser.error(f"--tables: no table {', '.join(unknown)} among {', '.join(tables)}")
    if not options.report:
        played = {name: t for name, t in tables.items() if name in (options.tables or tables)}
        play(paths, played, options)
    report(tables, options)
