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
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmarks import jets
from benchmarks.machine import machine
from datasets.events import Samples
from mlpf_jax.model.config import ModelConfig

MODEL: dict[str, Any] = {"width": 64, "layers_id": 2, "layers_regression": 2}
TRAIN: dict[str, Any] = {
    "learning_rate": 5e-3, "weight_decay": 1e-3, "clip": 3.0, "warmup_steps": 50,
    "region_weight": 2.0, "share_weight": 1.0, "ema": 0.998,
}  # fmt: skip
NOTHING: Mapping[str, Any] = MappingProxyType({})


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
    # The next two beside it.
    "values of pairs": Variant({"pairs": 8}, {"energy_power": 0.0}),
    "constant rate": Variant({}, {"energy_power": 0.0, "schedule": "constant"}),
    "both": Variant({}, {"energy_power": 0.0, "region_weight": 6.0}),
    "width 32": Variant({"width": 32}),
    "width 96": Variant({"width": 96}),
    "one layer": Variant({"layers_id": 1, "layers_regression": 1}),
    "three layers": Variant({"layers_id": 3, "layers_regression": 3}),
    "half the events": Variant(part=0.5),
    "a quarter": Variant(part=0.25),
    "an eighth": Variant(part=0.125),
}


def trained(variant: Variant, parts: Sequence[Samples], seed: int) -> jets.Trained:
    """Variants with fewer events see them more often."""
    some = [jets.first(part, round(part.events * variant.part)) for part in parts]
    config, settings = ModelConfig(**MODEL | variant.model), TRAIN | variant.train
    return jets.trained(config, settings, jets.joined(some), seed, round(1 / variant.part))


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

    parts = jets.events_of(arguments.samples, "train")
    parts = jets.events_of(arguments.samples, "train", -(-arguments.events // len(parts)))
    held_out = jets.events_of(arguments.samples, "validation")
    print(f"{machine()}; {arguments.events} events seen, {len(parts)} processes")
    print(jets.header())
    table = {}
    for name in names:
        runs = []
        for seed in map(int, arguments.seeds.split(",")):
            model = trained(VARIANTS[name], parts, seed)
            runs.append({"seed": seed, "cpu_s": model.cpu_s, **jets.judged(model, held_out)})
        table[name] = runs
        print(jets.line(name, runs), flush=True)
        if arguments.json:
            about = {"machine": machine(), "events": arguments.events}
            arguments.json.write_text(json.dumps(about | {"variants": table}, indent=1))


if __name__ == "__main__":
    main()
