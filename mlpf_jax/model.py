"""`MLPF`: from the tracks and clusters of an event to one particle (or none) per element.

Embedding -> two stacks of backbone layers (identification, regression) -> heads. The modules are
thin: the array functions live in `geometry`, `lsh`, `message_passing` and `statistics`.

Elements are first put in an order that their content alone decides, and the result is put back.
So ties in the hash break by content, and the model is equivariant to permutations.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from datasets import schema
from mlpf_jax import geometry, lsh, message_passing
from mlpf_jax.config import ModelConfig
from mlpf_jax.layers import FeedForward, Linear, normalise
from mlpf_jax.statistics import TYPES, Statistics, standardise

CHARGED = ("charged hadron", "electron", "muon")
NEUTRAL = ("neutral hadron", "photon")
POSSIBLE = tuple(  # [element type][class]
    tuple(name not in excluded for name in schema.CLASSES) for excluded in ((), NEUTRAL, CHARGED)
)
IMPOSSIBLE_LOGIT = -30.0  # finite: a label that should not be costs much, and no NaN
LARGEST_CORRECTION = 4.0  # of log(pt), angles and mass


class Prediction(NamedTuple):
    """One particle hypothesis per element. Ratios are to the input pt (et) and p (energy)."""

    class_logits: Float[Array, "batch elements classes"]
    charge_logits: Float[Array, "batch elements charges"]
    log_pt: Float[Array, "batch elements"]  # log(pt / input pt)
    log_energy: Float[Array, "batch elements"]  # log(energy / input energy)
    eta: Float[Array, "batch elements"]
    sin_phi: Float[Array, "batch elements"]  # not normalised
    cos_phi: Float[Array, "batch elements"]


class MLPF(nn.Module):
    """Variables: `params` (trained), `codebook` and `statistics` (fixed)."""

    config: ModelConfig

    @nn.compact
    def __call__(
        self,
        X: Float[Array, "batch elements features"],
        mask: Bool[Array, "batch elements"],
        train: bool = False,
    ) -> Prediction:
        """X is raw (GeV, mm), as in the dataset; `train` turns dropout on (rng `dropout`)."""
        config, elements = self.config, X.shape[1]
        X, mask = _fill_bins(X, mask, config.bin_size)
        order, inverse = content_order(X, mask)
        X = lsh.permute(X, order, inverse)
        mask = jnp.take_along_axis(mask, order, axis=1)

        neutral = Statistics(
            jnp.zeros((TYPES, X.shape[-1])), jnp.ones((TYPES, X.shape[-1]))
        )._asdict()
        statistics = self.variable("statistics", "inputs", lambda: neutral)
        direction = geometry.face_direction(X)
        values = inputs(X, mask, direction, Statistics(**statistics.value), config)
        x = FeedForward(config.width, 1, config.width, name="embedding")(values)
        x = jnp.where(mask[..., None], x, 0.0)

        identity = Stack(config, config.layers_id, name="identification")(x, direction, mask, train)
        motion = Stack(config, config.layers_regression, name="regression")(
            x, direction, mask, train
        )
        outputs = Heads(config, name="heads")(values, identity, motion)
        outputs = jnp.where(mask[..., None], outputs, 0.0)
        X, outputs = (lsh.permute(a, inverse, order)[:, :elements] for a in (X, outputs))
        return assemble(outputs, X)


def _fill_bins(X, mask, bin_size):
    """Padded to whole bins; events that fit in one bin are left as they are."""
    missing = -X.shape[1] % bin_size if X.shape[1] > bin_size else 0
    return jnp.pad(X, ((0, 0), (0, missing), (0, 0))), jnp.pad(mask, ((0, 0), (0, missing)))


def content_order(
    X: Float[Array, "batch elements features"], mask: Bool[Array, "batch elements"]
) -> tuple[Int[Array, "batch elements"], Int[Array, "batch elements"]]:
    """Order by falling energy, then by angles; padding last. And its inverse."""
    names = ("energy", "pt", "eta", "sin_phi", "cos_phi")
    keys = [jnp.where(mask, -X[..., schema.SHARED[name]], jnp.inf) for name in names]
    position = jnp.broadcast_to(jnp.arange(X.shape[1], dtype=jnp.int32), mask.shape)
    padding = (~mask).astype(jnp.int32)
    order = jax.lax.sort([padding, *keys, position], dimension=1, num_keys=1 + len(keys))[-1]
    return order, lsh.inverse_permutation(order)


def inputs(X, mask, direction, statistics: Statistics, config: ModelConfig) -> Array:
    """Everything a network sees of an element: type, standardised features, surroundings."""
    kind = jax.nn.one_hot(X[..., schema.SHARED["elemtype"]].astype(jnp.int32), TYPES)
    parts = [kind[..., 1:], standardise(X, statistics)[..., 1:], direction]
    if config.neighbour_features:
        parts.append(geometry.neighbour_features(X, mask, direction))
    return jnp.where(mask[..., None], jnp.concatenate(parts, -1), 0.0)


class Stack(nn.Module):
    """`layers` residual layers of the configured backbone."""

    config: ModelConfig
    layers: int

    @nn.compact
    def __call__(self, x, direction, mask, train):
        layer = LAYERS[self.config.backbone]
        for _ in range(self.layers):
            update = layer(self.config)(x, direction, mask)
            update = nn.Dropout(self.config.dropout, deterministic=not train)(update)
            x = x + jnp.where(mask[..., None], update, 0.0)
        return x


class ElementLayer(nn.Module):
    """No messages: each element for itself. The floor that other backbones must beat."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x, direction, mask):
        width = self.config.width
        return FeedForward(2 * width, 1, width)(normalise(x))


