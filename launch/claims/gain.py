"""What tuning gained: a tuned run's configuration, and its winner, trained anew with fresh seeds.

Each seed makes events of its own. Both configurations train on them as `config.fit` says, and are
judged by one loss, with the weights of the run's configuration, and by the jets of test events.
Everything is in RUN/gain/SEED/before and after, which are runs, and in RUN/gain.json.
"""

import statistics
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from datasets.storage.files import read_json, write_json
from launch import evaluate, report, train
from launch.shell import data, outcomes
from launch.shell.progress import say
from launch.shell.runs import Run, RunError, going_on_in, working_in

SIDES = ("before", "after")
WIDTHS = {"jets": "R = 0.4", "wide_jets": "R = 0.7", "met": "missing pt"}


def gain(folder: Path, seeds: Sequence[int]) -> dict[str, Any]:
    """Trains what is not trained yet, and writes gain.json. Raises RunError where the run was not
    tuned, or a seed is the one it was tuned with."""
    with going_on_in(folder) as run:
        if not (folder / "best.json").exists():
            raise RunError(f"{folder} was not tuned: there is no best.json (launch.tune makes it)")
        if run.config.seed in seeds:
            raise RunError(f"--seeds: {run.config.seed} is what {folder} was tuned with")
        best, study = read_json(folder / "best.json"), report.study_of(run)
        found: dict[str, Any] = {
            "values": best["values"],
            "trials": len(study.trials),
            "epochs": study.epochs,
            "epochs_hyperband": report.epochs_of_hyperband(run),
            "seeds": {},
        }
        for seed in seeds:
            found["seeds"][str(seed)] = {
                side: _trained(run, seed, side, best["values"]) for side in SIDES
            }
        found["loss_change"] = changes(found["seeds"].values())
        write_json(folder / "gain.json", found)
    return found


def model_of(folder: Path, seed: int, side: str) -> Path:
    """The run that trained one side with one seed."""
    return folder / "gain" / str(seed) / side


def _trained(run: Run, seed: int, side: str, values: Mapping[str, Any]) -> dict[str, float]:
    """One side with one seed, from wherever it stopped: its validation loss, and its widths over
    those of the rules."""
    folder = model_of(run.folder, seed, side)
    config = ConfigDict(outcomes.with_values(run.config, values if side == "after" else {}))
    config.seed, config.data.root = seed, str(folder.parent.resolve() / "data")
    with working_in(folder, config) as own:
        say(f"  {run.folder}: seed {seed}, {side} tuning")
        data.build(own)
        train.train(own)
        evaluate.evaluate(own)
        loss = min(record["validation_loss"] for record in outcomes.records(own).values())
        figures = read_json(folder / "evaluation.json")
    return {"validation_loss": loss} | {
        group: figures[group]["mlpf"]["width"] / figures[group]["baseline"]["width"]
        for group in WIDTHS
    }


def changes(seeds: Collection[Mapping[str, Mapping[str, float]]]) -> dict[str, float | None]:
    """Of the loss, relative: mean over the seeds, and the error of the mean."""
    found = [s["after"]["validation_loss"] / s["before"]["validation_loss"] - 1 for s in seeds]
    error = statistics.stdev(found) / len(found) ** 0.5 if len(found) > 1 else None
    return {"mean": statistics.mean(found), "error": error}
