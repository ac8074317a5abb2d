"""The loss: sums over elements and the counts they are to be divided by.

Every term is a pair (sum, count). Sums and counts add over batches and devices, means do not:
dividing last makes the loss independent of how the data is cut into shards.
"""

from typing import NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.model import Prediction


class Weights(NamedTuple):
    """Traced values of the loss."""

    classification: Float[Array, ""]
    charge: Float[Array, ""]
    momentum: Float[Array, ""]
    energy: Float[Array, ""]
    angle: Float[Array, ""]
    focal_gamma: Float[Array, ""]
    energy_power: Float[Array, ""]


class Term(NamedTuple):
    """A weighted sum and the sum of its weights."""

    total: Float[Array, ""]
    count: Float[Array, ""]

    def mean(self) -> Float[Array, ""]:
        return self.total / jnp.maximum(self.count, 1e-6)


def terms(prediction: Prediction, batch: Batch, weights: Weights) -> dict[str, Term]:
    """Class over all elements; the rest over true particles.

    Momentum and energy are Huber losses of log ratios, angles squared errors; in both a particle
    of energy E counts E**energy_power, because jets are made of energy and not of particles.
    """
    true = {name: batch.ytarget[..., schema.target(name)] for name in schema.TARGET_FEATURES}
    kind = jnp.where(batch.mask, true["PDG"], 0).astype(jnp.int32)
    particle = batch.mask & (kind > 0) & (true["pt"] > 0) & (true["energy"] > 0)
    one = particle.astype(prediction.eta.dtype)
    # Inputs are made harmless before the logarithm: a masked NaN still has a NaN gradient.
    energy = jnp.where(particle, true["energy"], 1.0)
    importance = one * energy**weights.energy_power
    log_pt = _log_ratio(true["pt"], batch.X[..., schema.SHARED["pt"]], particle)
    log_energy = _log_ratio(true["energy"], batch.X[..., schema.SHARED["energy"]], particle)
    angle = sum(
        jnp.where(particle, getattr(prediction, name) - true[name], 0.0) ** 2
        for name in ("eta", "sin_phi", "cos_phi")
    )
    charge = jnp.where(particle, true["charge"], 0).astype(jnp.int32) + 1
    return {
        "class": _term(
            focal(prediction.class_logits, kind, weights.focal_gamma), batch.mask.astype(one.dtype)
        ),
        "charge": _term(cross_entropy(prediction.charge_logits, charge), one),
        "momentum": _term(huber(prediction.log_pt, log_pt), importance),
        "energy": _term(huber(prediction.log_energy, log_energy), importance),
        "angle": _term(angle, importance),
    }


def total(terms: dict[str, Term], weights: Weights) -> Float[Array, ""]:
    """The weighted sum of the terms' means."""
    return (
        weights.classification * terms["class"].mean()
        + weights.charge * terms["charge"].mean()
        + weights.momentum * terms["momentum"].mean()
        + weights.energy * terms["energy"].mean()
        + weights.angle * terms["angle"].mean()
    )


def cross_entropy(
    logits: Float[Array, "*rows classes"], label: Float[Array, "*rows"]
) -> Float[Array, "*rows"]:
    return optax.softmax_cross_entropy_with_integer_labels(logits, label)


def focal(logits, label, gamma) -> Float[Array, "*rows"]:
    """-(1 - p)^gamma log(p) of the true class (Lin et al. 2017, arXiv:1708.02002)."""
    nll = cross_entropy(logits, label)
    # 1 - p is at least 1e-6: the gradient of 0**gamma is not finite for gamma below 1.
    return jnp.maximum(-jnp.expm1(-nll), 1e-6) ** gamma * nll


def huber(prediction, target, delta: float = 0.5) -> Float[Array, "*rows"]:
    return optax.huber_loss(prediction, target, delta=delta)


def _log_ratio(target, reference, particle):
    usable = particle & (reference > 0)
    return jnp.log(jnp.where(usable, target, 1.0)) - jnp.log(jnp.where(usable, reference, 1.0))


def _term(value, weight) -> Term:
    return Term((weight * value).sum(), weight.sum())
