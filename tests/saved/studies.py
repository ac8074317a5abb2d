"""Studies whose journals were written by version 0.1.0 before its modules moved, and how.

python tests/saved/studies.py FOLDER      wrote journals.tar.xz, with that version

Each study was played to its end once (NAME.db), and NAME.half.db is what a driver that was killed
would have left: the first half of its rows. `expected.json` says what the study came to.
"""

import math
import sys
from collections.abc import Iterator
from pathlib import Path

import hpo

SEED = 5


def space() -> hpo.Space:
    """Two numbers and a choice."""
    return hpo.Space(
        {
            "rate": hpo.LogFloat(1e-3, 1.0),
            "floor": hpo.Float(0.0, 1.0),
            "kind": hpo.Categorical("slow", "fast"),
        }
    )


def objective(trial: hpo.Trial) -> Iterator[dict[str, float]]:
    """A curve of a closed form, so that every version trains alike; some configurations diverge."""
    configuration = trial.configuration
    speed = configuration["rate"] * (2.0 if configuration["kind"] == "fast" else 1.0)
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if speed > 1.6 and epoch == 2:
            raise FloatingPointError("the loss is not finite")
        yield {"loss": configuration["floor"] + math.exp(-speed * epoch)}


def schedulers() -> dict[str, hpo.Scheduler]:
    """Every kind of scheduler and searcher, small."""
    return {
        "hyperband": hpo.hyperband(space(), 9, 3),
        "successive_halving": hpo.successive_halving(space(), 9, 9, 3, rounds=3),
        "asha": hpo.asha(space(), 27, 9, 3),
        "asha_bohb": hpo.asha(hpo.bohb_search(space(), startup=4), 27, 9, 3),
        "bayesian": hpo.hyperband(hpo.bayesian_search(space(), startup=4), 9, 3),
        "swift": hpo.swift_hyperband(space(), 16, 2),
        "fast": hpo.fast_hyperband(space(), 16, 2, min_curves=5),
        "improved": hpo.swift_improved(space(), 16, 2),
        "asynchronous": hpo.asynchronous_swift(space(), 16, 2),
        "adaptive": hpo.adaptive(space(), 16, 2),
    }


def play(name: str, journal: hpo.Journal, folder: Path, workers: int = 3) -> hpo.StudySummary:
    """The study to its end, from wherever its journal stops."""
    executor = hpo.InlineExecutor(objective, workers, folder=folder)
    return hpo.summarise(hpo.run_study(schedulers()[name], executor, journal, SEED))


def outcome(summary: hpo.StudySummary) -> dict:
    """What must stay: the winner, and how far everybody was trained, to which losses."""
    return {"best": summary.best, "curves": [list(trial.curve) for trial in summary.trials]}


def _half(journal: Path, half: Path) -> None:
    import shutil
    import sqlite3

    shutil.copy(journal, half)
    with sqlite3.connect(half) as database:
        (rows,) = database.execute("SELECT count(*) FROM log").fetchone()
        database.execute("DELETE FROM log WHERE number > ?", (rows // 2,))
    database.execute("VACUUM")
    database.close()


if __name__ == "__main__":
    import json

    where, outcomes = Path(sys.argv[1]), {}
    for name in schedulers():
        with hpo.Journal(where / f"{name}.db") as journal:
            outcomes[name] = outcome(play(name, journal, where))
        _half(where / f"{name}.db", where / f"{name}.half.db")
    (where / "expected.json").write_text(json.dumps(outcomes))
