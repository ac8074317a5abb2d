"""Backbones: what a layer adds to the representation of every element, in thin modules.

All have the same interface, embedding and heads, so that they can be compared. The array functions
are in `mlpf_jax.layers`.
"""

from pkgutil import resolve_name
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from mlpf_jax.layers import attention, favor, lsh, message_passing, segments, tiles
from mlpf_jax.layers.bins import Bins, cut, into, out_of, place
from mlpf_jax.layers.linear import FeedForward, LayerNorm, Linear, elu, normalise
from mlpf_jax.model import geometry
from mlpf_jax.model.config import BACKBONES, ModelConfig


class Scene(NamedTuple):
    """Where the elements of a row are, and which event of the row they belong to."""

    direction: Float[Array, "rows elements 3"]  # unit vectors to the calorimeter face
    segment: Int[Array, "rows elements"]  # 0: padding
    counts: Int[Array, "rows segments"]  # elements of each event
    layout: tuple[Array, Array] | None  # of a packed row, for `bins.place`

    @property
    def event_size(self) -> Int[Array, "rows elements"]:
        """Elements in the event of each element."""
        return segments.of_own(self.counts, self.segment)


class ElementLayer(nn.Module):
    """No messages: each element for itself. The floor that other backbones must beat."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x, scene: Scene, round):
        return _feed_forward(self.config, x)


class GraphLayer(nn.Module):
    """Messages inside bins under learned kernels, in one of two forms.

    Published: LayerNorm with scale and shift, an ELU behind the distance network, kernels as they
    are, and no bias but in the gate. Improved: `message_passing` says in what.
    """

    config: ModelConfig

    @nn.compact
    def __call__(self, x, scene: Scene, round):
        config, published = self.config, self.config.form == "published"
        x = LayerNorm()(x) if published else normalise(x)
        # Float32 whatever the precision: bins and distances follow from it.
        d = FeedForward(
            config.distance_hidden, config.distance_layers, config.heads * config.distance_width
        )(x)
        d = elu(d) if published else d
        bins = find_bins(self, d, scene, round)
        x = x.astype(config.precision)
        x, d, direction, segment = (into(bins, a) for a in (x, d, scene.direction, scene.segment))
        pairs = segments.same(segment)
        smoothing = message_passing.SMOOTHING[config.form]
        learned = [
            0.1 * message_passing.learned_distance(part, smoothing)
            for part in jnp.split(d, config.heads, axis=-1)
        ]
        unbiased = 2 * config.width if published else 0
        for k in range(config.messages):
            if k == 0 or config.face_kernel:  # only on the face the kernels of messages differ
                adjacency = self._kernels(k, learned, direction, pairs)
            projected = Linear(3 * config.width, unbiased=unbiased, name=f"message_{k}")(x)
            x = message_passing.gated_convolution(adjacency, projected)
        return out_of(bins, x)

    def _kernels(self, k, learned, direction, pairs):
        if self.config.form == "published":
            return [message_passing.kernel(exponent, pairs) for exponent in learned]
        if not self.config.face_kernel:
            return [message_passing.normalised_kernel(exponent, pairs) for exponent in learned]
        face = geometry.squared_distances(direction, direction)
        return [
            message_passing.normalised_kernel(exponent + slope * face, pairs)
            for exponent, slope in zip(learned, self._slopes(k), strict=True)
        ]

    def _slopes(self, k):
        """How fast kernels fall on the face; each message starts with another reach."""
        heads = self.config.heads
        start = [2.0 + k] if heads == 1 else jnp.linspace(0.5, 3.0, heads)
        start = nn.initializers.constant(jnp.log(10.0) * jnp.asarray(start))
        return jnp.exp(self.param(f"face_log_slope_{k}", start, (heads,)))


class AttentionLayer(nn.Module):
    """Attention inside bins, or between all elements of an event; then each for itself."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x, scene: Scene, round):
        config = self.config
        seen = normalise(x)
        bins = find_bins(self, seen, scene, round)
        projected = _projection(config)(seen.astype(config.precision))
        projected, direction, segment = (
            into(bins, a) for a in (projected, scene.direction, scene.segment)
        )
        query, key, value = _heads(projected, config.heads)
        penalty = self._penalty(direction)
        mixed = attention.attention(query, key, value, segments.same(segment), penalty)
        mixed = mixed.reshape(*mixed.shape[:-2], -1)
        update = Linear(config.width)(out_of(bins, mixed))
        return update + _feed_forward(config, x + update)

    def _penalty(self, direction):
        if not self.config.face_kernel:
            return 0.0
        heads = self.config.heads
        start = nn.initializers.constant(jnp.log(10.0) * jnp.linspace(0.5, 3.0, heads))
        slope = jnp.exp(self.param("face_log_slope", start, (heads,)))
        return (
            slope[:, None, None] * geometry.squared_distances(direction, direction)[..., None, :, :]
        )


class FavorLayer(nn.Module):
    """Attention between all elements of an event at linear cost; then each for itself."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x, scene: Scene, round):
        config = self.config
        seen = normalise(x).astype(config.precision)
        query, key, value = _heads(_projection(config)(seen), config.heads)
        directions = self.variable("codebook", "directions", self._directions, query.shape[-1])
        member = favor.members(scene.segment, scene.counts.shape[1])
        mixed = favor.favor_attention(
            favor.unit(query), favor.unit(key), value, member, directions.value
        )
        update = Linear(config.width)(mixed.reshape(*x.shape[:2], -1))
        return update + _feed_forward(config, x + update)

    def _directions(self, dims):
        return favor.random_directions(self.make_rng("params"), self.config.random_features, dims)


def layer_of(config: ModelConfig) -> type[nn.Module]:
    """The module that the configuration's backbone is made of."""
    return resolve_name(BACKBONES[config.backbone])


def find_bins(module: nn.Module, learned, scene: Scene, round) -> Bins:
    """The bins of a layer, as `config.binning` says. An event that fits in one is not sorted."""
    config, elements = module.config, scene.segment.shape[1]
    hashed = config.binning in ("learned", "face")
    if hashed:
        points = jax.lax.stop_gradient(learned if config.binning == "learned" else scene.direction)
        codebook = module.variable("codebook", "directions", _codebook, module, points.shape[-1])
    alone = scene.counts.shape[1] == 1
    if config.binning == "none" or (alone and segments.fits(elements, config.bin_size)):
        return Bins(None, None, elements)
    if hashed:
        spare = 0 if config.form == "published" else 1
        bucket = lsh.buckets(points, scene.event_size, codebook.value, config.bin_size, spare)
        order, inverse = segments.sorted_order(scene.segment, bucket)
    else:
        order, inverse = tiles.tile_order(
            scene.direction, scene.segment, scene.counts, config.bin_size, round
        )
    if scene.layout is not None:
        return place(order, inverse, scene.layout, config.bin_size)
    return cut(order, inverse, scene.counts, config.bin_size)


def _codebook(module, dims):
    shape = dims, -(-module.config.max_bins // 2)
    draw = jax.random.normal if module.config.form == "published" else lsh.random_codebook
    return draw(module.make_rng("params"), shape)


def _projection(config: ModelConfig) -> Linear:
    """To query, key and value of all heads."""
    return Linear(3 * (config.heads * config.head_dims or config.width))


def _heads(projected, heads: int):
    """Query, key and value, each (..., heads, dims)."""
    split = projected.reshape(*projected.shape[:-1], 3 * heads, -1)
    return jnp.split(split, 3, axis=-2)


def _feed_forward(config: ModelConfig, x):
    return FeedForward(config.hidden, 1, config.width)(normalise(x).astype(config.precision))
