"""Backbones against each other at equal cost, each with and without what we add to them.

python -m benchmarks.duel --samples=runs/clic_small/data/cache [--events=6000] [--seeds=1,2,3]
                          [--models=favor,tiles+values,...] [--json=figures.json]

Six ways for elements to see each other, sized to nearly as many parameters and floating-point
operations (the table says how many): GNN-LSH (buckets of a learned space), graph layers in buckets
of the calorimeter face and in tiles of it, exact attention, FAVOR, and none. Each is plain, with
neighbour values among its inputs (`+values`), with shared cluster energies (`+sharing`) and with
both. Every one is tuned alike: the learning rate of RATES, by the jets of the last events of the
training split after a training on a third of the others. Then it trains with every seed on
`--events` events, each seen once; figures (`benchmarks.jets`) are of the validation split, on
which nothing is chosen.

Seeds decide the first parameters and the order of events, the same for all models: differences are
taken seed by seed, their errors are those of a mean over seeds.
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
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import jets
from benchmarks.jets import GROUPS
from benchmarks.machine import machine
from datasets import samples as stored
from datasets.batches import Sampler, make_packed_plan
from datasets.events import Samples
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.mlpf import MLPF

TRAIN: dict[str, Any] = {
    "weight_decay": 1e-3, "clip": 3.0, "warmup_steps": 50, "region_weight": 2.0, "ema": 0.998,
    "energy_power": 0.0,
}  # fmt: skip
RATES = (2e-3, 5e-3, 1.2e-2)
CHOSEN_ON = 250  # events of each process, the last of the training split

LEARNED = ModelConfig(
    neighbour_features=False, face_kernel=False, sharing=False, binning="learned"
)  # fmt: skip
FACE = ModelConfig(neighbour_features=False, sharing=False)
BACKBONES = {
    "mlp": replace(LEARNED, backbone="mlp", hidden=300),
    "gnn_lsh": replace(LEARNED, distance_hidden=64, distance_width=48),
    "favor": replace(LEARNED, backbone="favor", heads=4, random_features=16, hidden=136),
    "attention": replace(LEARNED, backbone="attention", binning="none", heads=4, hidden=64),
    "face": replace(FACE, distance_hidden=64, distance_width=48),
    "tiles": replace(FACE, binning="tiles", heads=4, distance_width=12, distance_hidden=48),
}
ADDED = {
    "": {},
    "+values": {"neighbour_features": True},
    "+sharing": {"sharing": True},
    "+values+sharing": {"neighbour_features": True, "sharing": True},
}
MODELS = {
    backbone + added: replace(config, **change)
    for backbone, config in BACKBONES.items()
    for added, change in ADDED.items()
}
# What differs between the two of a pair, all else equal: (what, the one, the other).
QUESTIONS = (
    *((f"values, {b}", f"{b}+values", b) for b in BACKBONES),
    *((f"sharing, {b}", f"{b}+values+sharing", f"{b}+values") for b in BACKBONES),
    ("GNN against transformer, plain", "gnn_lsh", "favor"),
    ("GNN against transformer, both added", "gnn_lsh+values+sharing", "favor+values+sharing"),
    ("seeing each other at all, both added", "gnn_lsh+values+sharing", "mlp+values+sharing"),
    ("face, not a learned space", "face+values+sharing", "gnn_lsh+values+sharing"),
    ("tiles, not buckets", "tiles+values+sharing", "face+values+sharing"),
    ("exact attention, not FAVOR", "attention+values+sharing", "favor+values+sharing"),
)


def settings_of(config: ModelConfig, rate: float) -> dict[str, Any]:
    return TRAIN | {"learning_rate": rate, "share_weight": 1.0 if config.sharing else 0.0}


def cost(config: ModelConfig, samples: Samples) -> tuple[int, float]:
    """Parameters; floating-point operations of a forward pass by element, as XLA counts them."""
    plan = make_packed_plan(np.diff(samples.offsets), jets.BATCH, config.bin_size)
    batch = Sampler(samples, plan, 0)(0)
    module = MLPF(config, batch.segments)
    given = batch.X, batch.segment
    variables = jax.eval_shape(module.init, jax.random.key(0), *given)
    forward = jax.jit(module.apply).lower(variables, *given).compile()
    parameters = sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))
    return parameters, forward.cost_analysis()["flops"] / batch.segment.size


def tuned(config: ModelConfig, some: Samples, held_out: Sequence[Samples]) -> float:
    """The learning rate with the narrowest jets after a short training."""

    def width(rate: float) -> float:
        found = jets.judged(jets.trained(config, settings_of(config, rate), some, 0), held_out)
        return found["jets"] + found["wide_jets"]

    return min(RATES, key=width)


def differences(table: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[float]]]:
    """Of every question whose two models there are: mean of the paired differences, its error."""
    found = {}
    for what, one, other in QUESTIONS:
        if not {one, other} <= set(table):
            continue
        pairs = list(zip(table[one]["runs"], table[other]["runs"], strict=True))
        found[what] = {group: _paired([a[group] - b[group] for a, b in pairs]) for group in GROUPS}
    return found


def _paired(values: Sequence[float]) -> list[float]:
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return [statistics.mean(values), error]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True, help="data/cache of a run")
    parser.add_argument("--events", type=int, default=6000, help="that each training sees")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    names = arguments.models.split(",")
    if unknown := [name for name in names if name not in MODELS]:
        parser.error(f"unknown {', '.join(unknown)}; known: {', '.join(MODELS)}")

    parts = jets.events_of(arguments.samples, "train")
    each = -(-arguments.events // len(parts))
    samples = jets.joined([jets.first(part, each) for part in parts])
    some = jets.joined([jets.first(part, each // 3) for part in parts])
    held_out = [
        stored.take(part, np.arange(part.events - CHOSEN_ON, part.events)) for part in parts
    ]
    if min(part.events for part in parts) < each + CHOSEN_ON:
        parser.error(f"{arguments.samples}: too few events to train on {each} of each process")
    fresh = jets.events_of(arguments.samples, "validation")

    print(f"{machine()}; {arguments.events} events seen, {len(parts)} processes")
    print(jets.header() + "   rate  parameters  kFLOP/element")
    table: dict[str, Any] = {}
    for name in names:
        config = MODELS[name]
        parameters, flops = cost(config, samples)
        rate = tuned(config, some, held_out)
        runs = []
        for seed in map(int, arguments.seeds.split(",")):
            model = jets.trained(config, settings_of(config, rate), samples, seed)
            runs.append({"seed": seed, "cpu_s": model.cpu_s, **jets.judged(model, fresh)})
        table[name] = {
            "parameters": parameters, "flop_per_element": flops, "learning_rate": rate,
            "steps": model.steps, "runs": runs,
        }  # fmt: skip
        print(f"{jets.line(name, runs)}  {rate:g}  {parameters:,}  {flops / 1e3:.0f}", flush=True)
        found = {"models": table, "differences": differences(table)}
        if arguments.json:
            about = {"machine": machine(), "events": arguments.events}
            arguments.json.write_text(json.dumps(about | found, indent=1))
    for what, groups in differences(table).items():
        cells = "".join(f"{mean:+9.3f} +- {error:.3f}" for mean, error in groups.values())
        print(f"{what:40}{cells}")


if __name__ == "__main__":
    main()
