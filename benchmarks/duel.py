"""Backbones against each other: equal FLOPs or equal time, same data, losses, schedule and seeds.

python -m benchmarks.duel --samples=runs/demo/data/cache/ttbar [--seconds=120 | --epochs=8]
                          [--seeds=1,2] [--models=mlp,tiles,...] [--json=figures.json]

Sizes are matched: a forward pass of every model costs as many floating-point operations, within
some percent, as XLA counts them. With --seconds each trains for so much CPU time on one core, its
compilation left out, and its schedule is as long as its own steps allow. With --epochs all take
the same steps. Figures are those of the evaluation protocol, of the test events: the width of the
response of jets (R = 0.4, pt > 5 GeV; R = 0.7, pt > 15 GeV) and of missing pt, over those of the
rule-based reconstruction.
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
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from benchmarks.machine import machine
from datasets import samples as stored
from datasets.batches import Plan, Sampler, make_plan, rows_of, sequential
from datasets.events import Samples
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.heads import particles
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.model.statistics import measure
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions
from mlpf_jax.training import train

BATCH, LENGTHS = 8, 3
TRAIN = TrainConfig(learning_rate=5e-3, weight_decay=5e-2, clip=3.0)
# What is published knows no geometry; what is ours does. `plus` are the same with our inputs.
PLAIN = ModelConfig(neighbour_features=False, face_kernel=False, binning="learned")
PLUS = replace(PLAIN, neighbour_features=True)
MODELS = {
    "mlp": replace(PLAIN, backbone="mlp", hidden=368),
    "mlp plus": replace(PLUS, backbone="mlp", hidden=336),
    "gnn_lsh": replace(PLAIN, distance_hidden=64, distance_width=48),
    "gnn_lsh plus": replace(PLUS, distance_hidden=48, distance_width=32),
    "favor": replace(PLAIN, backbone="favor", heads=4, random_features=32, hidden=144),
    "favor plus": replace(PLUS, backbone="favor", heads=4, random_features=32, hidden=128),
    "attention plus": replace(PLUS, backbone="attention", binning="none", heads=4, hidden=64),
    "face": ModelConfig(distance_hidden=48, distance_width=32),
    "tiles": ModelConfig(binning="tiles", heads=4, distance_width=4),
    "attention tiles": ModelConfig(backbone="attention", binning="tiles", heads=4, hidden=112),
}


def plan_of(parts: dict[str, Samples]) -> Plan:
    counts = np.concatenate([np.diff(samples.offsets) for samples in parts.values()])
    return make_plan(counts, BATCH, LENGTHS)


def operations(config: ModelConfig, batch) -> float:
    """Floating-point operations of a forward pass, by element, as XLA counts them."""
    module = MLPF(config, batch.segments)
    variables = jax.eval_shape(module.init, jax.random.key(0), batch.X, batch.segment)
    forward = jax.jit(module.apply).lower(variables, batch.X, batch.segment).compile()
    return forward.cost_analysis()["flops"] / batch.segment.size


def warmed_up(config: ModelConfig, sampler: Sampler, inputs, seed: int, steps: int):
    """A state for `steps` steps, and the CPU time of a step, all shapes compiled before."""
    settings = replace(TRAIN, total_steps=steps)
    state = train.create_state(jax.random.key(seed), config, settings, inputs)
    for batch in {b.X.shape: b for b in map(sampler, range(sampler.steps_per_epoch))}.values():
        jax.block_until_ready(train.train_step(state, batch))
    number = min(40, sampler.steps_per_epoch)
    start = time.process_time()
    for step in range(number):
        jax.block_until_ready(train.train_step(state, sampler(step)))
    return state, (time.process_time() - start) / number


def trained(config: ModelConfig, sampler: Sampler, inputs, seed: int, epochs: int, seconds: float):
    """A trained state, its number of steps, and the CPU time they took."""
    steps = epochs * sampler.steps_per_epoch
    state, of_a_step = warmed_up(config, sampler, inputs, seed, max(steps, 1))
    if seconds:
        steps = max(1, round(seconds / of_a_step))
        state, _ = warmed_up(config, sampler, inputs, seed, steps)
    start = time.process_time()
    for step in range(steps):
        state, metrics = train.train_step(state, sampler(step))
    jax.block_until_ready(metrics)
    return state, steps, time.process_time() - start


def reconstructed(state, samples: Samples, plan: Plan) -> np.ndarray:
    rows = np.zeros_like(samples.ytarget)
    for batch in sequential(samples, plan):
        found = particles(
            train.predict_step(state, batch.X, batch.segment, batch.segments, batch.face),
            batch.X,
            batch.mask,
        )
        rows[rows_of(batch, samples.offsets)] = np.asarray(found)[batch.mask]
    return rows


def widths(state, samples: Samples, plan: Plan) -> dict[str, float]:
    """Widths of the responses over the baseline's."""
    rows = reconstructed(state, samples, plan)
    found = figures(samples, rows, measure_responses(samples, reconstructions(samples, rows)))
    return {
        name: found[name]["mlpf"]["width"] / found[name]["baseline"]["width"]
        for name in ("jets", "wide_jets", "met")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, required=True, help="train, validation and test")
    parser.add_argument("--seconds", type=float, default=0, help="CPU time of each training")
    parser.add_argument("--epochs", type=int, default=8, help="without --seconds")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--split", default="test", help="validation, while models are chosen")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()

    parts = {s: stored.load(arguments.samples / s) for s in ("train", "validation", "test")}
    plan = plan_of(parts)
    inputs = measure(np.asarray(parts["train"].X))
    example = Sampler(parts["train"], plan, 0)(0)
    budget = f"{arguments.seconds:g} s" if arguments.seconds else f"{arguments.epochs} epochs"
    print(f"{machine()}; {parts['train'].events} events, {budget} each, {arguments.split} events")
    print(f"{'':16} parameters  kFLOP/element  ms/step  steps   jets  wide jets  missing pt")
    table = []
    for name in arguments.models.split(","):
        runs = []
        for seed in map(int, arguments.seeds.split(",")):
            sampler = Sampler(parts["train"], plan, seed)
            state, steps, seconds = trained(
                MODELS[name], sampler, inputs, seed, arguments.epochs, arguments.seconds
            )
            runs.append(widths(state, parts[arguments.split], plan) | {"seed": seed})
        row = {
            "model": name,
            "parameters": sum(leaf.size for leaf in jax.tree.leaves(state.params)),
            "flop_per_element": operations(MODELS[name], example),
            "steps": steps,
            "cpu_seconds": seconds,
            "runs": runs,
        }
        table.append(row)
        mean = [statistics.mean(r[k] for r in runs) for k in ("jets", "wide_jets", "met")]
        print(
            f"{name:16} {row['parameters']:10,}  {row['flop_per_element'] / 1e3:13.1f}  "
            f"{1e3 * seconds / steps:7.1f}  {steps:5}  "
            + f"{mean[0]:5.3f}  {mean[1]:9.3f}  {mean[2]:10.3f}",
            flush=True,
        )
        if arguments.json:
            arguments.json.write_text(json.dumps({"machine": machine(), "models": table}, indent=1))


if __name__ == "__main__":
    main()
