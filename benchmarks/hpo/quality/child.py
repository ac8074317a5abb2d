"""A process that plays studies of one tool: a line of JSON in, a line out.

python -m benchmarks.hpo.quality.child MODULE

A process for each tool keeps their global generators, threads and versions apart.
"""

import contextlib
import functools
import importlib
import json
import logging
import math
import sys
import time
import warnings
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.hpo.quality.regret import found_at
from benchmarks.hpo.quality.training import Spent, Training
from hpo.simulation.tables import Table, read_table

SHARES = tuple(k / 20 for k in range(1, 21))
DIGITS = ".7g"  # of losses, as they are written

_table = functools.lru_cache(maxsize=4)(read_table)


def play(tool: ModuleType, table: Table, method: str, seed: int, epochs: int) -> dict[str, Any]:
    """One study, as far as the epochs last."""
    training, start = Training(table, seed, epochs), time.monotonic()
    with contextlib.suppress(Spent):
        tool.METHODS[method](training)
    return {
        "spent": len(training.lowest),
        "seconds": round(time.monotonic() - start, 2),
        "lowest": _plain(found_at(training.lowest, epochs, SHARES)),
        "ended": _plain(found_at(training.ended, epochs, SHARES)),
    }


def _plain(losses: np.ndarray) -> list[float | None]:
    return [float(f"{loss:{DIGITS}}") if math.isfinite(loss) else None for loss in losses]


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what tools print is no answer
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    tool = importlib.import_module(f"benchmarks.hpo.peers.{sys.argv[1]}")
    for line in sys.stdin:
        task = json.loads(line)
        try:
            answer = play(tool, _table(task.pop("path")), **task)
        except Exception as error:  # whatever it is, the others go on
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
