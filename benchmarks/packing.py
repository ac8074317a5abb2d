"""Training on packed rows against training on padded ones: events per second of CPU time.

python -m benchmarks.packing [--samples=FOLDER] [--json=figures.json] [--quick]

The same model (width 64, bins of 64) takes steps on batches of about eight events: padded to
the longest event of all, padded to the best of three lengths, packed. One core; plans take turns,
round after round, and the figure is the median of each round's ratio. The events are those of a
folder of `datasets.samples`, or simulated: as many ttbar as qq, ZH and WW.
"""

import os

# One core: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false",
)

import argparse
import json
import statistics
import time
from pathlib import Path

import jax
import numpy as np

from benchmarks.machine import machine
from datasets import samples as stored
from datasets.batches import Plan, Sampler, make_packed_plan, make_plan
from datasets.events import Samples
from datasets.schema import Batch
from datasets.simulation import PROCESSES, simulate
from datasets.truth import target
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.statistics import measure
from mlpf_jax.training import train

EVENTS = 8  # of a batch
MODEL = ModelConfig(width=64, bin_size=64)


def plans(samples: Samples) -> dict[str, Plan]:
    counts = np.diff(samples.offsets)
    return {
        "one length": make_plan(counts, EVENTS, 1, MODEL.bin_size),
        "three lengths": make_plan(counts, EVENTS, 3, MODEL.bin_size),
        "packed": make_packed_plan(counts, EVENTS, MODEL.bin_size),
    }


def filled(batches: list[Batch]) -> float:
    """Share of the places that hold an element."""
    return sum(b.mask.sum() for b in batches) / sum(b.mask.size for b in batches)


def rounds(
    samples: Samples, chosen: dict[str, Plan], number: int, steps: int
) -> list[dict[str, float]]:
    """Events/s of each plan in each round; another stretch of the epoch in every round."""
    state = train.create_state(jax.random.key(0), MODEL, TrainConfig(), measure(samples.X))
    samplers = {name: Sampler(samples, plan, seed=0) for name, plan in chosen.items()}
    for sampler in samplers.values():
        seen = {b.X.shape: b for b in map(sampler, range(sampler.steps_per_epoch))}
        for batch in seen.values():
            jax.block_until_ready(train.train_step(state, batch))
    return [
        {name: _rate(state, s, range(i * steps, (i + 1) * steps)) for name, s in samplers.items()}
        for i in range(number)
    ]


def _rate(state, sampler: Sampler, steps: range) -> float:
    start, events = time.process_time(), 0
    for step in steps:
        batch = sampler(step)
        events += int((batch.event >= 0).sum())
        jax.block_until_ready(train.train_step(state, batch))
    return events / (time.process_time() - start)


def load(folder: Path | None, quick: bool) -> Samples:
    """Events from a folder, or simulated ones."""
    if folder:
        return stored.load(folder)
    some = 16 if quick else 400
    return stored.join(
        [target.to_samples(simulate(process, some, seed=3)) for process in PROCESSES]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, help="a folder that datasets.samples wrote")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="few events: a check, no figure")
    options = parser.parse_args()
    samples = load(options.samples, options.quick)
    chosen = plans(samples)
    number, steps = (2, 2) if options.quick else (15, 12)
    measured = rounds(samples, chosen, number, steps)
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "events": samples.events}
    print(f"{figures['machine']}, {figures['date']}, {samples.events} events")
    for name, plan in chosen.items():
        sampler = Sampler(samples, plan, seed=0)
        figures[name] = {
            "lengths": plan.lengths,
            "rows": plan.batch_size,
            "filled": filled([sampler(i) for i in range(sampler.steps_per_epoch)]),
            "events/s": statistics.median(r[name] for r in measured),
            "packed over this": statistics.median(r["packed"] / r[name] for r in measured),
        }
        print(
            f"{name:14} lengths {plan.lengths}, {figures[name]['filled']:.0%} filled: "
            f"{figures[name]['events/s']:.0f} events/s; packed is "
            f"{figures[name]['packed over this']:.2f} times as fast"
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
