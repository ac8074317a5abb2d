"""AdamW with clipping under a schedule, every number of it a traced value.

optax builds its schedules from Python numbers, each of which would be a compilation. Here they
are a pytree, so one compiled step serves every learning rate, decay and horizon.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, PyTree

from mlpf_jax.layers.linear import MATRIX
from mlpf_jax.model.config import SCHEDULES, TrainConfig
from mlpf_jax.training.losses import Weights


class Hyper(NamedTuple):
    """`TrainConfig` as arrays."""

    learning_rate: Float[Array, ""]
    weight_decay: Float[Array, ""]
    warmup_steps: Float[Array, ""]
    total_steps: Float[Array, ""]
    schedule: Int[Array, ""]
    clip: Float[Array, ""]
    weights: Weights


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
    )


ADAM = optax.scale_by_adam(b1=0.9, b2=0.99)


def learning_rate(hyper: Hyper, step: Int[Array, ""]) -> Float[Array, ""]:
    """Linear warm-up, then constant, half a cosine, or a straight line to 0 at `total_steps`."""
    warmup = jnp.minimum(1.0, (step + 1) / jnp.maximum(hyper.warmup_steps, 1))
    length = jnp.maximum(hyper.total_steps - hyper.warmup_steps, 1)
    progress = jnp.clip((step - hyper.warmup_steps) / length, 0, 1)
    shapes = jnp.stack([jnp.ones(()), 0.5 * (1 + jnp.cos(jnp.pi * progress)), 1 - progress])
    return hyper.learning_rate * warmup * shapes[hyper.schedule]


def init(params):
    """Adam's moments, each of them one vector for all parameters."""
    return ADAM.init(ravel_pytree(params)[0])


def decaying(params: PyTree) -> PyTree:
    """True for the parameters that weight decay is for: the matrices of linear maps.

    By name, for the parameters of several layers lie along the first axis of one array: biases,
    scales, shifts and slopes have two axes there, too.
    """
    return jax.tree.map_with_path(lambda path, _: path[-1].key == MATRIX, params)


def update(params, gradient, adam, hyper: Hyper, step):
    """One step: (parameters, Adam's moments, norm of the gradient before it was clipped).

    Decoupled weight decay (Loshchilov & Hutter 2019) of what is `decaying`.
    All parameters are one vector meanwhile: a few long operations instead of hundreds of short
    ones, which compile and run faster.
    """
    values, unravel = ravel_pytree(params)
    gradient, _ = ravel_pytree(gradient)
    decays = jax.tree.map(lambda p, does: jnp.full(p.shape, float(does)), params, decaying(params))
    decays, _ = ravel_pytree(decays)
    norm = jnp.linalg.norm(gradient)
    shrink = jnp.minimum(1.0, hyper.clip / jnp.maximum(norm, 1e-12))
    direction, adam = ADAM.update(gradient * shrink, adam)
    rate = learning_rate(hyper, step)
    return unravel(values - rate * (direction + hyper.weight_decay * decays * values)), adam, norm
