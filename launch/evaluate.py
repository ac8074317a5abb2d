"""Compares a model with the rule-based baseline, the bare calorimeter and what is possible.

The model of a run, on the events of its test split (evaluation.json, for the report):
  python -m launch.evaluate --run=runs/demo
A model by its folder, its run's or the name it ships under, on fresh events or a stored dataset:
  python -m launch.evaluate --model=runs/demo --process=ttbar,qq --events=1000 --json=out.json
  python -m launch.evaluate --model=NAME --dataset=data/clic_edm_ttbar_pf --split=test

--devices=8 (or the run's config.mesh) divides every batch among devices. Several processes, started
by srun or mpirun or each with --members=2 --member=0, share the events (docs/training.md). What
is measured, and how, is in docs/evaluation.md.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from datasets.builders.names import DETECTORS
from datasets.events import Samples
from datasets.storage.files import read_json, write_json
from launch.parts import members
from launch.parts.meeting import ALONE, Group
from launch.shell import data, evaluation, group, program
from launch.shell.models import open_model
from launch.shell.progress import progress, say
from launch.shell.reconstruct import reconstructor
from launch.shell.runs import Run, RunError, check_place, going_on_in, open_run, stage
from mlpf_jax.physics.comparison import compare
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions
from mlpf_jax.physics.observables import Observed


def evaluate(run: Run, mesh: Any = None, group: Group = ALONE) -> None:
    """Writes evaluation.json (figures) and evaluation.npz (responses, and the model's rows); the
    devices of a mesh and the processes of a group share the work."""
    if (run.folder / "evaluation.json").exists():
        return
    with stage(run, "evaluate"):
        samples = group.after_first("samples", lambda: data.load(run, "test"))
        rows = mlpf_rows(run, samples, mesh, group)
        if not group.first:
            return
        responses = measure_responses(samples, reconstructions(samples, rows))
        np.savez(run.folder / "evaluation.npz", mlpf_rows=rows, **responses)
        write_json(run.folder / "evaluation.json", figures(samples, rows, responses))


def mlpf_rows(run: Run, samples: Samples, mesh: Any = None, group: Group = ALONE) -> np.ndarray:
    """The model's particles for every element of the samples (elements, targets); of a group the
    first process has them."""
    reconstruct = reconstructor(run, mesh, group)
    with progress("reconstruct", samples.events, "events") as update:
        return reconstruct(samples, update)


def report(
    observed: Mapping[str, Observed], json: str, parquet: str, page: str, command: str = ""
) -> None:
    """Figures on the screen, and to the files that have a name; `command` asked for them."""
    found = {name: compare(each, evaluation.process_of(name)) for name, each in observed.items()}
    for line in evaluation.lines(found):
        say(line)
    if json:
        write_json(Path(json), found)
    if parquet:
        evaluation.write_jets(Path(parquet), observed)
    if page:
        from launch.pages import evaluation as pages

        jets = {name: each["jets_r07"] for name, each in observed.items()}
        pages.write(Path(page), found, jets, f"Made by {command}." if command else "")
    for path in filter(None, (json, parquet, page)):
        say(f"written to {path}")


if __name__ == "__main__":
    folder, mesh_of, joined = program.define_run(), group.define_devices(), members.define()
    model = flags.DEFINE_string("model", "", "A model: its folder, its run's, or its name.")
    process = flags.DEFINE_list("process", "ttbar,qq,zh,ww", "With --model: what is simulated.")
    events = flags.DEFINE_integer("events", 1000, "Of each process.")
    detector = flags.DEFINE_enum("detector", DETECTORS[0], DETECTORS, "That sees them.")
    seed = flags.DEFINE_integer("seed", 1, "Of the simulation.", 0)
    workers = flags.DEFINE_integer("workers", 2, "Processes that simulate.", 1)
    dataset = flags.DEFINE_string("dataset", "", "With --model: a TFDS folder instead.")
    split = flags.DEFINE_string("split", "test", "Of the dataset.")
    json_file = flags.DEFINE_string("json", "", "Where all figures are written.")
    jets_file = flags.DEFINE_string("parquet", "", "Where every jet is written.")
    page_file = flags.DEFINE_string("page", "", "Where a page with pictures is written (HTML).")

    def of_run() -> None:
        own = (
            process,
            events,
            detector,
            seed,
            workers,
            dataset,
            split,
            json_file,
            jets_file,
            page_file,
        )
        if given := [f"--{flag.name}" for flag in own if flag.present]:
            raise RunError(f"{', '.join(given)}: of which model? Give --model=NAME_OR_FOLDER")
        open_run(folder())  # before others are met in it
        with joined(folder() / "evaluation.json") as some, in_run(some) as run:
            evaluate(run, mesh_of(run.config.get("mesh")), some)
            if some.first:
                for name, jet in read_json(run.folder / "evaluation.json")["jets"].items():
                    say(f"  {name:12} jets: median {jet['median']:.3f}, width {jet['width']:.3f}")
                say(f"all figures: {run.folder / 'evaluation.json'}")

    def in_run(some: Group) -> AbstractContextManager[Run]:
        if some.first:
            return going_on_in(folder())
        return nullcontext(replace(open_run(folder()), first=False))

    def of_model() -> None:
        outputs = (json_file.value, jets_file.value, page_file.value)
        for path in filter(None, outputs):
            check_place(Path(path))
        given = [f"--{flag.name}" for flag in (process, events, detector, seed) if flag.present]
        if dataset.value and given:
            raise RunError(f"{', '.join(given)} and --dataset exclude each other")
        if split.present and not dataset.value:
            raise RunError("--split: of what? Give --dataset=FOLDER")
        if not process.value:
            raise RunError("--process names no process")
        opened = open_model(model.value, mesh_of())
        command = f"python -m launch.evaluate --model={model.value}"
        with joined(next((Path(path) for path in outputs if path), None)) as some:
            if dataset.value:
                command += f" --dataset={dataset.value} --split={split.value}"
                where = Path(dataset.value), split.value
                found = evaluation.observe_dataset(opened, *where, some)
            else:
                processes = list(dict.fromkeys(process.value))
                command += (
                    f" --process={','.join(processes)} --detector={detector.value} "
                    f"--events={events.value} --seed={seed.value}"
                )
                found = evaluation.observe_processes(
                    opened, processes, events.value, seed.value, workers.value, detector.value, some
                )
            if some.first:
                report(found, *outputs, command)

    def main() -> None:
        if model.value and flags.FLAGS["run"].present:
            raise RunError("--run and --model exclude each other; --model takes a run, too")
        of_model() if model.value else of_run()

    program.start(main)
