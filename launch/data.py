"""Datasets of an experiment: simulated in parallel shards, kept as TFDS, read as mapped arrays."""

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from datasets import samples as stored
from datasets.events import Samples
from launch.progress import progress, say
from launch.runs import Run, RunError, read_json, write_json

PROCESSES = ("ttbar", "qq", "zh", "ww")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Shard:
    """A part of a dataset: simulated in one go, member of one split."""

    process: str
    split: str
    index: int
    events: int
    seed: int
    folder: Path


def shards(run: Run, process: str) -> list[Shard]:
    """The shards of a process: which events are made depends on the configuration alone."""
    settings = run.config.data
    parent = run.data / "shards" / process / _digest(run.config)
    return [
        Shard(process, split, index, events, _seed(run.config, process, split, index), folder)
        for split in SPLITS
        for index, events in enumerate(_parts(settings.events[split], settings.shard_events))
        for folder in [parent / f"{split}-{index:05d}"]
    ]


def build(run: Run) -> None:
    """Makes every dataset of the run that is not there yet, and the arrays that are read of it."""
    from datasets.builders import clic

    for process in run.config.data.processes:
        folder, simulated = clic.dataset_folder(run.data, process), run.data / "shards" / process
        # Shards are deleted last: where there are some, the dataset was not finished.
        if folder.exists() and not simulated.exists():
            _check_recipe(folder, run)
        else:
            for unfinished in (folder, run.data / "cache" / process):
                shutil.rmtree(unfinished, ignore_errors=True)
            todo = shards(run, process)
            _simulate_all(todo, run.config.data.workers)
            splits = {split: [s.folder for s in todo if s.split == split] for split in SPLITS}
            clic.build(run.data, process, splits)
            write_json(folder / "recipe.json", _recipe(run.config))
            shutil.rmtree(simulated)
        say(f"  dataset {folder}")
        for split in SPLITS:
            _cached(run, process, split)


def load(run: Run, split: str, events: int = 0) -> Samples:
    """The events of a split, of all processes of the run; memory-mapped where there is but one.

    `events` limits their number, in equal parts of each process; 0 is all.
    """
    processes = run.config.data.processes
    parts = [_first(_cached(run, p, split), -(-events // len(processes))) for p in processes]
    return parts[0] if len(parts) == 1 else stored.join(parts)


def _cached(run: Run, process: str, split: str) -> Samples:
    from datasets.builders import clic

    cache = run.data / "cache" / process / split
    if not cache.exists():
        folder = clic.dataset_folder(run.data, process)
        if not folder.exists():
            raise RunError(f"no dataset in {folder}; make it with launch.build_dataset")
        stored.save(cache, clic.read(folder, split))
    return stored.load(cache)


def _first(samples: Samples, events: int) -> Samples:
    return stored.take(samples, np.arange(min(events, samples.events))) if events else samples


def _parts(events: int, size: int) -> list[int]:
    whole, rest = divmod(events, size)
    return [size] * whole + [rest] * (rest > 0)


def _seed(config: ConfigDict, process: str, split: str, index: int) -> int:
    entropy = (config.seed, PROCESSES.index(process), SPLITS.index(split), index)
    return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 3)


def _digest(config: ConfigDict) -> str:
    """Tells shards of different recipes in one place apart."""
    return hashlib.sha256(json.dumps(_recipe(config)).encode()).hexdigest()[:12]


def _recipe(config: ConfigDict) -> dict:
    events = {split: config.data.events[split] for split in SPLITS}
    return {"seed": config.seed, "events": events, "shard_events": config.data.shard_events}


def _check_recipe(folder: Path, run: Run) -> None:
    """A dataset simulated with other settings is refused; one brought by the user has no recipe."""
    recipe = folder / "recipe.json"
    if recipe.exists() and read_json(recipe) != _recipe(run.config):
        raise RunError(
            f"{folder} was made with another recipe {read_json(recipe)}; choose another "
            "--config.data.root, or delete it"
        )


def _simulate_all(shards: Sequence[Shard], workers: int) -> None:
    """Simulates the shards that are not there yet."""
    todo = [shard for shard in shards if not shard.folder.exists()]
    if not todo:
        return
    with progress(f"simulate {todo[0].process}", len(shards), "shards") as update:
        done = len(shards) - len(todo)
        update(done)
        for shard in _in_parallel(todo, workers):
            done += 1
            update(done, f"{shard.events} events each")


def _in_parallel(todo: Sequence[Shard], workers: int) -> Iterator[Shard]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_end_with_parent) as pool:
        pending = {pool.submit(_simulate, shard) for shard in todo}
        try:
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in finished)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _simulate(shard: Shard) -> Shard:
    from datasets.simulation import simulate
    from datasets.target import to_samples

    stored.save(shard.folder, to_samples(simulate(shard.process, shard.events, shard.seed)))
    return shard


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever; Ctrl-C is the parent's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
