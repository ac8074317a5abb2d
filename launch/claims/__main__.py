"""What is claimed of tuned particle flow, and what we find: one page, one table, one JSON.

python -m launch.tune --config=configs/untuned_gnn_lsh.py --run=runs/gain_gnn
python -m launch.tune --config=configs/untuned_favor.py --run=runs/gain_favor
python -m launch.claims --gnn=runs/gain_gnn --transformer=runs/gain_favor --own=clic_small \\
                        --seeds=101,102,103 --json=claims.json --page=claims.html

Both runs must be tuned. With each of `--seeds` their configurations train before and after tuning
on events of their own: what the validation loss gained. Then these models (of the first seed), and
our own, a name or a folder, reconstruct the same fresh events of every process. `--duel` is the
JSON of benchmarks.duel, where GNN and transformer have equal cost. Interrupted, it goes on.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from datasets.builders.names import PROCESSES
from datasets.storage.files import read_json, write_json
from launch.claims import gain, statements
from launch.shell import evaluation, program
from launch.shell.models import open_model
from launch.shell.progress import say
from launch.shell.runs import RunError, check_place
from mlpf_jax.physics.comparison import compare


def measured(
    models: Mapping[str, str], processes: Sequence[str], events: int, seed: int, workers: int
) -> dict[str, dict[str, Any]]:
    """By model and process the figures of `physics.comparison`."""
    found = {}
    for name, place in models.items():
        observed = evaluation.observe_processes(
            open_model(place), processes, events, seed, workers, "clic"
        )
        found[name] = {process: compare(each, process) for process, each in observed.items()}
    return found


def models_of(runs: Mapping[str, Path], own: str, seed: int) -> dict[str, str]:
    """Names of all models that are compared, and where they are."""
    tuned = {
        f"{name}, {side} tuning": str(gain.model_of(folder, seed, side))
        for name, folder in runs.items()
        for side in gain.SIDES
    }
    return tuned | {statements.OWN: own}


if __name__ == "__main__":
    gnn = flags.DEFINE_string("gnn", "runs/gain_gnn", "A tuned run: the GNN.")
    transformer = flags.DEFINE_string("transformer", "runs/gain_favor", "The transformer.")
    own = flags.DEFINE_string("own", "clic_small", "Our model: a name, or a folder.")
    seeds = flags.DEFINE_list("seeds", "101,102,103", "Of trainings; not those of the tuning.")
    process = flags.DEFINE_list("process", "ttbar,qq,zh,ww,ttbar_pu10", "What is simulated.")
    events = flags.DEFINE_integer("events", 500, "Of each process.", 1)
    seed = flags.DEFINE_integer("seed", 1, "Of these events.", 0)
    workers = flags.DEFINE_integer("workers", 2, "Processes that simulate.", 1)
    duel = flags.DEFINE_string("duel", "", "The JSON of benchmarks.duel.")
    json_file = flags.DEFINE_string("json", "", "Where all figures are written.")
    page_file = flags.DEFINE_string("page", "", "Where the page is written (HTML).")

    def numbers() -> list[int]:
        try:
            found = [int(number) for number in seeds.value]
        except ValueError:
            found = []
        if not found or min(found) < 0:
            raise RunError(f"--seeds={','.join(seeds.value)}: whole numbers, as 101,102,103")
        return found

    def command(processes: Sequence[str]) -> str:
        """How the page was made, for every caption."""
        asked = {"gnn": gnn.value, "transformer": transformer.value, "own": own.value}
        asked |= {"seeds": ",".join(seeds.value), "process": ",".join(processes)}
        asked |= {"events": events.value, "seed": seed.value}
        options = " ".join(f"--{name}={value}" for name, value in asked.items())
        return f"Made by python -m launch.claims {options}."

    def main() -> None:
        for path in filter(None, (json_file.value, page_file.value)):
            check_place(Path(path))
        processes = list(dict.fromkeys(process.value))
        if not processes or (unknown := sorted(set(processes) - set(PROCESSES))):
            raise RunError(f"--process {unknown or ''}: choose among {', '.join(PROCESSES)}")
        compared = read_json(Path(duel.value)) if duel.value else None
        model = open_model(own.value)
        if model.config.elements != "clusters":
            raise RunError(
                f"--own={own.value} is a model of {model.config.elements!r}; the others are of "
                "tracks and clusters, and so must it be"
            )
        runs = {"GNN": Path(gnn.value), "transformer": Path(transformer.value)}
        gains = {name: gain.gain(folder, numbers()) for name, folder in runs.items()}
        models = models_of(runs, own.value, numbers()[0])
        figures = measured(models, processes, events.value, seed.value, workers.value)
        made = statements.all_of(gains, figures, compared)
        for line in statements.lines(made):
            say(line)
        if json_file.value:
            found = {"statements": [s._asdict() for s in made], "gains": gains}
            write_json(Path(json_file.value), found | {"figures": figures, "duel": compared})
        if page_file.value:
            from launch.pages import claims as pages

            X, rows = evaluation.one_event(model, processes[0], seed.value)
            pages.write(Path(page_file.value), made, gains, figures, X, rows, command(processes))
        for path in filter(None, (json_file.value, page_file.value)):
            say(f"written to {path}")

    program.start(main)
