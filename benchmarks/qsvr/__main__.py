"""Q-SVR: build times, energy gaps at equal CPU time, the mock annealer, parity with scikit-learn.

python -m benchmarks.qsvr --curves=TABLE [--curves=TABLE ...] [--only=build,gap,mock,parity]
    [--pyqubo=INTERPRETER] [--json=figures.json] [--quick]

Tables are those of `hpo.read_table`. One core, CPU time. Problems are regressions of the last loss
on the first quarter of the curve (logarithms; epsilon 0.02, gamma "scale"); the splits begin at
number 0, tuning was done on numbers from 500.

The peer PyQUBO is a dependency of nothing here. To have its times beside ours, give the
interpreter of an environment that has it:

    python3 -m venv V && V/bin/pip install pyqubo        then --pyqubo=V/bin/python
"""

import os

# One core: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false",
)

import argparse
import json
import time
from pathlib import Path

import hpo
from benchmarks.machine import machine
from benchmarks.qsvr.accuracy import parity
from benchmarks.qsvr.annealer import mock_table
from benchmarks.qsvr.building import build_times
from benchmarks.qsvr.gaps import gap_table
from qsvr.study.curves import sound_curves

PARTS = {
    "build": lambda curves, options: build_times(options.pyqubo, options.quick),
    "gap": lambda curves, options: gap_table(curves, options.quick),
    "mock": lambda curves, options: mock_table(curves, options.quick),
    "parity": lambda curves, options: parity(curves, options.quick),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", action="append", required=True, help="a table; repeatable")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    parser.add_argument("--pyqubo", help="an interpreter that has PyQUBO")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="a check, no figures")
    options = parser.parse_args()
    chosen = options.only.split(",")
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"--only knows {', '.join(PARTS)}, not {', '.join(sorted(unknown))}")
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    print(f"{figures['machine']}, {figures['date']}")
    if options.pyqubo is None and "build" in chosen:
        print(
            "PyQUBO is not measured: no --pyqubo. To have it: python3 -m venv V && "
            "V/bin/pip install pyqubo, then --pyqubo=V/bin/python"
        )
    tables = [hpo.read_table(path) for path in options.curves]
    curves = [sound_curves(t.name, t.curves, t.configurations) for t in tables]
    for part in chosen:
        print(f"-- {part}")
        figures[part] = PARTS[part](curves, options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
