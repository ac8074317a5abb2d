"""The region loss: the energy around every element, predicted and true."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.layers import neighbourhoods, segments
from mlpf_jax.model import geometry
from mlpf_jax.model.heads import Prediction

REGION_RADII = (0.1, 0.2, 0.4)  # on the calorimeter face, in radians
MAX_LOG_RATIO = 5.0  # an untrained model's energies must not drown the rest of a region


def region(prediction: Prediction, batch: Batch) -> Float[Array, "batch elements"]:
    """Huber loss of the energy around every element, in units of sqrt(E / GeV): a jet's response.

    Energy counts where a particle is `likely`. What one element has too much and its neighbour too
    little is no error here, as in a jet; what is missing around a track is not asked of its own
    momentum, which is measured better than that. The mean over REGION_RADII. A region does not
    reach into other events, nor beyond the neighbourhood of large ones.
    """
    seen = jnp.where(batch.mask, batch.X[..., schema.SHARED["energy"]], 0.0)
    is_track = batch.X[..., schema.SHARED["elemtype"]] == schema.TRACK
    measured = jax.lax.stop_gradient(prediction.log_energy)
    log_energy = jnp.where(is_track, measured, prediction.log_energy)
    predicted = seen * jnp.exp(jnp.minimum(log_energy, MAX_LOG_RATIO)) * likely(prediction)
    true = jnp.where(is_particle(batch), batch.ytarget[..., schema.target("energy")], 0.0)
    energies = jnp.stack([predicted, true], -1)

    direction = geometry.face_direction(batch.X, batch.face)
    counts = segments.counts(batch.segment, batch.segments)
    near = neighbourhoods.find(direction, batch.segment, counts)
    loss = _loss(*(neighbourhoods.into(near, x) for x in (energies, direction, batch.segment)))
    return jnp.where(batch.mask, neighbourhoods.out_of(near, loss, len(batch.X)), 0.0)


def _loss(energies, direction, segment):
    distance = geometry.squared_distances(direction, direction)
    pairs = segments.same(segment)

    def pull(radius):
        near = (distance < radius**2) & pairs
        predicted, true = jnp.moveaxis(near.astype(energies.dtype) @ energies, -1, 0)
        return (predicted - true) / jnp.sqrt(true + 1.0)

    return sum(optax.huber_loss(pull(r), delta=1.0) for r in REGION_RADII) / len(REGION_RADII)


def likely(prediction: Prediction) -> Float[Array, "batch elements"]:
    """1 where a particle is the likeliest answer, else 0, with the gradient of its probability.

    Straight through: Bengio, Leonard and Courville, arXiv:1308.3432 (2013).
    """
    probability = 1 - jax.nn.softmax(prediction.class_logits)[..., 0]
    found = prediction.class_logits.argmax(-1) > 0
    return probability + jax.lax.stop_gradient(found - probability)


def is_particle(batch: Batch) -> Bool[Array, "batch elements"]:
    """Elements that stand for a particle whose momentum and energy can be learned."""
    pt, energy, kind = (batch.ytarget[..., schema.target(n)] for n in ("pt", "energy", "PDG"))
    return batch.mask & (kind > 0) & (pt > 0) & (energy > 0)
