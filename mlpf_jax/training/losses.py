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
from mlpf_jax.model.heads import Prediction
from mlpf_jax.training import share_loss
from mlpf_jax.training.event_loss import event_share, missing
from mlpf_jax.training.region import is_particle, region


class Weights(NamedTuple):
    """Traced values of the loss."""

    classification: Float[Array, ""]
    charge: Float[Array, ""]
    momentum: Float[Array, ""]
    energy: Float[Array, ""]
    angle: Float[Array, ""]
    region: Float[Array, ""]
    missing: Float[Array, ""]
    share: Float[Array, ""]
    focal_gamma: Float[Array, ""]
    energy_power: Float[Array, ""]


class Term(NamedTuple):
    """A weighted sum and the sum of its weights."""

    total: Float[Array, ""]
    count: Float[Array, ""]

    def mean(self) -> Float[Array, ""]:
        return self.total / jnp.maximum(self.count, 1e-6)


def importance(batch: Batch, weights: Weights) -> dict[str, Float[Array, "batch elements"]]:
    """What each element counts in each term; all but class, region and missing are of particles,
    and shares are of tracks whose particle is known.

    In momentum, energy and angles a particle of energy E counts E**energy_power: jets are made of
    energy, not of particles.
    """
    particle = is_particle(batch)
    one = particle.astype(batch.X.dtype)
    # Made harmless before the power: a masked NaN still has a NaN gradient.
    energy = jnp.where(particle, batch.ytarget[..., schema.target("energy")], 1.0)
    by_energy = one * energy**weights.energy_power
    return {
        "class": batch.mask.astype(batch.X.dtype),
        "charge": one,
        "momentum": by_energy,
        "energy": by_energy,
        "angle": by_energy,
        "region": batch.mask.astype(batch.X.dtype),
        "missing": event_share(batch.segment),
        "share": share_loss.importance(batch, weights.energy_power),
    }


def counts(batch: Batch, weights: Weights) -> dict[str, Float[Array, ""]]:
    """What the terms of a batch are divided by, known before any prediction."""
    return {name: value.sum() for name, value in importance(batch, weights).items()}


def terms(prediction: Prediction, batch: Batch, weights: Weights) -> dict[str, Term]:
    """Focal loss of the class, cross-entropy of the charge, losses of log(pt) and log(energy) over
    the input's (Huber, or Gaussian where a spread is predicted), squared errors of the angles, and
    the energy around every element, the missing momentum of every event and, where datasets know
    them, the shares of tracks in clusters."""
    true = {name: batch.ytarget[..., schema.target(name)] for name in schema.TARGET_FEATURES}
    particle = is_particle(batch)
    kind = jnp.where(particle, true["PDG"], 0).astype(jnp.int32)
    charge = jnp.where(particle, true["charge"], 0).astype(jnp.int32) + 1
    log_pt = _log_ratio(true["pt"], batch.X[..., schema.SHARED["pt"]], particle)
    log_energy = _log_ratio(true["energy"], batch.X[..., schema.SHARED["energy"]], particle)
    values = {
        "class": focal(prediction.class_logits, kind, weights.focal_gamma),
        "charge": cross_entropy(prediction.charge_logits, charge),
        "momentum": _regression(prediction.log_pt, prediction.log_pt_spread, log_pt),
        "energy": _regression(prediction.log_energy, prediction.log_energy_spread, log_energy),
        "angle": sum(
            jnp.where(particle, getattr(prediction, name) - true[name], 0.0) ** 2
            for name in ("eta", "sin_phi", "cos_phi")
        ),
        "region": region(prediction, batch),
        "missing": missing(prediction, batch, batch.segment),
        "share": share_loss.share(prediction, batch),
    }
    return {
        name: Term((weight * values[name]).sum(), weight.sum())
        for name, weight in importance(batch, weights).items()
    }


def total(terms: dict[str, Term], weights: Weights) -> Float[Array, ""]:
    """The weighted sum of the terms' means."""
    return (
        weights.classification * terms["class"].mean()
        + weights.charge * terms["charge"].mean()
        + weights.momentum * terms["momentum"].mean()
        + weights.energy * terms["energy"].mean()
        + weights.angle * terms["angle"].mean()
        + weights.region * terms["region"].mean()
        + weights.missing * terms["missing"].mean()
        + weights.share * terms["share"].mean()
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


def gaussian(prediction, log_spread, target) -> Float[Array, "*rows"]:
    """Negative logarithm of the normal density, less log(2 pi) / 2 (Nix & Weigend 1994).

    A proper score: no spread but the true one has a lower mean, so that trials may be ranked by it.
    """
    return 0.5 * ((target - prediction) * jnp.exp(-log_spread)) ** 2 + log_spread


def _regression(prediction, log_spread, target):
    if log_spread is None:
        return huber(prediction, target)
    return gaussian(prediction, log_spread, target)


def _log_ratio(target, reference, particle):
    usable = particle & (reference > 0)
    return jnp.log(jnp.where(usable, target, 1.0)) - jnp.log(jnp.where(usable, reference, 1.0))
