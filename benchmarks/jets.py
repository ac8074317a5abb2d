"""What benchmarks of models share: events by process, a training of them, and its jets.

Figures are widths of the response of jets (R = 0.4, R = 0.7) and of missing pt over those of the
rule-based reconstruction: 1 is as good as the rules.
"""

import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from datasets import samples as stored
from datasets.batches import Plan, Sampler, make_packed_plan, make_plan, rows_of, sequential
from datasets.events import Samples
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.reconstruct import reconstructor
from mlpf_jax.model.statistics import measure
from mlpf_jax.physics.evaluation import figures, measure_responses, reconstructions
from mlpf_jax.training import train

GROUPS = {"jets": "R=0.4", "wide_jets": "R=0.7", "met": "missing pt"}
BATCH = 8  # rows of a batch


class Trained(NamedTuple):
    config: ModelConfig
    variables: PyTree
    steps: int
    cpu_s: float


def events_of(folder: Path, split: str, each: int = 0) -> list[Samples]:
    """A split of every process in the data/cache of a run, in one order; the first `each` of it,
    or all. Ends the program where there are none, or too few."""
    places = sorted(p for p in folder.iterdir() if (p / split).is_dir()) if folder.is_dir() else []
    if not places:
        raise SystemExit(f"{folder} has no PROCESS/{split}: give the data/cache of a run")
    parts = [stored.load(place / split) for place in places]
    if (fewest := min(part.events for part in parts)) < each:
        raise SystemExit(f"{folder}: a process has {fewest} events, {each} are asked of each")
    return [first(part, each) if each else part for part in parts]


def first(samples: Samples, events: int) -> Samples:
    return stored.take(samples, np.arange(min(events, samples.events)))


def joined(parts: Sequence[Samples]) -> Samples:
    return parts[0] if len(parts) == 1 else stored.join(parts)


def plan_of(config: ModelConfig, samples: Samples) -> Plan:
    """Several events in a row; of hits, of which an event has thousands, one at a time."""
    counts = np.diff(samples.offsets)
    if config.elements == "clusters":
        return make_packed_plan(counts, BATCH, config.bin_size)
    return make_plan(counts, 1, 1, config.bin_size)


def trained(
    config: ModelConfig,
    settings: dict[str, Any],
    samples: Samples,
    seed: int,
    epochs: int = 1,
    start: PyTree | None = None,
) -> Trained:
    """A model after `epochs` passes; the schedule ends with them. `start`: a model's variables."""
    sampler = Sampler(samples, plan_of(config, samples), seed)
    steps = sampler.steps_per_epoch * epochs
    state = train.create_state(
        jax.random.key(seed), config, TrainConfig(**settings, total_steps=steps),
        measure(np.asarray(samples.X)), variables=start,
    )  # fmt: skip
    began = time.process_time()
    for epoch in train.fit(state, sampler, sampler.steps_per_epoch, [], range(epochs)):
        state = epoch.state
    jax.block_until_ready(state)
    return Trained(config, state.variables, steps, time.process_time() - began)


def judged(model: Trained, parts: Sequence[Samples]) -> dict[str, float]:
    """Widths over the baseline's, each the mean of the processes."""
    reconstruct = reconstructor(model.config, model.variables)
    found = []
    for samples in parts:
        rows = np.zeros_like(samples.ytarget)
        for batch in sequential(samples, plan_of(model.config, samples)):
            rows[rows_of(batch, samples.offsets)] = reconstruct(batch)[batch.mask]
        responses = measure_responses(samples, reconstructions(samples, rows))
        found.append(figures(samples, rows, responses))
    return {
        group: statistics.mean(
            of[group]["mlpf"]["width"] / of[group]["baseline"]["width"] for of in found
        )
        for group in GROUPS
    }


def line(name: str, runs: Sequence[dict[str, float]]) -> str:
    """Mean of the seeds, and half of what they differ."""
    cells = []
    for group in GROUPS:
        values = [run[group] for run in runs]
        half = (max(values) - min(values)) / 2
        cells.append(f"{statistics.mean(values):7.3f} +- {half:.3f}")
    return f"{name:28}" + "".join(cells) + f"{statistics.mean(r['cpu_s'] for r in runs):8.0f}"


def header() -> str:
    return f"{'':28}" + "".join(f"{title:>16}" for title in GROUPS.values()) + "   CPU s"