class GraphLayer(nn.Module):
    """Hash into bins, then messages inside each bin under one learned kernel."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x, direction, mask):
        config = self.config
        x = normalise(x)
        d = FeedForward(config.distance_width, config.distance_layers, config.distance_width)(x)
        points = direction if config.face_hash else d
        codebook = self.variable("codebook", "directions", self._codebook, points.shape[-1])
        order, inverse = self._order(points, mask, codebook.value)
        x, d, direction = (self._binned(a, order, inverse) for a in (x, d, direction))
        mask = self._binned(mask[..., None], order, inverse)[..., 0]

        exponent = 0.1 * message_passing.learned_distance(d)
        face = geometry.squared_distances(direction, direction)
        for k in range(config.messages):
            adjacency = message_passing.kernel(self._exponent(k, exponent, face), mask)
            projected = Linear(3 * config.width, name=f"message_{k}")(x)
            x = message_passing.gated_convolution(adjacency, projected)
        return self._unbinned(x, order, inverse)

    def _codebook(self, dims):
        return lsh.random_codebook(self.make_rng("params"), dims, -(-self.config.max_bins // 2))

    def _order(self, points, mask, codebook):
        """None where the event fits in one bin: nothing to sort."""
        if mask.shape[1] <= self.config.bin_size:
            return None, None
        points = jax.lax.stop_gradient(points)
        bucket = lsh.buckets(points, mask, codebook, self.config.bin_size)
        return lsh.bin_order(bucket, mask)

    def _binned(self, a, order, inverse):
        if order is None:
            return a
        a = lsh.permute(a, order, inverse)
        return a.reshape(a.shape[0], -1, self.config.bin_size, a.shape[-1])

    def _unbinned(self, a, order, inverse):
        a = a.reshape(a.shape[0], -1, a.shape[-1])
        return a if order is None else lsh.permute(a, inverse, order)

    def _exponent(self, k, learned, face):
        """Each message has its own reach on the face: 0.1, 0.03, ... at the start."""
        if not self.config.face_kernel:
            return learned
        start = nn.initializers.constant(2.0 * jnp.log(10.0) * (1 + 0.5 * k))
        log_slope = self.param(f"face_log_slope_{k}", start, ())
        return learned + jnp.exp(log_slope) * face


LAYERS = {"gnn_lsh": GraphLayer, "mlp": ElementLayer}


class Heads(nn.Module):
    """Classes and charges from one stack, momentum and energy from the other.

    The last layers start small: an untrained model hands its inputs through.
    """

    config: ModelConfig

    @nn.compact
    def __call__(self, values, identity, motion):
        config = self.config
        outputs = []
        for stack, out in ((identity, len(schema.CLASSES) + len(schema.CHARGES)), (motion, 5)):
            seen = jnp.concatenate([values, normalise(stack)], -1)
            outputs.append(FeedForward(config.head_width, config.head_layers, out, 0.1)(seen))
        return jnp.concatenate(outputs, -1)


def assemble(
    outputs: Float[Array, "batch elements outputs"], X: Float[Array, "batch elements features"]
) -> Prediction:
    """Head outputs as a prediction; angles are corrections to those of the input.

    Energy follows from momentum, E = p (1 + softplus(w)), so no particle has negative mass
    squared; w starts where E is 5% above p. A track is no neutral particle and a cluster no charged
    one, as in the truth. Corrections end at LARGEST_CORRECTION.
    """
    classes, charges = len(schema.CLASSES), len(schema.CHARGES)
    class_logits, charge_logits, motion = jnp.split(outputs, (classes, classes + charges), -1)
    motion = jnp.clip(motion, -LARGEST_CORRECTION, LARGEST_CORRECTION)
    log_pt, mass, d_eta, d_sin, d_cos = jnp.moveaxis(motion, -1, 0)
    shared = {name: X[..., column] for name, column in schema.SHARED.items()}
    possible = jnp.asarray(POSSIBLE)[shared["elemtype"].astype(jnp.int32)]
    class_logits = jnp.where(possible, class_logits, IMPOSSIBLE_LOGIT)
    real = shared["elemtype"] > 0
    eta = shared["eta"] + d_eta
    pt_in = jnp.where(real & (shared["pt"] > 0), shared["pt"], 1.0)
    energy_in = jnp.where(real & (shared["energy"] > 0), shared["energy"], 1.0)
    log_p = jnp.log(pt_in) + log_pt + log_cosh(eta)
    log_energy = log_p + jnp.log1p(jax.nn.softplus(mass - 3.0)) - jnp.log(energy_in)
    return Prediction(
        class_logits, charge_logits, log_pt, jnp.where(real, log_energy, 0.0), eta,
        shared["sin_phi"] + d_sin, shared["cos_phi"] + d_cos,
    )  # fmt: skip


def log_cosh(x: Float[Array, "*any"]) -> Float[Array, "*any"]:
    """log(cosh(x)) without overflow."""
    return jnp.abs(x) + jnp.log1p(jnp.exp(-2 * jnp.abs(x))) - jnp.log(2.0)


def particles(
    prediction: Prediction,
    X: Float[Array, "batch elements features"],
    mask: Bool[Array, "batch elements"],
) -> Float[Array, "batch elements targets"]:
    """Rows of `schema.TARGET_FEATURES`; all zero (class 0) where there is no particle.

    The most likely class decides; neutral classes have charge 0, charged ones the likelier sign.
    `jet_idx` is -1 (not clustered); columns that a prediction has no value for are 0.
    """
    kind = jnp.argmax(prediction.class_logits, -1)
    negative, _, positive = jnp.moveaxis(prediction.charge_logits, -1, 0)
    charged = jnp.asarray([name in CHARGED for name in schema.CLASSES])[kind]
    norm = jnp.hypot(prediction.sin_phi, prediction.cos_phi)
    norm = jnp.where(norm > 0, norm, 1.0)
    columns = {
        "PDG": kind.astype(X.dtype),
        "charge": jnp.where(charged, jnp.where(positive > negative, 1.0, -1.0), 0.0),
        "pt": X[..., schema.SHARED["pt"]] * jnp.exp(prediction.log_pt),
        "eta": prediction.eta,
        "sin_phi": prediction.sin_phi / norm,
        "cos_phi": prediction.cos_phi / norm,
        "energy": X[..., schema.SHARED["energy"]] * jnp.exp(prediction.log_energy),
        "jet_idx": jnp.full_like(prediction.eta, -1.0),
    }
    nothing = jnp.zeros_like(prediction.eta)
    rows = jnp.stack([columns.get(name, nothing) for name in schema.TARGET_FEATURES], -1)
    return jnp.where((mask & (kind > 0))[..., None], rows, 0.0)
