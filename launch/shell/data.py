"""Datasets of a run: simulated where they are not there yet, read as memory-mapped arrays, and
how its configuration cuts them into batches."""

from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from datasets import samples as stored
from datasets.batches import Plan, make_packed_plan, make_plan
from datasets.builders import building, recipes
from datasets.builders.content import content_of
from datasets.builders.names import DETECTORS, dataset_name
from datasets.builders.recipes import Recipe
from datasets.events import Samples
from datasets.mixing import Mix
from datasets.storage.files import may_write, read_json, write_json
from launch.shell.progress import progress, say
from launch.shell.runs import Run, RunError

SPLITS = ("train", "validation", "test")
BROUGHT = "brought.json"


def recipe(config: ConfigDict, process: str) -> Recipe:
    """The dataset of a process: which events are made depends on the configuration alone."""
    detector, elements = config.data.get("detector", DETECTORS[0]), elements_of(config)
    return recipes.simulation(
        name=dataset_name(process, elements, detector),
        process=process,
        elements=elements,
        events={split: config.data.events[split] for split in SPLITS},
        seed=config.seed,
        shard_events=config.data.shard_events,
        detector=detector,
    )


def build(run: Run) -> None:
    """Makes every dataset of the run that is not there yet, and the arrays that are read of it.

    One that the user brought, such as a published one, is taken as it is.
    """
    for process in run.config.data.processes:
        made = recipe(run.config, process)
        folder = run.data / made.name
        if building.is_brought(folder):
            _check_unchanged(run, folder)
            brought = _brought(run) | {made.name: content_of(folder)}
            write_json(run.folder / BROUGHT, brought)
        else:
            building.build(made, run.data, run.config.data.workers, progress)
        say(f"  dataset {folder}")
        for split in SPLITS:
            _cached(run, process, split)


def seeds_learned_from(run: Run) -> dict[str, list[int]]:
    """Seeds of the simulated events that a run trains and chooses on, by process."""
    made = {process: recipe(run.config, process) for process in run.config.data.processes}
    return {
        process: [s.source.seed for s in of.shards if s.split in ("train", "validation")]
        for process, of in made.items()
        if not building.is_brought(run.data / of.name)
    }


def load(run: Run, split: str, events: int = 0) -> Samples:
    """The events of a split, of all processes of the run; memory-mapped where there is but one.

    `events` limits their number, in equal parts of each process; 0 is all.
    """
    return joined(by_process(run, split, events))


def by_process(run: Run, split: str, events: int = 0) -> list[Samples]:
    """The same, process by process."""
    processes = run.config.data.processes
    return [_first(_cached(run, p, split), -(-events // len(processes))) for p in processes]


def joined(parts: list[Samples]) -> Samples:
    return parts[0] if len(parts) == 1 else stored.join(parts)


def mix_of(config: ConfigDict, parts: list[Samples]) -> Mix | None:
    """The events of an epoch by `config.data.weights`; None without them: all, once."""
    weights = config.data.get("weights", ())
    return Mix(tuple(p.events for p in parts), tuple(weights)) if weights else None


def make_batch_plan(
    counts: np.ndarray, settings: ConfigDict, bin_size: int, devices: int = 1
) -> Plan:
    """One event a row, of at most `settings.buckets` lengths; with `settings.packed` several.

    Raises RunError where the rows cannot be split over the devices."""
    if settings.get("packed", False):
        return make_packed_plan(counts, settings.batch_size, bin_size, devices)
    if settings.batch_size % devices:
        raise RunError(
            f"fit.batch_size = {settings.batch_size} cannot be split over {devices} devices "
            "(mesh.data x mesh.model): take a multiple"
        )
    return make_plan(counts, settings.batch_size, settings.buckets)


def elements_of(config: ConfigDict) -> str:
    """The form of the datasets: that of the model."""
    return config.get("model", ConfigDict()).get("elements", "clusters")


def _cached(run: Run, process: str, split: str) -> Samples:
    """The arrays of a split, read of its dataset unless they are there: beside the dataset, or in
    the run where that is in a place that nobody may write to.

    Arrays of a dataset that has been replaced are read anew. Those of one that is gone are taken
    as they are.
    """
    name = recipe(run.config, process).name
    folder, key = run.data / name, process if name == dataset_name(process) else name
    places = [root / "cache" / key / split for root in (run.data, run.folder)]
    content = content_of(folder) if folder.exists() else None
    if content:
        _check_unchanged(run, folder)
    for place in places:
        if place.exists() and content in (None, stored.content(place)):
            return stored.load(place)
    if content is None:
        raise RunError(f"no dataset in {folder}; make it with launch.build_dataset")
    cache = next(filter(may_write, places), places[-1])
    _read_into(folder, split, cache)
    return stored.load(cache)


def _read_into(folder: Path, split: str, cache: Path) -> None:
    from datasets.builders.read import open_dataset, read_into

    with progress(f"read {split}", open_dataset(folder).events(split), "events") as update:
        dataset = read_into(folder, split, cache, update)
    for note in dataset.notes:
        say(f"  note: {note}")


def _check_unchanged(run: Run, folder: Path) -> None:
    """Raises RunError where a dataset has taken the place of the one that the run began with."""
    if _brought(run).get(folder.name, now := content_of(folder)) != now:
        raise RunError(
            f"{folder} is not what {run.folder} was begun with: another version or other events "
            "have taken its place; choose another --run, or put the former dataset back"
        )


def _brought(run: Run) -> dict[str, str]:
    """The datasets that the run was begun with and did not make: what tells them, by name."""
    file = run.folder / BROUGHT
    return read_json(file) if file.exists() else {}


def _first(samples: Samples, events: int) -> Samples:
    return stored.take(samples, np.arange(min(events, samples.events))) if events else samples
