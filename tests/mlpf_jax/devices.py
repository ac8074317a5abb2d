"""A training on eight simulated devices, compared with one of a single device.

python -m tests.mlpf_jax.devices FOLDER

Prints JSON: how far gradients and parameters are from those of one device, by mesh, what the
compiled step says to other devices, and how trainings go on from a state of other devices.
"""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from datasets import schema
from datasets.samples import unlabelled
from datasets.schema import Batch, Shares
from launch.shell.reconstruct import of_model
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.statistics import measure
from mlpf_jax.training import checkpoint, parallel, train
from tests.mlpf_jax.conftest import make_batch

MODEL = ModelConfig(
    backbone="mlp", width=8, hidden=64, layers_id=1, layers_regression=1, head_width=64,
    bin_size=16, neighbour_features=False,
)  # fmt: skip
TRAIN = TrainConfig(
    learning_rate=3e-3, warmup_steps=5, total_steps=20, ema=0.9, share_weight=1, missing_weight=0.1
)  # fmt: skip
MESHES = {"2": {"data": 2}, "8": {"data": -1}, "2x2": {"data": 2, "model": 2}}
COLLECTIVE = re.compile(r"= (\S+) (all-reduce|reduce-scatter|all-to-all|collective-permute)\(")
STEPS = 20
HALF = range(STEPS // 2), range(STEPS // 2, STEPS)


def batch_of(seed: int) -> Batch:
    """Eight rows, of which one is short and three are empty: some devices have next to nothing."""
    sizes = [(12, 20), (3, 5), (10, 20), (16, 16), (9, 9), (0, 0), (0, 0), (0, 0)]
    batch, rng = make_batch(sizes, 32, seed), np.random.default_rng(seed)
    links = np.zeros((3, len(sizes), 4))
    for row, (tracks, clusters) in enumerate(sizes):
        if tracks:
            links[0, row] = rng.integers(0, tracks, 4)
            links[1, row] = tracks + rng.integers(0, clusters, 4)
            links[2, row] = rng.uniform(0, 3, 4)
    shares = Shares(*links[:2].astype(np.int32), links[2].astype("f4"))
    return batch._replace(shares=shares, face=np.tile(np.array(schema.CLIC_FACE, "f4"), (8, 1)))


BATCHES = [batch_of(seed) for seed in range(4)]


@cache
def created(mesh: Any) -> train.TrainState:
    """The state of one device, wherever it lies."""
    inputs = measure(BATCHES[0].X[BATCHES[0].mask])
    made = train.create_state(jax.random.key(0), MODEL, TRAIN, inputs, mesh=mesh)
    if mesh is None:
        return made
    state = created(None)
    assert np.allclose(flat(made.params), flat(state.params), rtol=1e-6, atol=1e-7)
    return jax.tree.map(lambda a, b: jax.device_put(a, b.sharding), state, made)


def flat(tree: PyTree) -> np.ndarray:
    return np.concatenate([np.ravel(x) for x in jax.tree.leaves(parallel.fetched(tree))])


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def gradient(mesh: Any) -> np.ndarray:
    state, batch = created(mesh), parallel.place(BATCHES[0], mesh)
    counts = parallel.settled(train.count_step(state.hyper.weights, batch, mesh), mesh)
    found, _ = train.add_gradient_step(state, batch, counts, np.int32(0), None, mesh)
    return flat(found)


@cache
def step_of(mesh: Any) -> Any:
    """The compiled step."""
    batch = parallel.place(BATCHES[0], mesh)
    return train.train_step.lower(created(mesh), batch, mesh).compile()


def trained(state: train.TrainState, mesh: Any, steps: range) -> Any:
    for step in steps:
        batch = parallel.place(BATCHES[step % len(BATCHES)], mesh)
        state, metrics = parallel.settled(step_of(mesh)(state, batch), mesh)
    return state, {name: float(value) for name, value in metrics.items()}


def stepped(mesh: Any, parameters: np.ndarray) -> dict[str, Any]:
    """The parameters after all steps beside those of one device, and what the step is made of."""
    after, _ = trained(created(mesh), mesh, range(STEPS))
    text = step_of(mesh).as_text()
    return {
        "parameters": distance(flat(after.params), parameters),
        "collectives": [(kind, size_of(shape)) for shape, kind in COLLECTIVE.findall(text)],
        "cut": sum(not x.is_fully_replicated for x in jax.tree.leaves(after)),
    }


def judged(mesh: Any) -> dict[str, float]:
    """Of five rows, which the devices do not divide: losses and particles beside one device's."""
    few = jax.tree.map(lambda x: x[:5], BATCHES[0])
    found = []
    for where in (mesh, None):
        state = created(where)
        loss = train.evaluate(state, [few], where)["loss"]
        found.append((loss, train.reconstruct_step(state, few, where)))
    (loss, rows), (expected_loss, expected) = found
    return {"loss": loss / expected_loss - 1, "particles": float(np.abs(rows - expected).max())}


def reconstructed(mesh: Any) -> float:
    """The largest difference of an element's particle from that of one device, of samples."""
    masks = [batch.X[row][batch.mask[row]] for batch in BATCHES for row in range(5)]
    offsets = np.cumsum([0, *map(len, masks)])
    samples = unlabelled(offsets, np.concatenate(masks), np.array(schema.CLIC_FACE, "f4"))
    state = created(None)
    alone, shared = (
        of_model(MODEL, state.variables, mesh=where)(samples, lambda n: None)
        for where in (None, mesh)
    )
    assert np.any(alone)
    return float(np.max(np.abs(shared - alone) / np.maximum(np.abs(alone), 1)))


def size_of(shape: str) -> int:
    """Values of an array as HLO writes it: f32[8,2]{1,0}."""
    return int(np.prod([int(n) for n in re.search(r"\[(.*?)\]", shape)[1].split(",") if n]))


def going_on(folder: Path, meshes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """From the state after half of the steps on four devices, and from that of two which a state of
    four has gone on to: the last loss by mesh, and how far the parameters are."""
    four, (first, second) = meshes["2x2"], (HALF[0], HALF[1])
    half, _ = trained(created(four), four, first)
    checkpoint.save_state(folder / "4", 1, half)
    whole, metrics = trained(half, four, second)
    found = {"unstopped": {"loss": metrics["loss"]}}
    for name in ("2x2", "8", "2", "1"):
        state = checkpoint.restore_state(folder / "4", created(meshes[name]))
        if name == "2":
            checkpoint.save_state(folder / "2", 1, state)
        found[name] = went_on(state, meshes[name], second, whole)
    state = checkpoint.restore_state(folder / "2", created(None))
    return found | {"1, from 2": went_on(state, None, second, whole)}


def went_on(state: train.TrainState, mesh: Any, steps: range, whole: Any) -> dict[str, float]:
    after, metrics = trained(state, mesh, steps)
    parameters = distance(flat(after.params), flat(whole.params))
    return {"loss": metrics["loss"], "parameters": parameters}


def fitted(mesh: Any) -> dict[str, bool]:
    """Whether `fit` leaves the states alone that it was given, and has given."""
    state = created(mesh)
    before = flat(state.params)
    first, second = train.fit(state, lambda n: BATCHES[n % 2], 2, [], range(2), mesh)
    return {
        "given": np.array_equal(flat(state.params), before),
        "yielded": not np.array_equal(flat(first.state.params), flat(second.state.params)),
    }


def main(folder: Path) -> None:
    jax.config.update("jax_num_cpu_devices", 8)
    meshes = {name: parallel.mesh_of(sizes) for name, sizes in MESHES.items()} | {"1": None}
    alone = gradient(None)
    after, _ = trained(created(None), None, range(STEPS))
    parameters = flat(after.params)
    found = {
        "parameters": len(parameters),
        "gradients": {name: distance(gradient(mesh), alone) for name, mesh in meshes.items()},
        "stepped": {name: stepped(meshes[name], parameters) for name in ("8", "2x2")},
        "judged": judged(meshes["2x2"]),
        "reconstructed": reconstructed(meshes["8"]),
        "going_on": going_on(folder, meshes),
        "fitted": fitted(meshes["8"]),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
