"""A process of `benchmarks.models` that times this project's models; one core, CPU time. With
`--device=gpu` on the accelerator, wall time.

It reads requests from standard input and answers each with one line of JSON (`peer` is its
counterpart for torch, `protocol` the shared part). Timed are the two stacks alone, on given
representations: embedding and heads are not part of the peer. A step is forward, backward and an
update of every parameter by its gradient (SGD).
"""

import os

from benchmarks.models.protocol import (
    LEARNING_RATE,
    Size,
    on_gpu,
    peak_memory,
    representations,
    serve,
)

# Set before jax is imported. The accelerator's memory is shared with the peer's process.
os.environ.update(
    {"JAX_PLATFORMS": "cuda", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    if on_gpu()
    else {
        "JAX_PLATFORMS": "cpu",
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    }
)

import sys
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from mlpf_jax.model.backbones import GraphLayer, Scene
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.mlpf import Stack


def config_of(
    model: str, size: Size, remat: bool = False, precision: str = "float32"
) -> ModelConfig:
    """GNN-LSH as published, or attention or FAVOR of the same width and depth."""
    form = "published" if model == "gnn_lsh" else "improved"
    return ModelConfig(
        backbone=model, form=form, width=size.width,
        layers_id=size.layers, layers_regression=size.layers,
        binning="none" if model == "attention" else "learned", bin_size=size.bin_size,
        max_bins=size.max_bins, heads=1 if model == "gnn_lsh" else 8, messages=size.messages,
        distance_width=size.distance, distance_hidden=size.distance_hidden,
        distance_layers=size.distance_layers, hidden=2 * size.width, random_features=64,
        neighbour_features=False, face_kernel=False, remat=remat, precision=precision,
    )  # fmt: skip


def scene(elements: int, batch: int = 1) -> Scene:
    """Events that fill their rows. Made by numpy: each array of jax's would be a program."""
    return Scene(
        direction=jnp.asarray(np.zeros((batch, elements, 3), np.float32)),
        segment=jnp.asarray(np.ones((batch, elements), np.int32)),
        counts=jnp.asarray(np.full((batch, 1), elements, np.int32)),
        layout=None,
    )


def stacks(config: ModelConfig, params, x, where: Scene):
    """Both stacks on the same representations; variables of each are `params[i]`."""
    both = []
    for variables, layers in zip(params, (config.layers_id, config.layers_regression), strict=True):
        both.append(Stack(config, layers).apply(variables, x, where, False))
    return both


@partial(jax.jit, static_argnums=0)
def initial(config: ModelConfig, x, where: Scene):
    keys = jax.random.split(jax.random.key(0))
    return [
        dict(Stack(config, layers).init(key, x, where, False))
        for key, layers in zip(keys, (config.layers_id, config.layers_regression), strict=True)
    ]


def prepared(
    kind: str, model: str, elements: int, size: Size, remat: bool = False, batch: int = 1,
    precision: str = "float32",
) -> Callable[[], object]:  # fmt: skip
    """A call of the compiled forward pass, or of a training step that keeps its parameters."""
    config, where = config_of(model, size, remat, precision), scene(elements, batch)
    x = jnp.asarray(representations(np, elements, size.width, batch))
    variables = initial(config, x, where)
    if kind == "forward":
        forward = jax.jit(partial(stacks, config))
        return lambda: jax.block_until_ready(forward(variables, x, where))
    constants = [{k: v for k, v in one.items() if k != "params"} for one in variables]

    def loss(params, x, where):
        both = stacks(config, [{"params": p, **c} for p, c in zip(params, constants, strict=True)],
                      x, where)  # fmt: skip
        return sum((out**2).mean() for out in both)

    @partial(jax.jit, donate_argnums=0)
    def step(params, x, where):  # inputs that were constants would be computed with beforehand
        value, gradient = jax.value_and_grad(loss)(params, x, where)
        return jax.tree.map(lambda p, g: p - LEARNING_RATE * g, params, gradient), value

    state = [[one["params"] for one in variables]]

    def call():
        state[0], value = step(state[0], x, where)
        return jax.block_until_ready((state[0], value))

    return call


def gemm_rate(side: int) -> float:
    """GFLOP/s of a square float32 product: the best of several, as the core's limit."""
    a = jax.random.normal(jax.random.key(0), (side, side))
    product = jax.jit(jnp.matmul)
    product(a, a).block_until_ready()
    times = []
    for _ in range(7):
        start = time.process_time()
        product(a, a).block_until_ready()
        times.append(time.process_time() - start)
    return 2 * side**3 / min(times) / 1e9


def parity(weights: str, size: Size) -> float:
    """Largest difference to the peer's layer, with its weights, relative to its largest output.

    The peer's sort is not stable: of elements in one bucket, any may come first. Elements are put
    here in the order that they came to have there; ours is stable and keeps it.
    """
    peer = np.load(weights)
    config = config_of("gnn_lsh", size)
    params = {
        "LayerNorm_0": {"scale": peer["norm_weight"], "shift": peer["norm_bias"]},
        "FeedForward_0": {
            f"Linear_{i}": {
                "weight": peer[f"distance_weight_{i}"].T, "bias": peer[f"distance_bias_{i}"]
            }
            for i in range(config.distance_layers + 1)
        },
    }  # fmt: skip
    for k in range(config.messages):
        maps = [peer[f"{name}_{k}"] for name in ("theta", "W_h", "W_t")]
        params[f"message_{k}"] = {"weight": np.concatenate(maps, 1), "bias": peer[f"b_t_{k}"]}
    x = jnp.asarray(peer["x"][:, peer["order"]])
    variables = {"params": params, "codebook": {"directions": peer["codebook"]}}
    got = jax.jit(GraphLayer(config).apply)(variables, x, scene(x.shape[1]), 0)
    expected = peer["out"][:, peer["order"]]
    return float(np.abs(np.asarray(got) - expected).max() / np.abs(expected).max())


def parameters(model: str, elements: int, size: Size) -> int:
    """Trained numbers in both stacks."""
    config = config_of(model, size)
    x = jnp.zeros((1, elements, size.width))
    shapes = jax.eval_shape(partial(initial, config), x, scene(elements))
    return sum(leaf.size for one in shapes for leaf in jax.tree.leaves(one["params"]))


def device() -> dict[str, str]:
    """What the models run on. Raises `RuntimeError` where the accelerator is not there."""
    return {"card": jax.devices()[0].device_kind, "version": f"jax {jax.__version__}"}


def first_step(cache: str, elements: int, size: Size) -> dict[str, float]:
    """CPU seconds of this process: to the end of its imports, and to the end of its first step.

    Programs come from the cache folder where an earlier process has left them.
    """
    imported = time.process_time()
    jax.config.update("jax_compilation_cache_dir", cache)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    prepared("step", "gnn_lsh", elements, size)()
    return {"imports": imported, "first step": time.process_time()}


if __name__ == "__main__":
    serve(
        sys.stdin,
        sys.stdout,
        prepared,
        {
            "device": device, "gemm": gemm_rate, "parity": parity, "parameters": parameters,
            "first step": first_step, "peak memory": peak_memory,
        },
    )  # fmt: skip
