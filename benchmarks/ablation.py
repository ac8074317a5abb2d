"""What moves the jets: one thing changed at a time, at one budget of training, with several seeds.

python -m benchmarks.ablation --samples=runs/clic_small/data/cache [--events=12000] [--seeds=1,2]
                              [--variants=all,...] [--json=figures.json]

`--samples` holds a folder for each process with its train and validation split; every process
gives as many events. Each training sees `--events` events, some of them several times where the
variant has fewer: all take nearly the same number of steps. Figures are the widths of the response
of jets (R = 0.4, R = 0.7) and of missing pt over the baseline's, of validation events, as the mean
of the processes: they are for choosing, not for claims.
"""

import os

# One core: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false"
)

import argparse
import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.machine import machine
from datasets import samples as stored
from datasets.batches import Sampler, make_packed_plan, rows_of, sequential
from datasets.events import Samples
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.reconstruct import reconstructor
from mlpf_jax.model.statistics import measure
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions
from mlpf_jax.training import train

BATCH = 8  # events of a step, about
MODEL: dict[str, Any] = {"width": 64, "layers_id": 2, "layers_regression": 2}
TRAIN: dict[str, Any] = {
    "learning_rate": 5e-3, "weight_decay": 1e-3, "clip": 3.0, "warmup_steps": 50,
    "region_weight": 2.0, "share_weight": 1.0, "ema": 0.998,
}  # fmt: skip
NOTHING: Mapping[str, Any] = MappingProxyType({})
GROUPS = {"jets": "R=0.4", "wide_jets": "R=0.7", "met": "missing pt"}


class Variant(NamedTuple):
    """What differs from MODEL and TRAIN, and which part of the events is trained on."""

    model: Mapping[str, Any] = NOTHING
    train: Mapping[str, Any] = NOTHING
    part: float = 1.0


VARIANTS = {
    "all": Variant(),
    "no sharing": Variant({"sharing": False}, {"share_weight": 0.0}),
    "shares not supervised": Variant({}, {"share_weight": 0.0}),
    "no neighbour values": Variant({"neighbour_features": False}),
    "no shapes": Variant({"shapes": False}),
    "free momenta": Variant({"momenta": "free"}),
    "no average": Variant({}, {"ema": 0.0}),
    "no region loss": Variant({}, {"region_weight": 0.0}),
    "region loss 6": Variant({}, {"region_weight": 6.0}),
    "energies alike": Variant({}, {"energy_power": 0.0}),
    "both": Variant({}, {"energy_power": 0.0, "region_weight": 6.0}),
    "width 32": Variant({"width": 32}),
    "width 96": Variant({"width": 96}),
    "one layer": Variant({"layers_id": 1, "layers_regression": 1}),
    "three layers": Variant({"layers_id": 3, "layers_regression": 3}),
    "half the events": Variant(part=0.5),
    "a quarter": Variant(part=0.25),
    "an eighth": Variant(part=0.125),
}


class Data(NamedTuple):
    """Processes in one order."""

    train: list[Samples]
    validation: list[Samples]

    @classmethod
    def load(cls, folder: Path, events: int) -> "Data":
        folders = sorted(path for path in folder.iterdir() if (path / "train").is_dir())
        if not folders:
            raise SystemExit(f"{folder} has no PROCESS/train: give the data/cache of a run")
        train = [stored.load(path / "train") for path in folders]
        each = -(-events // len(folders))
        if (fewest := min(part.events for part in train)) < each:
            raise SystemExit(f"{folder}: a process has {fewest} events, {each} are asked of each")
        return cls(
            [_first(p, each) for p in train], [stored.load(p / "validation") for p in folders]
        )


def _first(samples: Samples, events: int) -> Samples:
    return stored.take(samples, np.arange(min(events, samples.events)))


def trained(variant: Variant, data: Data, seed: int):
    """A model's configuration, its variables, and the CPU time (s) of its training."""
    config = ModelConfig(**MODEL | variant.model)
    parts = [_first(part, round(part.events * variant.part)) for part in data.train]
    samples = stored.join(parts) if len(parts) > 1 else parts[0]
    validation = stored.join(data.validation) if len(data.validation) > 1 else data.validation[0]
    counts = np.concatenate([np.diff(samples.offsets), np.diff(validation.offsets)])
    plan = make_packed_plan(counts, BATCH, config.bin_size)
    sampler = Sampler(samples, plan, seed)
    epochs = round(1 / variant.part)
    settings = TrainConfig(**TRAIN | variant.train, total_steps=sampler.steps_per_epoch * epochs)
    state = train.create_state(jax.random.key(seed), config, settings, measure(samples.X))
    start = time.process_time()
    for epoch in train.fit(state, sampler, sampler.steps_per_epoch, [], range(epochs)):
        state = epoch.state
    jax.block_until_ready(state)
    return config, state.variables, time.process_time() - start


def widths(config: ModelConfig, variables, data: Data) -> dict[str, float]:
    """Widths over the baseline's, each the mean of the processes."""
    reconstruct = reconstructor(config, variables)
    found = []
    for samples in data.validation:
        plan = make_packed_plan(np.diff(samples.offsets), BATCH, config.bin_size)
        rows = np.zeros_like(samples.ytarget)
        for batch in sequential(samples, plan):
            rows[rows_of(batch, samples.offsets)] = reconstruct(batch)[batch.mask]
        found.append(
            figures(samples, rows, measure_responses(samples, reconstructions(samples, rows)))
        )
    return {
        group: statistics.mean(
            of[group]["mlpf"]["width"] / of[group]["baseline"]["width"] for of in found
        )
        for group in GROUPS
    }


def line(name: str, runs: list[dict[str, float]]) -> str:
    """Mean of the seeds, and half of what they differ."""
    cells = []
    for group in GROUPS:
        values = [run[group] for run in runs]
        half = (max(values) - min(values)) / 2
        cells.append(f"{statistics.mean(values):7.3f} +- {half:.3f}")
    return f"{name:22}" + "".join(cells) + f"{statistics.mean(r['cpu_s'] for r in runs):8.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True, help="data/cache of a run")
    parser.add_argument("--events", type=int, default=12000, help="that each training sees")
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    names = arguments.variants.split(",")
    if unknown := [name for name in names if name not in VARIANTS]:
        parser.error(f"unknown {', '.join(unknown)}; known: {', '.join(VARIANTS)}")

    data = Data.load(arguments.samples, arguments.events)
    print(f"{machine()}; {arguments.events} events seen, {len(data.train)} processes")
    print(f"{'':22}" + "".join(f"{title:>16}" for title in GROUPS.values()) + "   CPU s")
    table = {}
    for name in names:
        runs = []
        for seed in map(int, arguments.seeds.split(",")):
            config, variables, seconds = trained(VARIANTS[name], data, seed)
            runs.append({"seed": seed, "cpu_s": seconds, **widths(config, variables, data)})
        table[name] = runs
        print(line(name, runs), flush=True)
        if arguments.json:
            about = {"machine": machine(), "events": arguments.events}
            arguments.json.write_text(json.dumps(about | {"variants": table}, indent=1))


if __name__ == "__main__":
    main()
