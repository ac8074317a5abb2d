"""What the final training of a run starts from, and what it leaves: values, metrics by epoch, and
which epoch is the model."""

import json
import os
from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from datasets.storage.files import read_json, write_json
from launch.shell.runs import Run, RunError


def with_values(config: ConfigDict, values: Mapping[str, Any]) -> ConfigDict:
    """A copy of a configuration with values replaced by their paths ("train.learning_rate")."""
    changed = ConfigDict(config.to_dict())
    for path, value in values.items():
        *parents, name = path.split(".")
        node = changed
        for parent in parents:
            node = node.get(parent, ConfigDict())
        if name not in node:
            raise RunError(f"the configuration has no {path!r} to set")
        node[name] = value
    return changed


def chosen(run: Run) -> ConfigDict:
    """The run's configuration with the values that its tuning chose, if it was tuned."""
    best = run.folder / "best.json"
    return with_values(run.config, read_json(best)["values"]) if best.exists() else run.config


def records(run: Run) -> dict[int, dict[str, float]]:
    """Metrics by epoch, as far as they are whole; an epoch trained twice counts once."""
    path, found = run.folder / "metrics.jsonl", {}
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:  # cut off while it was written; its epoch is trained again
            continue
        found[record["epoch"]] = record
    return found


def choose(run: Run, epoch: int) -> None:
    """Says which epoch's state is the model."""
    if run.first:
        write_json(run.folder / "chosen.json", {"epoch": epoch})


def chosen_epoch(run: Run) -> int | None:
    """The epoch whose state is the model; None: it does not say, as an older run."""
    path = run.folder / "chosen.json"
    return read_json(path)["epoch"] if path.exists() else None


def record(run: Run, metrics: Mapping[str, Any]) -> None:
    """One epoch more, on the disk when it returns; what was cut off before stays a line alone."""
    if not run.first:
        return
    with (run.folder / "metrics.jsonl").open("a+b") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            cut = file.read(1) != b"\n"
            file.write(b"\n" if cut else b"")
        file.write(json.dumps(metrics).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
