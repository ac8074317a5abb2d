"""What the particles of an event must be together: its missing transverse momentum.

A loss on the response of jets would be the other event-level term; `region`, the energy around
every element, is its differentiable stand-in, as a jet's energy is that of its surroundings.
"""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.model.heads import Prediction
from mlpf_jax.training.region import MAX_LOG_RATIO, is_particle, likely


def missing(
    prediction: Prediction, batch: Batch, segment: Int[Array, "rows elements"]
) -> Float[Array, "rows elements"]:
    """Huber loss of sum(px) and sum(py) of an element's event, in units of sqrt(sum(pt) / GeV).

    The vector sum of all particles is the missing transverse momentum turned round; its resolution
    grows as the square root of the scalar sum. Elements count where a particle is `likely`, as in
    `region`. `segment` numbers the events of a row from 1; 0 is padding.
    """
    real = segment > 0
    seen = jnp.where(real, batch.X[..., schema.SHARED["pt"]], 0.0)
    predicted = seen * jnp.exp(jnp.minimum(prediction.log_pt, MAX_LOG_RATIO)) * likely(prediction)
    squared = prediction.sin_phi**2 + prediction.cos_phi**2
    predicted = predicted * jax.lax.rsqrt(jnp.maximum(squared, 1e-6))
    true = {name: batch.ytarget[..., schema.target(name)] for name in schema.TARGET_FEATURES}
    true_pt = jnp.where(is_particle(batch), true["pt"], 0.0)
    excess = [
        jnp.where(real, predicted * found - true_pt * jnp.where(real, of_truth, 0.0), 0.0)
        for found, of_truth in (
            (prediction.cos_phi, true["cos_phi"]), (prediction.sin_phi, true["sin_phi"]),
        )
    ]  # fmt: skip
    x, y, scalar = jnp.moveaxis(_of_event(jnp.stack([*excess, true_pt], -1), segment), -1, 0)
    scale = jax.lax.rsqrt(scalar + 1.0)
    return sum(jnp.where(real, optax.huber_loss(pull * scale), 0.0) for pull in (x, y))


def event_share(segment: Int[Array, "rows elements"]) -> Float[Array, "rows elements"]:
    """One over the number of elements in each element's event: a sum over them counts events."""
    real = (segment > 0).astype(jnp.float32)
    return real / jnp.maximum(_of_event(real[..., None], segment)[..., 0], 1.0)


def _of_event(values: Float[Array, "rows elements n"], segment) -> Array:
    """For every element the sum over its event. Linear in the elements of a row."""

    def one_row(values, segment):
        # An event has an element, so there are no more events than elements; 0 is padding.
        sums = jnp.zeros((len(values) + 1, values.shape[-1]), values.dtype)
        return sums.at[segment].add(values)[segment]

    return jax.vmap(one_row)(values, segment)
