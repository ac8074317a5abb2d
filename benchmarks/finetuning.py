"""A shipped model in a second detector: trained on, with few events, against from nothing.

python -m launch.train --config=configs/finetune_cld.py --run=runs/cld ...   # for its datasets
python -m benchmarks.finetuning --samples=runs/cld/data/cache [--start=clic_small]
                                [--events=300,3000,10000] [--seeds=1] [--json=figures.json]
                                [--picture=figures.svg]

`--samples` are of the second detector, a folder for each process; every training takes as many
events of each. Both see SEEN events in all, several times where there are fewer, but none more than
MOST times; a third as many where they start from a model, at a smaller learning rate. The better of
the last and an early end, half as long, by the jets of the first half of the validation split, is
kept; figures (`benchmarks.jets`) are of its second half.
"""

import os

# One core: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false"
)

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import PyTree

from benchmarks import jets
from benchmarks.machine import machine
from datasets import samples as stored
from datasets.events import Samples
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.training import shipped

SEEN = 20_000  # events, from nothing
MOST = 40  # times that one event is seen
SCRATCH: dict[str, Any] = {
    "learning_rate": 4e-3, "weight_decay": 1e-3, "clip": 3.0, "warmup_steps": 100, "ema": 0.998,
    "region_weight": 2.0, "share_weight": 1.0, "energy_power": 0.0,
}  # fmt: skip
TUNED = SCRATCH | {"learning_rate": 1e-3, "warmup_steps": 50, "ema": 0.99}
Halves = tuple[list[Samples], list[Samples]]


def halves(parts: Sequence[Samples]) -> Halves:
    """Events to choose by, and events to report."""
    middles = [part.events // 2 for part in parts]
    return (
        [jets.first(part, middle) for part, middle in zip(parts, middles, strict=True)],
        [
            stored.take(part, np.arange(middle, part.events))
            for part, middle in zip(parts, middles, strict=True)
        ],
    )


def measured(
    config: ModelConfig, samples: Samples, held_out: Halves, seed: int, start: PyTree | None
) -> dict[str, Any]:
    """The figures of a training with these events, from a model or from nothing."""
    settings, seen = (SCRATCH, SEEN) if start is None else (TUNED, SEEN // 3)
    passes = max(1, min(MOST, round(seen / samples.events)))
    models = [
        (epochs, jets.trained(config, settings, samples, seed, epochs, start))
        for epochs in sorted({passes, max(1, passes // 2)})
    ]

    def width(entry: tuple[int, jets.Trained]) -> float:
        found = jets.judged(entry[1], held_out[0])
        return found["jets"] + found["wide_jets"]

    epochs, best = min(models, key=width)
    found = {"seed": seed, "epochs": epochs, "cpu_s": sum(model.cpu_s for _, model in models)}
    return found | jets.judged(best, held_out[1])


def draw(table: Mapping[str, Mapping[str, Any]], untouched: Mapping[str, float]) -> str:
    """SVG: widths over the number of events."""
    from launch.pages.drawing import CLASS_COLOURS, draw

    def paint(axes):
        for axis, (group, title) in zip(axes, list(jets.GROUPS.items())[:2], strict=True):
            for colour, (name, rows) in zip(CLASS_COLOURS[3::-2], table.items(), strict=False):
                events = [int(n) for n in rows]
                means = [statistics.mean(run[group] for run in runs) for runs in rows.values()]
                axis.plot(events, means, marker="o", color=colour, label=name)
            axis.axhline(untouched[group], color="#777777", linestyle=":", label="as it is")
            axis.axhline(1.0, color="#d9822b", linewidth=1, label="rules")
            axis.set(xscale="log", xlabel="events of the second detector", title=f"jets {title}")
        axes[0].set_ylabel("width over the rule-based one")
        axes[0].legend(fontsize=8)

    return draw((8.0, 3.4), paint, columns=2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True, help="data/cache of a run")
    parser.add_argument("--start", default="clic_small", help="a model by name or folder")
    parser.add_argument("--events", default="300,3000,10000")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()

    config, variables = shipped.load(arguments.start)
    parts = jets.events_of(arguments.samples, "train")
    held_out = halves(jets.events_of(arguments.samples, "validation"))
    print(f"{machine()}; {len(parts)} processes")
    print(jets.header())
    untouched = {"cpu_s": 0.0, **jets.judged(jets.Trained(config, variables, 0, 0), held_out[1])}
    print(jets.line(f"{arguments.start}, as it is", [untouched]), flush=True)
    table: dict[str, Any] = {"fine-tuned": {}, "from nothing": {}}
    for number in arguments.events.split(","):
        each = int(number) // len(parts)
        # A dataset may have lost an event or two that could not be used.
        samples = jets.joined([jets.first(part, each) for part in parts])
        if samples.events < 0.99 * int(number):
            parser.error(f"{arguments.samples}: {samples.events} events, {number} are asked")
        for name, start in zip(table, (variables, None), strict=True):
            runs = [
                measured(config, samples, held_out, int(seed), start)
                for seed in arguments.seeds.split(",")
            ]
            table[name][number] = runs
            print(jets.line(f"{name}, {number} events", runs), flush=True)
            if arguments.json:
                about = {"machine": machine(), "start": arguments.start, "as it is": untouched}
                arguments.json.write_text(json.dumps(about | {"trainings": table}, indent=1))
    if arguments.picture:
        arguments.picture.write_text(draw(table, untouched))


if __name__ == "__main__":
    main()
