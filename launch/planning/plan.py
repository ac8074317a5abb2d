"""The plan of a run, stage by stage: what is done, what would be made, how long and how large."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from absl import flags
from ml_collections import ConfigDict

from datasets.builders import building
from datasets.builders.recipes import Extracted, Recipe, Simulated
from launch.objectives.speed import duration
from launch.planning import work
from launch.planning.sizes import EFFICIENCY, SIZES
from launch.shell import data, outcomes, runs, studies
from launch.shell.progress import say
from launch.shell.runs import Run
from mlpf_install.wording import counted

NOTE = (
    f"times are rough: training at {EFFICIENCY:.0%} of what a matrix product does here just now, "
    "ttbar events in every process, compilation and validation not counted; other work, and other "
    "machines, change them"
)


class Step(NamedTuple):
    """A line of the plan."""

    text: str
    seconds: float = 0.0
    bytes: float = 0.0


Stage = Callable[[Run], list[Step]]


def define() -> Callable[[], bool]:
    """Defines --dry_run."""
    holder = flags.DEFINE_bool("dry_run", False, "Say what would be done, how long, how large.")
    return lambda: holder.value


def show(folder: Path, config: ConfigDict, stages: Sequence[Stage]) -> None:
    """Says the plan of a run, and writes nothing. Raises RunError where the folder is another's."""
    run = Run(folder, config)
    if (folder / "config.json").exists():
        runs.check_same(runs.open_run(folder), config)
    say_all([step for stage in stages for step in stage(run)], folder)


def say_all(steps: Sequence[Step], place: Path) -> None:
    """The steps, and what they come to."""
    for step in steps:
        after = [f"about {duration(step.seconds)}"] if step.seconds else []
        after += [size(step.bytes)] if step.bytes else []
        say("; ".join((step.text, *after)))
    above = next(parent for parent in (place, *place.absolute().parents) if parent.exists())
    free = shutil.disk_usage(above).free
    total = sum(step.bytes for step in steps)
    if seconds := sum(step.seconds for step in steps):
        say(f"together about {duration(seconds)}, {size(total)} of the {size(free)} free there")
        say(NOTE)


def size(count: float) -> str:
    """Bytes, as a person says it."""
    for unit, each in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= each:
            return f"{count / each:.3g} {unit}"
    return f"{count / 1e3:.0f} kB"


def datasets(run: Run) -> list[Step]:
    """The datasets of a run."""
    if "data" not in run.config:
        return []
    workers = run.config.data.workers
    made = [data.recipe(run.config, process) for process in run.config.data.processes]
    return [dataset(each, run.data, workers) for each in made]


def dataset(recipe: Recipe, root: Path, workers: int) -> Step:
    """One dataset."""
    folder = root / recipe.name
    if building.is_made(recipe, root) or building.is_brought(folder):
        return Step(f"dataset {folder}: there already")
    counts = {
        split: sum(_events(shard.source) for shard in shards)
        for split, shards in recipe.splits.items()
    }
    events, sizes = sum(counts.values()), SIZES[recipe.elements]
    parts = ", ".join(f"{split} {count:,}" for split, count in counts.items())
    text = f"dataset {folder}: {counted(events, 'event', ',')} ({parts}) in "
    text += counted(len(recipe.shards), "shard")
    simulated = sum(s.source.events for s in recipe.shards if isinstance(s.source, Simulated))
    return Step(text, simulated * sizes.seconds / workers, events * sizes.bytes)


def _events(source: Simulated | Extracted) -> int:
    return source.events if isinstance(source, Simulated) else source.last - source.first


def tuning(run: Run) -> list[Step]:
    """The study of a run."""
    if (run.folder / "best.json").exists():
        return [Step(f"tuning: done, {run.folder / 'best.json'}")]
    settings = run.config.tune
    trials, epochs = studies.size(settings)
    begun = " (begun already: it goes on)" if (run.folder / "study.db").exists() else ""
    text = (
        f"tuning by {studies.described(settings)}: {counted(trials, 'configuration')}, at most "
        f"{counted(epochs, 'epoch', ',')}"
    )
    if "data" not in run.config:
        return [Step(f"{text} of a training of its own{begun}")]
    events = _trained_on(run, settings)
    found = work.of_training(run.config, settings)
    text += f" of {counted(events, 'event', ',')}; models like {found.parameters:,} parameters"
    seconds = epochs * events * found.flops / work.rate(_precision(run.config))
    return [Step(f"{text}{begun}", seconds, trials * found.state_bytes)]


def training(run: Run) -> list[Step]:
    """The final training of a run, of the configuration that its tuning chose, if it was tuned."""
    if (run.folder / "model" / "config.json").exists():
        return [Step(f"training: done, {run.folder / 'model'}")]
    config = outcomes.chosen(run)
    fit = config.fit
    events = _trained_on(run, fit)
    found = work.of_training(config, fit)
    done = max(outcomes.records(run), default=0)
    left = f", {done} of them done" if done else ""
    text = (
        f"training: {counted(fit.epochs, 'epoch')} of {counted(events, 'event', ',')}{left}; "
        f"{found.parameters:,} parameters, {found.flops * events:.2g} FLOP an epoch"
    )
    seconds = (fit.epochs - done) * events * found.flops / work.rate(_precision(config))
    return [Step(text, seconds, 3 * found.state_bytes)]


def _precision(config: ConfigDict) -> str:
    return config.model.get("precision", "float32")


def _trained_on(run: Run, settings: ConfigDict) -> int:
    """Events of an epoch: as many as are asked for, or there are."""
    there = sum(_of_process(run, process) for process in run.config.data.processes)
    return min(settings.train_events or there, there)


def _of_process(run: Run, process: str) -> int:
    """Events to train on: of a dataset that was brought what it has, else what is to be made."""
    folder = run.data / data.recipe(run.config, process).name
    if not building.is_brought(folder):
        return run.config.data.events["train"]
    from datasets.builders.read import open_dataset

    return open_dataset(folder).events("train")
