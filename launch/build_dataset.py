"""Makes a TFDS dataset (array_record, no TensorFlow) of EDM4HEP files, or of simulated events.

From files of full simulation, in podio's layouts of 2023 and 2025:
  python -m launch.build_dataset --input='files/*.root' --detector=clic --dataset=mine
From the fast simulation:
  python -m launch.build_dataset --process=ttbar --events=10000 --seed=1 --workers=8
The datasets of an experiment's configuration, as launch.demo makes them:
  python -m launch.build_dataset --config=configs/demo.py --run=runs/mine

They lie in --data_dir/NAME/3.2.0, and tensorflow-datasets opens them with builder_from_directory.
Train, validation and test share no file. The same command again goes on where it was.
"""

import glob
import os
import sys
from dataclasses import replace
from pathlib import Path

from absl import flags

from datasets.builders import building, recipes
from datasets.builders.names import DETECTORS, PROCESSES, dataset_name
from datasets.builders.recipes import Recipe
from datasets.truth.truth import VISIBILITIES
from launch.planning import plan
from launch.shell import data, program
from launch.shell.checks import checked
from launch.shell.progress import progress, say
from launch.shell.runs import Run, RunError, stage, working_in

NAMED = 10  # events that are left out, by split, each with what is wrong


def build_datasets(run: Run) -> None:
    """Makes the datasets of the run that are not there yet."""
    with stage(run, "data"):
        data.build(run)


def recipe_of_files(
    patterns: list[str], detector: str, name: str, elements: str, splits: str, seed: int
) -> Recipe:
    """A dataset of the events in the files that the patterns match.

    Raises RunError where a pattern matches nothing; EDM4HEPError where a file cannot be read, or
    the files differ in layout or detector.
    """
    if not name:
        raise RunError("--dataset=NAME is needed with --input: what the dataset shall be called")
    from datasets import edm4hep

    shares, paths = parse_shares(splits), files_of(patterns)
    sources = edm4hep.check(paths, detector or None)
    say(f"  files: {len(paths)}")
    for line in dict.fromkeys(line for source in sources for line in _about(source)):
        say(f"  {line}")
    return recipes.of_sources(name, elements, sources, detector, shares, seed)


def _about(source) -> list[str]:
    """What a person should know of a file."""
    kind = f"{source.detector.name}, EDM4hep {source.version}, layout of {source.layout.name}"
    empty = [f"set aside: {source.path} has no events"] * (not source.events)
    return [kind, *(f"note: {note}" for note in source.notes), *empty]


def files_of(patterns: list[str]) -> list[str]:
    """The real paths of the files that the patterns match, each once."""
    paths = []
    for pattern in patterns:
        found = [pattern] if os.path.exists(pattern) else sorted(glob.glob(pattern))
        if not found:
            raise RunError(f"--input={pattern}: no such file")
        if folders := [path for path in found if os.path.isdir(path)]:
            raise RunError(f"--input={pattern}: {folders[0]} is a folder; say {folders[0]}/*.root")
        paths += map(os.path.realpath, found)
    return list(dict.fromkeys(paths))


def recipe_of_process(
    process: str, events: int, name: str, elements: str, splits: str, seed: int, detector: str = ""
) -> Recipe:
    """A dataset of simulated events, by default in a detector like CLIC's."""
    detector = (detector or DETECTORS[0]).lower()
    if detector not in DETECTORS:
        raise RunError(f"--detector={detector}: simulated are {', '.join(DETECTORS)}")
    if process not in PROCESSES:
        raise RunError(f"--process={process}: choose one of {', '.join(PROCESSES)}")
    return recipes.simulation(
        name or dataset_name(process, elements, detector),
        process,
        elements,
        recipes.counts(events, parse_shares(splits)),
        seed,
        recipes.EVENTS_OF_A_SHARD[elements],
        detector,
    )


