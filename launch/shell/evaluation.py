"""A model observed in fresh or stored events; figures as files and lines.

What is measured, and how, stands in `mlpf_jax.physics.comparison`; here events meet the model.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from datasets import schema
from datasets.builders.names import DETECTORS, PROCESSES
from datasets.events import Samples, Table
from datasets.storage.files import read_json
from launch.parts.dealing import GROUPS, dealt, own
from launch.parts.meeting import ALONE, Group
from launch.shell.models import Model
from launch.shell.progress import progress
from launch.shell.runs import RunError
from mlpf_install.wording import counted
from mlpf_jax.physics import observables
from mlpf_jax.physics.observables import Observed

PORTION_ROWS = 25_000  # elements of a dataset that are looked at together
SHOWN = ("jets_r04", "jets_r07", "jets_glow", "met", "visible", "dijet")


class Portion(NamedTuple):
    """Some events, and what is known of them beside their samples."""

    samples: Samples
    generated: Table | None = None
    limits: Mapping[str, Table] | None = None


def observe_processes(
    model: Model,
    processes: Sequence[str],
    events: int,
    seed: int,
    workers: int,
    detector: str,
    group: Group = ALONE,
) -> dict[str, Observed]:
    """Freshly simulated events of each process; those of a group's processes are dealt out, and the
    first one has all. Raises RunError where the model knows them."""
    from datasets.builders import fresh

    wanted = {
        process: fresh.sources(process, events, seed, detector=detector) for process in processes
    }
    form = model.config.elements
    for process, sources in wanted.items():
        model.check_unseen([s.seed for s in sources], f"--process={process}, --seed={seed}")
    with fresh.simulation(workers, form) as simulated:
        return {
            process: _of_sources(model, process, sources, simulated(own(group, sources)), group)
            for process, sources in wanted.items()
        }


def observe_dataset(
    model: Model, folder: Path, split: str, group: Group = ALONE
) -> dict[str, Observed]:
    """The events of a split of a TFDS dataset, under its name; with no oracle and no floor. All
    processes of a group read them, and each reconstructs its own.

    Raises RunError where its elements are others than the model's, it has no events, or the model
    was trained with them; DatasetError where it cannot be read.
    """
    from datasets.builders import read

    if not folder.is_dir():
        raise RunError(f"--dataset={folder}: there is no such folder")
    dataset = read.open_dataset(folder)
    if (found := dataset.features.elements.name) != model.config.elements:
        raise RunError(
            f"--dataset={folder} has elements {found!r}, and the model is one of "
            f"{model.config.elements!r}"
        )
    events = dataset.events(split)
    if not events:
        raise RunError(f"--dataset={folder} has no events in split {split!r}")
    model.check_unseen(_seeds_of(dataset, split), f"--dataset={folder}, --split={split}")
    portions = map(Portion, read.portions(dataset, split, PORTION_ROWS))
    made = _observer(model)
    return {name_of(folder): _observed(name_of(folder), events, portions, made, group)}


def one_event(model: Model, process: str, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The inputs of one fresh event, and its particles as rules and model make them, and as they
    are: schema.TARGET_FEATURES."""
    from datasets.builders import fresh

    with fresh.simulation(1, model.config.elements) as simulated:
        (portion,) = simulated(fresh.sources(process, 1, seed))
    samples = portion.samples
    found = model.reconstructor()(samples, lambda n: None)
    truth, rules = (np.asarray(rows) for rows in (samples.ytarget, samples.ycand))
    return np.asarray(samples.X), {"MLPF": found, "truth": truth, "rules": rules}


def name_of(folder: Path) -> str:
    """The name of a dataset by its folder, which may be that of a version."""
    folder = folder.resolve()
    return folder.parent.name if re.fullmatch(r"\d+\.\d+\.\d+", folder.name) else folder.name


def process_of(name: str) -> str:
    """The process of a dataset by its published name; else the name itself."""
    found = re.fullmatch(rf"(?:{'|'.join(DETECTORS)})_edm_(.+)_pf", name)
    return found[1] if found and found[1] in PROCESSES else name


