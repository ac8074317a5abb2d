"""The shares of tracks in clusters, learned from where their particles did leave energy."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from datasets import schema
from datasets.schema import Batch
from mlpf_jax.model.heads import Prediction
from mlpf_jax.model.sharing import log_share
from mlpf_jax.training.region import is_particle


def share(prediction: Prediction, batch: Batch) -> Float[Array, "rows elements"]:
    """Cross-entropy of every track between its true and its predicted shares, less its least
    value, the entropy of the true ones: a divergence that is 0 where they agree (Kullback and
    Leibler 1951). 0 for other elements, and where shares are not known or not predicted.

    A track whose particle reached no cluster is in `nowhere`.
    """
    if batch.shares is None or prediction.sharing is None:
        return jnp.zeros_like(prediction.log_pt)
    links, sharing = batch.shares, prediction.sharing
    deposit = _by_track(links.energy, links.track, batch)
    total = jnp.take_along_axis(deposit, links.track, axis=1)
    linked = links.energy > 0
    part = jnp.where(linked, links.energy / jnp.where(linked, total, 1.0), 0.0)
    entropy = part * jnp.log(jnp.where(linked, part, 1.0))
    surprise = jnp.where(linked, part * log_share(sharing, links.track, links.cluster), 0.0)
    divergence = _by_track(entropy - surprise, links.track, batch)
    nowhere = sharing.log_total - sharing.nowhere
    return jnp.where(_known(batch), jnp.where(deposit > 0, divergence, nowhere), 0.0)


def importance(batch: Batch, energy_power: Float[Array, ""]) -> Float[Array, "rows elements"]:
    """p**energy_power of every track whose particle is known, else 0."""
    if batch.shares is None:
        return jnp.zeros_like(batch.X[..., 0])
    known = _known(batch)
    momentum = jnp.where(known, batch.X[..., schema.SHARED["energy"]], 1.0)
    return known * momentum**energy_power


def _known(batch: Batch):
    return is_particle(batch) & (batch.X[..., schema.SHARED["elemtype"]] == schema.TRACK)


def _by_track(values, track, batch: Batch) -> Float[Array, "rows elements"]:
    """For every element the sum over its links."""
    rows = jnp.arange(len(batch.X))[:, None]
    return jnp.zeros(batch.X.shape[:2], values.dtype).at[rows, track].add(values)