def parse_shares(text: str) -> dict[str, float]:
    """Splits and their shares: `all`, or like `train:0.8,validation:0.1,test:0.1`.

    Raises RunError where the text says no such thing, or the shares do not add up to 1.
    """
    if ":" not in text and text.isidentifier():
        return {text: 1.0}
    try:
        pairs = [part.split(":") for part in text.split(",")]
        shares = {name.strip(): float(share) for name, share in pairs}
    except ValueError:
        shares = {}
    sound = shares and all(name.isidentifier() and s > 0 for name, s in shares.items())
    if not sound or abs(sum(shares.values()) - 1) > 1e-6:
        raise RunError(
            f"--splits={text}: give one name, or names with shares that add up to 1, like "
            "train:0.8,validation:0.1,test:0.1"
        )
    return shares


def account(folder: Path) -> str:
    """What became of the events, and of their energy, by split."""
    lines = []
    for split, s in (building.summary(folder) or {}).items():
        kept = s["events"] - s["events_unsound"] - s["events_empty"]
        share = [s[name] / s["visible"] if s["visible"] else 0 for name in ("merged", "dropped")]
        lines.append(
            f"  {split}: events {kept}; left out {s['events_unsound']} with values that are not "
            f"finite, {s['events_empty']} without a visible particle; of the visible energy "
            f"{share[0]:.2%} merged, {share[1]:.2%} dropped"
        )
        lost = s.get("left_out", [])
        lines += [f"    left out: {event}" for event in lost[:NAMED]]
        if len(lost) > NAMED:
            lines.append(
                f"    and {s['events_unsound'] - NAMED} more, see {folder / 'summary.json'}"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    unasked = not sys.argv[1:]  # the default of --config is thousands of events
    config, run_folder = program.define_config(), program.define_run()
    inputs = flags.DEFINE_list("input", [], "EDM4HEP files (ROOT): patterns, separated by commas.")
    detector = flags.DEFINE_string(
        "detector", "", "clic, cld, a .toml file; else the files tell; simulated is clic."
    )
    name = flags.DEFINE_string("dataset", "", "The name of the dataset.")
    process = flags.DEFINE_string("process", "", f"Simulate one of {', '.join(PROCESSES)}.")
    events = flags.DEFINE_integer("events", 1000, "Events to simulate, of all splits together.")
    seed = flags.DEFINE_integer("seed", 1, "Of the simulation, and of dealing files to splits.", 0)
    workers = flags.DEFINE_integer("workers", 2, "Processes that work side by side.", 1)
    root = flags.DEFINE_string("data_dir", "data", "Where datasets lie.")
    elements = flags.DEFINE_enum(
        "elements", "clusters", list(recipes.EVENTS_OF_A_SHARD),
        "Tracks and clusters; tracker and calorimeter hits; or tracks and calorimeter hits.",
    )  # fmt: skip
    visibility = flags.DEFINE_enum(
        "visibility", "present", list(VISIBILITIES),
        "Which particles are to be found: by the present rule, or that of the paper of 2024.",
    )  # fmt: skip
    splits = flags.DEFINE_string(
        "splits", "train:0.8,validation:0.1,test:0.1", "Splits and their shares; or one name: all."
    )

    dry_run = plan.define()

    def main() -> None:
        if inputs.value and process.value:
            raise RunError("--input and --process exclude each other")
        if unasked:
            raise RunError("a dataset of what? Give --input=FILES, --process=NAME or --config=NAME")
        if not (inputs.value or process.value):
            own = (detector, name, events, seed, workers, root, elements, visibility, splits)
            if given := [f"--{flag.name}" for flag in own if flag.present]:
                raise RunError(f"{', '.join(given)}: of what? Give --input=FILES or --process=NAME")
            if dry_run():
                plan.show(run_folder(), checked(config()), (plan.datasets,))
                return
            with working_in(run_folder(), checked(config())) as run:
                build_datasets(run)
            return
        if inputs.value:
            made = recipe_of_files(
                inputs.value, detector.value, name.value, elements.value, splits.value, seed.value
            )
        else:
            made = recipe_of_process(
                process.value, events.value, name.value, elements.value, splits.value, seed.value,
                detector.value,
            )  # fmt: skip
        made = replace(made, visibility=visibility.value)
        if dry_run():
            plan.say_all([plan.dataset(made, Path(root.value), workers.value)], Path(root.value))
            return
        folder = building.build(made, Path(root.value), workers.value, progress)
        say(account(folder))
        say(f"  dataset {folder}")

    program.start(main)
