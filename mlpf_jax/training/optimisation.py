"""Optimisers with clipping under a schedule, every number of it a traced value.

optax builds its schedules from Python numbers, each of which would be a compilation. Here they
are a pytree, so one compiled step serves every learning rate, decay and horizon.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree

from mlpf_jax.layers.linear import MATRIX
from mlpf_jax.model.config import SCHEDULES, TrainConfig
from mlpf_jax.training import optimisers
from mlpf_jax.training.freezing import keep_frozen, where_frozen
from mlpf_jax.training.losses import Weights


class Rules(NamedTuple):
    """What of an optimisation is no number, and costs a compilation."""

    optimiser: str = "adamw"
    frozen: tuple[str, ...] = ()  # parts that are not trained (`freezing`)


PLAIN = Rules()


class Hyper(NamedTuple):
    """`TrainConfig` as arrays."""

    learning_rate: Float[Array, ""]
    weight_decay: Float[Array, ""]
    warmup_steps: Float[Array, ""]
    total_steps: Float[Array, ""]
    schedule: Int[Array, ""]
    clip: Float[Array, ""]
    weights: Weights
    ema: Float[Array, ""]


def hyper(config: TrainConfig) -> Hyper:
    """The numbers of a configuration, ready to be traced."""

    def value(x: float) -> Float[Array, ""]:
        return jnp.asarray(x, jnp.float32)

    return Hyper(
        learning_rate=value(config.learning_rate),
        weight_decay=value(config.weight_decay),
        warmup_steps=value(config.warmup_steps),
        total_steps=value(config.total_steps),
        schedule=jnp.asarray(SCHEDULES.index(config.schedule), jnp.int32),
        clip=value(config.clip),
        weights=Weights(
            classification=value(config.class_weight),
            charge=value(config.charge_weight),
            momentum=value(config.momentum_weight),
            energy=value(config.energy_weight),
            angle=value(config.angle_weight),
            region=value(config.region_weight),
            missing=value(config.missing_weight),
            share=value(config.share_weight),
            focal_gamma=value(config.focal_gamma),
            energy_power=value(config.energy_power),
        ),
        ema=value(config.ema),
    )


def learning_rate(hyper: Hyper, step: Int[Array, ""]) -> Float[Array, ""]:
    """Linear warm-up, then constant, half a cosine, or a straight line to 0 at `total_steps`."""
    warmup = jnp.minimum(1.0, (step + 1) / jnp.maximum(hyper.warmup_steps, 1))
    length = jnp.maximum(hyper.total_steps - hyper.warmup_steps, 1)
    progress = jnp.clip((step - hyper.warmup_steps) / length, 0, 1)
    shapes = jnp.stack([jnp.ones(()), 0.5 * (1 + jnp.cos(jnp.pi * progress)), 1 - progress])
    return hyper.learning_rate * warmup * shapes[hyper.schedule]


def init(params: PyTree, rules: Rules = PLAIN) -> PyTree:
    """The optimiser's state before the first step; of AdamW one vector of each moment."""
    return optimisers.init(rules.optimiser, params)


def decaying(params: PyTree) -> PyTree:
    """True for the parameters that weight decay is for: the matrices of linear maps.

    By name, for the parameters of several layers lie along the first axis of one array: biases,
    scales, shifts and slopes have two axes there, too.
    """
    return jax.tree.map_with_path(lambda path, _: path[-1].key == MATRIX, params)


class Updated(NamedTuple):
    """What an update leaves; `norm` is of the gradient before it was clipped."""

    params: PyTree
    state: PyTree
    norm: Float[Array, ""]
    # Where the optimiser is to be evaluated, as one vector: its parameters, or an average of them.
    evaluated: Float[Array, " parameters"]


def update(
    params: PyTree, gradient: PyTree, state: PyTree, hyper: Hyper, step, rules: Rules = PLAIN
) -> Updated:
    """One step of the optimiser, with decoupled weight decay (Loshchilov & Hutter 2019) of what is
    `decaying` and not frozen. Frozen parameters stay as they are, bit for bit."""
    frozen = rules.frozen
    gradient = where_frozen(frozen, jax.tree.map(jnp.zeros_like, gradient), gradient)
    decays = where_frozen(frozen, jax.tree.map(lambda _: False, params), decaying(params))
    decays = jax.tree.map(lambda p, does: jnp.full(p.shape, float(does)), params, decays)
    norm = jnp.linalg.norm(ravel_pytree(gradient)[0])
    shrink = jnp.minimum(1.0, hyper.clip / jnp.maximum(norm, 1e-12))
    scales = optimisers.Scales(learning_rate(hyper, step), hyper.weight_decay, shrink)
    moved = optimisers.move(rules.optimiser, params, gradient, state, scales, decays)
    evaluated = keep_frozen(frozen, params, ravel_pytree(params)[0], moved.evaluated)
    return Updated(where_frozen(frozen, params, moved.params), moved.state, norm, evaluated)
