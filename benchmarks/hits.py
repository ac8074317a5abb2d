"""Hits as elements: what they cost by their number, and the jets they make at equal budgets.

python -m benchmarks.hits [--sizes=2500,5000,10000,20000] [--json=figures.json]
python -m benchmarks.hits --hits=runs/hits/data/cache --clusters=runs/same/data/cache
                          [--events=250,1000] [--json=figures.json]

The first: CPU time on one core of a forward pass and of a training step of the model of
`configs/hits.py`, on one event of so many tracks and hits (simulated ttbar, joined and cut), with
the slope of its logarithm over that of the number; and the most memory that the process held.

The second, after runs of configs/hits.py with model.elements=tracks_hits and =clusters and one
seed, which have the same collisions: hits trained for PASSES passes over so many events, and the
model of clusters, with sharing and 64 wide, for as much CPU time on the same events; figures
(`benchmarks.jets`) are of the validation split.
"""

import os

# One core: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", XLA_FLAGS="--xla_cpu_multi_thread_eigen=false"
)

import argparse
import json
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import jets
from benchmarks.finetuning import SCRATCH
from benchmarks.machine import cpu_seconds, machine
from configs import hits
from datasets.events import Samples
from datasets.schema import Batch
from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
from mlpf_jax.model.statistics import measure
from mlpf_jax.training import train

PASSES = 3
REPEATED = 3
SETTINGS = hits.get_config()
HITS = from_mapping(ModelConfig, SETTINGS.model.to_dict())
CLUSTERS = ModelConfig(layers_id=2, layers_regression=2)


def events_with(elements: int) -> Samples:
    """Simulated ttbar events whose elements are at least so many in all."""
    from datasets import samples as stored
    from datasets.builders import fresh

    parts: list[Samples] = []
    with fresh.simulation(1, HITS.elements) as simulated:
        for portion in simulated(fresh.sources("ttbar", 12, 1, portion=4)):
            parts.append(portion.samples)
            if sum(len(part.X) for part in parts) >= elements:
                return stored.join(parts)
    raise SystemExit(f"12 events have fewer than {elements} elements")


def one_event(samples: Samples, elements: int) -> Batch:
    """The first so many elements as if they were of one event."""
    X, y = (np.asarray(a[:elements])[None] for a in (samples.X, samples.ytarget))
    face = np.array([samples.face], np.float32)
    return Batch(X, y, np.ones((1, elements), np.int32), np.zeros((1, 1), np.int32), None, face)


def costs(sizes: Sequence[int]) -> Iterator[dict[str, float]]:
    samples = events_with(max(sizes))
    settings = from_mapping(TrainConfig, SETTINGS.train.to_dict())
    state = train.create_state(
        jax.random.key(0), HITS, settings, measure(np.asarray(samples.X[: min(sizes)]))
    )
    for size in sizes:
        batch = one_event(samples, size)

        def forward(batch=batch):
            return jax.block_until_ready(
                train.predict_step(state, batch.X, batch.segment, 1, batch.face)
            )

        def step(batch=batch):
            return jax.block_until_ready(train.train_step(state, batch)[1])

        yield {
            "elements": size,
            "forward_s": cpu_seconds(forward, REPEATED),
            "step_s": cpu_seconds(step, REPEATED),
            "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        }


def slope(rows: Sequence[dict[str, float]], what: str) -> float:
    """Of log(time) over log(elements), least squares."""
    x, y = (np.log([row[name] for row in rows]) for name in ("elements", what))
    return float(np.polyfit(x, y, 1)[0])


def at_equal_budgets(
    of_hits: Path, of_clusters: Path, events: Sequence[int], seed: int
) -> Iterator:
    """Rows (what, number of events, figures) of both kinds of elements."""
    fresh = [jets.events_of(folder, "validation") for folder in (of_hits, of_clusters)]
    settings = SCRATCH | {"share_weight": 0.0, "ema": 0.99}
    for number in events:
        some = [jets.events_of(folder, "train", number)[0] for folder in (of_hits, of_clusters)]
        model = jets.trained(HITS, settings, some[0], seed, PASSES)
        yield "hits", number, {"cpu_s": model.cpu_s, **jets.judged(model, fresh[0])}
        tried = jets.trained(CLUSTERS, SCRATCH, some[1], seed)
        passes = max(1, round(model.cpu_s / tried.cpu_s))
        other = jets.trained(CLUSTERS, SCRATCH, some[1], seed, passes)
        found = {"cpu_s": other.cpu_s, "passes": passes, **jets.judged(other, fresh[1])}
        yield "clusters", number, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="2500,5000,10000,20000")
    parser.add_argument("--hits", type=Path, help="data/cache of a run of hits")
    parser.add_argument("--clusters", type=Path, help="the same of clusters")
    parser.add_argument("--events", default="250,1000")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    if (arguments.hits is None) != (arguments.clusters is None):
        parser.error("--hits and --clusters are given together")

    print(machine())
    found: dict[str, Any] = {"machine": machine()}
    if arguments.hits is None:
        rows = []
        for row in costs([int(size) for size in arguments.sizes.split(",")]):
            rows.append(row)
            print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
        found |= {"costs": rows, "slopes": {w: slope(rows, w) for w in ("forward_s", "step_s")}}
        print("slopes", found["slopes"])
    else:
        print(jets.header())
        found["trainings"] = []
        numbers = [int(number) for number in arguments.events.split(",")]
        for what, number, figures in at_equal_budgets(
            arguments.hits, arguments.clusters, numbers, arguments.seed
        ):
            found["trainings"].append({"elements": what, "events": number, **figures})
            print(jets.line(f"{what}, {number} events", [figures]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
