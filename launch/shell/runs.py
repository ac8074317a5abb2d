"""The folder of a run: what it holds, whose it is, and how long each stage took.

config.json      the resolved configuration, fixed when the run begins
data/            datasets, unless `config.data.root` names another place
cache/           arrays read of them, where they lie in a place that nobody may write to
brought.json     what tells the datasets that it did not make itself from others
study.db         the tuning's event log          trials/    checkpoints of its trials
best.json        the winning configuration       dispatch.jsonl  calls of an annealer, if any
curves.csv.xz    learning curves of full trainings, where those are what is made
checkpoints/     the final training              model/     the trained model
metrics.jsonl    the final training, by epoch    evaluation.npz, metrics.json, report.html
chosen.json      the epoch that is the model
diverged.npz     the batch that broke it, if one did
"""

import fcntl
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from datasets.storage.files import may_write, read_json, write_json
from mlpf_jax.model.config import ModelConfig, TrainConfig

# Objectives by the names they had when older runs were begun, whose configuration holds them.
MOVED = {
    "launch.objective:make": "launch.objectives.particle_flow:make",
    "launch.trainings.digits:make": "launch.objectives.digits:make",
    "launch.trainings.language:make": "launch.objectives.language:make",
}

# Values that a configuration has now, and that older runs were begun without.
ADDED = {
    "data.weights": [],
    "data.detector": "clic",
    "model.elements": "clusters",
    "train.energy_power": 0.5,
    "train.ema": 0.0,
    "train.optimiser": "adamw",
    "tune.metric": "validation_loss",
    "fit.select": "loss",
    "fit.patience": 0,
    "fit.accumulate": 1,
    "fit.calibrate": False,
    "fit.start": "",
    "fit.frozen": [],
    "mesh.data": 1,
    "mesh.model": 1,
    "tune.executor": "processes",
    "tune.gpus": 0.0,
    "tune.resources.processes": 1,
    "tune.resources.devices": 0.0,
    "tune.resources.cores": 0.0,
    "tune.resources.memory_gb": 0.0,
    "tune.keep": 5,
    "tune.frugal": False,
}
# Of these, what no result depends on (where a run goes on, what it keeps), which may change.
_GIVEN = tuple(key for key in ADDED if key.startswith("tune.resources."))
WHERE = ("mesh.data", "mesh.model", "tune.executor", "tune.gpus", *_GIVEN, "tune.keep")


def defaults() -> dict[str, Any]:
    """What a configuration has that does not say otherwise, by path: all of models, trainings and
    the rules of schedulers, and what older runs were begun without; lists, as JSON has no tuples.
    """
    import hpo

    kinds = {
        "model": ModelConfig,
        "train": TrainConfig,
        "tune.risk": hpo.Risk,
        "tune.price": hpo.Price,
    }
    ours = {f"{at}.{field.name}": field.default for at, k in kinds.items() for field in fields(k)}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in (ours | ADDED).items()}


class RunError(ValueError):
    """A run folder that cannot be used as asked."""


@dataclass(frozen=True)
class Run:
    """An experiment's folder and its configuration."""

    folder: Path
    config: ConfigDict
    first: bool = True  # of a group of processes, it is this one that writes (`group`)

    @property
    def data(self) -> Path:
        """Where the datasets of this run lie."""
        return Path(self.config.data.root) if self.config.data.root else self.folder / "data"


def check_place(path: Path) -> None:
    """Raises RunError, before the work, where a file that shall be written has no folder, or is
    one."""
    if path.is_dir():
        raise RunError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise RunError(f"cannot write {path}: there is no folder {path.parent}")


@contextmanager
def working_in(folder: Path, config: ConfigDict) -> Iterator[Run]:
    """Begins a run, or goes on with it; one program at a time.

    Raises RunError if the folder was made with another configuration, or is in use.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"cannot begin a run in {folder}: {error.strerror}") from None
    with _locked(folder):
        stored = folder / "config.json"
        if stored.exists():
            check_same(open_run(folder), config)
        else:
            write_json(stored, _plain(config))
        yield Run(folder, config)


def open_run(folder: Path) -> Run:
    """A run that exists, with the configuration it was begun with. Raises RunError if none."""
    stored = folder / "config.json"
    if not stored.exists():
        raise RunError(f"{folder} is no run (it has no config.json); make one with launch.demo")
    saved = _saved(stored)
    try:
        return Run(folder, ConfigDict(saved))
    except (AttributeError, TypeError, ValueError) as error:
        raise RunError(f"{stored} is no configuration of a run: {error}") from None


@contextmanager
def going_on_in(folder: Path) -> Iterator[Run]:
    """A run that exists, to write in it; one program at a time."""
    run = open_run(folder)
    with _locked(folder):
        yield run


@contextmanager
def stage(run: Run, name: str) -> Iterator[None]:
    """Adds the time of the block to the run's account, interrupted or not."""
    start = time.monotonic()
    try:
        yield
    finally:
        if run.first:
            account = run.folder / "seconds.json"
            seconds = read_json(account) if account.exists() else {}
            seconds[name] = round(seconds.get(name, 0.0) + time.monotonic() - start, 1)
            write_json(account, seconds)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One program at a time; where nobody may write, as many as like may look."""
    if not may_write(folder / ".lock"):
        yield
        return
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"another program is working in {folder}; wait for it to end") from None
        yield


def _saved(path: Path) -> dict[str, Any]:
    """The configuration a run was begun with, its objective by the name that it has now."""
    config = read_json(path)
    if not isinstance(config, dict) or not isinstance(config.get("tune", {}), dict):
        raise RunError(f"{path} is no configuration of a run; delete it to make it again")
    tune = config.get("tune", {})
    if "objective" in tune:
        tune["objective"] = MOVED.get(tune["objective"], tune["objective"])
    return config


def _plain(config: ConfigDict) -> dict[str, Any]:
    return json.loads(config.to_json_best_effort())


def check_same(run: Run, config: ConfigDict) -> None:
    """Raises RunError where a run was begun with another configuration, but for where it runs."""
    stored, given = (defaults() | _flat(_plain(each)) for each in (run.config, config))
    changed = [
        f"{key} was {stored.get(key)!r}, is {given.get(key)!r}"
        for key in sorted({**stored, **given})
        if stored.get(key) != given.get(key) and key not in WHERE
    ]
    if changed:
        raise RunError(
            f"{run.folder} was begun with another configuration ({'; '.join(changed[:3])}); "
            "choose another --run, or delete the folder"
        )


def _flat(nested: Mapping, prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in nested.items():
        inner = _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else None
        flat |= {f"{prefix}{key}": value} if inner is None else inner
    return flat
