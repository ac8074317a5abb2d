"""Small synthetic events for the tests of models: random, but physical in shape. Models of any
values, and programs that are compiled quickly.

Nearly all the time of these tests is compiling. A law does not need good values, so none are
initialised, and programs that run a few times are not optimised.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.model import initial, statistics
from mlpf_jax.model.config import ModelConfig, TrainConfig
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training import averaging, optimisation, train


def make_event(rng, tracks: int, clusters: int):
    """X and ytarget of one event: kinematics that agree with each other, random labels."""
    n = tracks + clusters
    phi, eta, pt = rng.uniform(-np.pi, np.pi, n), rng.normal(0, 1, n), rng.exponential(3, n) + 0.2
    X = np.zeros((n, schema.ELEMENT_WIDTH), np.float32)
    X[:, 1:6] = np.stack([pt, eta, np.sin(phi), np.cos(phi), pt * np.cosh(eta)], -1)
    X[:tracks, 0], X[tracks:, 0] = schema.TRACK, schema.CLUSTER
    X[:tracks, schema.track("tanLambda")] = np.sinh(eta[:tracks])
    sign = rng.choice([-1, 1], tracks)
    X[:tracks, schema.track("omega")] = sign * 3e-4 * 4 / pt[:tracks]
    radius = np.minimum(1500, 2310 / np.maximum(np.abs(np.sinh(eta)), 1e-3))
    position = radius[:, None] * np.stack([np.cos(phi), np.sin(phi), np.sinh(eta)], -1)
    X[tracks:, 6:9] = position[tracks:]
    X[tracks:, schema.cluster("energy_ecal")] = X[tracks:, 5] * rng.uniform(0, 1, clusters)
    X[tracks:, schema.cluster("num_hits")] = rng.integers(1, 50, clusters)

    kind = rng.integers(0, len(schema.CLASSES), n)
    true_pt = pt * rng.uniform(0.7, 1.3, n)
    y = {
        "PDG": kind,
        "charge": np.where(np.isin(kind, (1, 4, 5)), rng.choice([-1, 1], n), 0),
        "pt": true_pt,
        "eta": eta,
        "sin_phi": np.sin(phi),
        "cos_phi": np.cos(phi),
        "energy": 1.01 * true_pt * np.cosh(eta),
    }
    zero = np.zeros(n)
    rows = np.stack([y.get(name, zero) for name in schema.TARGET_FEATURES], -1)
    return X, np.where(kind[:, None] > 0, rows, 0).astype(np.float32)


def make_batch(sizes, elements: int, seed: int = 0) -> Batch:
    """One event per (tracks, clusters), padded to `elements`."""
    rng = np.random.default_rng(seed)
    X = np.zeros((len(sizes), elements, schema.ELEMENT_WIDTH), np.float32)
    y = np.zeros((len(sizes), elements, schema.TARGET_WIDTH), np.float32)
    segment = np.zeros((len(sizes), elements), np.int32)
    for row, (tracks, clusters) in enumerate(sizes):
        n = tracks + clusters
        X[row, :n], y[row, :n] = make_event(rng, tracks, clusters)
        segment[row, :n] = 1
    return Batch(X, y, segment, np.arange(len(sizes))[:, None])


@pytest.fixture(scope="session")
def batch_of():
    return make_batch


def make_state(
    config: ModelConfig, batch: Batch, training: TrainConfig | None = None, seed: int = 0
) -> train.TrainState:
    """A state whose parameters and codebooks are any numbers of order one."""
    training = training or TrainConfig()
    key = jax.eval_shape(lambda: jax.random.key(0))
    shapes = jax.eval_shape(MLPF(config).init, key, batch.X, batch.mask)
    rng = np.random.default_rng(seed)
    drawn = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype("f4"), dict(shapes))
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf / 4), drawn.pop("params"))
    measured = statistics.measure(batch.X[batch.mask])
    constants = jax.tree.map(jnp.asarray, drawn | {"statistics": {"inputs": measured._asdict()}})
    average = quickly(averaging.start)(params)
    return train.TrainState(
        config, params, constants, quickly(optimisation.init)(params), optimisation.hyper(training),
        jnp.zeros((), jnp.int32), jax.random.key_data(jax.random.key(seed)), average,
    )  # fmt: skip


def quickly(function, **options):
    """`function`, or what it is jitted from, as a program that is compiled quickly."""
    inner = function.__wrapped__ if hasattr(function, "lower") else function
    return jax.jit(inner, compiler_options=initial.UNOPTIMISED, **options)


@pytest.fixture(scope="session")
def state_of():
    return make_state


@pytest.fixture(scope="session")
def quick():
    return quickly


MODEL = ModelConfig(width=16, layers_id=1, layers_regression=1, bin_size=16, max_bins=8)


@pytest.fixture(scope="module")
def variables():
    """Those of MODEL as it is initialised, to be saved and opened."""
    batch = make_batch([(10, 20)], 32)
    measured = statistics.measure(batch.X[batch.mask])
    return train.create_state(jax.random.key(0), MODEL, TrainConfig(), measured).variables