def _seeds_of(dataset, split: str) -> Iterator[int]:
    """Seeds of the simulated shards of a split, where a recipe of ours has them."""
    from datasets.builders.building import RECIPE

    for part in dataset.splits[split]:
        file = part.folder / RECIPE
        for shard in read_json(file)["shards"] if file.exists() else ():
            if shard["split"] == part.split and "seed" in shard["source"]:
                yield shard["source"]["seed"]


def _of_sources(
    model: Model, process: str, sources: Sequence[Any], mine: Iterator[Any], group: Group
) -> Observed:
    """Of `fresh.sources`; the events of those that this process makes come in their order."""
    made, events = _observer(model), sum(source.events for source in sources)
    return _observed(process, events, sources, lambda source: made(Portion(*next(mine))), group)


def _observer(model: Model) -> Callable[[Portion], Observed]:
    """What the model makes of a portion, observed."""
    reconstruct, width = model.reconstructor(model.has_spreads), schema.TARGET_WIDTH

    def observed(portion: Portion) -> Observed:
        samples, generated, limits = portion
        rows = reconstruct(samples, lambda n: None)
        spreads = rows[:, width:] if model.has_spreads else None
        return observables.observe(samples, rows[:, :width], generated, limits, spreads)

    return observed


def _observed(
    name: str, events: int, items: Iterable[Any], made: Callable[[Any], Observed], group: Group
) -> Observed:
    """What is made of all items together; of no events in the others of a group."""
    parts, done = [], 0
    with progress(f"evaluate {name}", events, "events") as update:
        for part in dealt(group, name, items, made, GROUPS):
            parts.append(part)
            done += len(part["events"]["event"])
            update(done)
    return observables.join(parts) if parts else {}


def write_jets(path: Path, observed: Mapping[str, Observed]) -> None:
    """A Parquet table with a row for every generated jet of all processes, whole or not at all."""
    import pyarrow
    import pyarrow.parquet as parquet

    from mlpf_jax.physics.table import jet_columns

    tables = []
    for process, of_process in observed.items():
        columns = {  # an unmatched jet has no response: null
            name: pyarrow.array(values, from_pandas=True)
            for name, values in jet_columns(of_process).items()
        }
        names = pyarrow.array([process] * len(columns["event"]), pyarrow.string())
        tables.append(pyarrow.table({"process": names, **columns}))
    partial = path.with_name(f".{path.name}.partial")
    try:
        parquet.write_table(pyarrow.concat_tables(tables), partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def lines(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Medians and widths of all processes, as a table for a screen."""
    for process, of_process in figures.items():
        groups = [group for group in SHOWN if group in of_process]
        yield (
            f"{process}, {counted(of_process['events'], 'event')}: median, width (IQR/median) "
            "and its error; matched and fakes of jets_r07"
        )
        yield f"  {'':12}" + "".join(f"{x:>23}" for x in groups) + f"{'matched':>9}{'fakes':>11}"
        for name in of_process[groups[0]]:
            cells = "".join(f"{_cell(of_process[group][name]):>23}" for group in groups)
            wide = of_process["jets_r07"][name]
            yield f"  {name:12}{cells}{_percent(wide['matched']):>11}{_percent(wide['fakes']):>11}"
        closed = of_process["closed"]
        if closed["jets_r07"] is not None:
            yield f"  {'gap closed':12}" + "".join(f"{_share(closed[g]):>23}" for g in groups)


def _cell(figure: Mapping[str, Any]) -> str:
    if figure["width"] is None:
        return "no entries"
    error = figure["width_error"]
    width = f"{figure['median']:.3f} {figure['width']:.4f}"
    return width if error is None else f"{width}+-{error:.4f}"


def _share(closed: Mapping[str, float | None]) -> str:
    if closed["share"] is None:
        return "no entries"
    share, error = closed["share"], closed["error"]
    return f"{share:.2f}" if error is None else f"{share:.2f}+-{error:.2f}"


def _percent(share: float | None) -> str:
    return "no entries" if share is None else f"{share:.1%}"
