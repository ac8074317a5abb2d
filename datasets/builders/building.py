"""Makes a dataset by its recipe: shards in parallel processes, then one TFDS folder.

A shard appears under its name when it is complete, and so does the dataset: a build that was cut
short goes on with the shards that are missing.
"""

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager, suppress
from pathlib import Path

from datasets import samples as stored
from datasets.builders import recipes
from datasets.builders.directory import open_directory
from datasets.builders.processes import check_guarded, processes
from datasets.builders.recipes import Extracted, Recipe, Shard, Simulated
from datasets.builders.records import DatasetError
from datasets.cards import writing as cards
from datasets.progress import Progress, silent
from datasets.storage.files import read_json, write_json
from datasets.truth.soundness import left_out
from datasets.truth.target import Settings, Summary, samples_and_summary, total
from datasets.truth.truth import VISIBILITIES
from mlpf_install.wording import counted

RECIPE = "recipe.json"  # of a dataset made here
LEFT_OUT, MOST = "left_out", 1000  # events of a split that are named in summary.json


def build(recipe: Recipe, root: Path, workers: int, progress: Progress = silent) -> Path:
    """The folder of the dataset below `root`, made now unless it is there.

    Raises DatasetError if another program makes it, if what is there was made by no recipe, or
    where it cannot have that name or those splits; RecipeError if it was made by another recipe.
    """
    from datasets.builders import names, write

    write.check(recipe.name, recipe.splits)
    folder, shards = names.dataset_folder(root, recipe.name), _shards_of(root, recipe)
    if is_made(recipe, root):  # looked at before anything is written: the place may be read-only
        return _made(folder, shards, recipe)
    check_guarded()  # before the lock, which the parent holds
    _begin(root)
    with _alone(root, recipe.name):
        if is_made(recipe, root):
            return _made(folder, shards, recipe)
        _clear_unfinished(folder, recipe, shards)
        _make(recipe, shards, workers, progress)
        splits = {
            split: [shards / shard.name for shard in members]
            for split, members in recipe.splits.items()
        }
        with progress(f"write {folder}", len(recipe.shards), "shards") as update:
            write.build(root, recipe.name, splits, recipe.elements, recipe.description, update)
        write_json(folder / "summary.json", _account(recipe, shards))
        write_json(folder / RECIPE, recipes.plain(recipe))
        cards.write(folder, open_directory(folder).info)
        _clear(shards)
        return folder


def _made(folder: Path, shards: Path, recipe: Recipe) -> Path:
    """The dataset that is there, of the same recipe."""
    recipes.same(folder, read_json(folder / RECIPE), recipe)
    _clear(shards)
    return folder


def _begin(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"cannot write to {root}: {error.strerror}") from None


def is_made(recipe: Recipe, root: Path) -> bool:
    """Whether the dataset is there and complete: its recipe is what is written last."""
    from datasets.builders import names

    return (names.dataset_folder(root, recipe.name) / RECIPE).exists()


def is_brought(dataset: Path) -> bool:
    """Whether a dataset is there that was not simulated by a recipe of ours, in any version: a
    published one, or one made of files."""
    versions = [*dataset.glob("[0-9]*/dataset_info.json"), *dataset.glob("*/*/dataset_info.json")]
    return any(not _is_simulated(path.parent / RECIPE) for path in versions)


def _is_simulated(recipe: Path) -> bool:
    if not recipe.exists():
        return False
    return all("process" in shard["source"] for shard in read_json(recipe)["shards"])


def summary(folder: Path) -> dict | None:
    """What was merged, dropped and left out when a dataset was made, by split; None if unknown."""
    file = folder / "summary.json"
    return read_json(file) if file.exists() else None


def _shards_of(root: Path, recipe: Recipe) -> Path:
    """Shards of different recipes in one place are kept apart."""
    return root / ".shards" / recipe.name / recipe.digest


def _clear(shards: Path) -> None:
    """Deletes the shards of a dataset, those of other recipes too."""
    shutil.rmtree(shards.parent, ignore_errors=True)
    with suppress(OSError):  # other datasets may have shards there
        shards.parent.parent.rmdir()


def _clear_unfinished(folder: Path, recipe: Recipe, shards: Path) -> None:
    """Deletes a dataset that lacks only its recipe; what the user brought has none either."""
    if not folder.exists():
        return
    if not all((shards / shard.name).exists() for shard in recipe.shards):
        raise DatasetError(
            f"{folder} is there and no recipe of ours made it; choose another place or name"
        )
    shutil.rmtree(folder)


@contextmanager
def _alone(root: Path, name: str) -> Iterator[None]:
    try:
        lock = (root / f".{name}.lock").open("w")
    except OSError as error:
        raise DatasetError(
            f"{name} is not in {root}, and cannot be made there: {error.strerror}"
        ) from None
    with lock as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DatasetError(f"another program is making {name} in {root}; wait for it") from None
        yield


def _account(recipe: Recipe, shards: Path) -> dict:
    """The summaries of the shards, added up by split, and which events were left out and why."""
    accounts = {}
    for split, members in recipe.splits.items():
        of_shards = [read_json(shards / f"{s.name}.json") for s in members]
        lost = [event for account in of_shards for event in account.pop(LEFT_OUT, ())]
        summed = total(Summary(**account) for account in of_shards)
        accounts[split] = summed._asdict() | {LEFT_OUT: lost[:MOST]}
    return accounts


def _make(recipe: Recipe, shards: Path, workers: int, progress: Progress) -> None:
    """Makes the shards that are not there yet."""
    todo = [shard for shard in recipe.shards if not (shards / shard.name).exists()]
    if not todo:
        return
    shards.mkdir(parents=True, exist_ok=True)
    settings = Settings(recipe.elements, VISIBILITIES[recipe.visibility])
    with progress(f"make {recipe.name}", len(recipe.shards), "shards") as update:
        done = len(recipe.shards) - len(todo)
        update(done)
        for events in _in_parallel(todo, settings, shards, workers):
            done += 1
            update(done, f"{counted(events, 'event')} in the last")


def _in_parallel(
    todo: Sequence[Shard], settings: Settings, shards: Path, workers: int
) -> Iterator[int]:
    """The number of events of each shard that gets ready."""
    killed = (
        f"a process that made shards of {shards} was killed, maybe for want of memory: "
        "start again, it goes on where it was; fewer workers need less"
    )
    with processes(workers, killed) as pool:
        pending = {pool.submit(_make_shard, shard, settings, shards) for shard in todo}
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in finished)


def _make_shard(shard: Shard, settings: Settings, shards: Path) -> int:
    parts, lost = [], []
    for events in _events_of(shard.source):
        parts.append(samples_and_summary(events, settings))
        lost += left_out(events)
    samples = stored.join([part for part, _ in parts])
    account = total(summary for _, summary in parts)
    try:
        # The samples come last: a shard that is there has its summary.
        write_json(shards / f"{shard.name}.json", account._asdict() | {LEFT_OUT: lost})
        stored.save(shards / shard.name, samples)
    except OSError as error:
        raise DatasetError(
            f"cannot write to {shards}: {error.strerror or error}; shards that are whole are kept"
        ) from None
    return samples.events


def _events_of(source: Simulated | Extracted) -> Iterator:
    if isinstance(source, Simulated):
        from datasets.simulation import simulate

        yield simulate(source.process, source.events, source.seed, source.detector)
    else:
        from datasets import edm4hep

        detector = source.detector or None
        yield from edm4hep.read(source.path, detector, first=source.first, last=source.last)
