"""`MLPF`: from the tracks and clusters of an event to one particle (or none) per element.

Embedding -> shared layers -> two stacks (identification, regression) -> heads. The layers are in
`backbones`; what elements know of their places is in `geometry`.

Elements are first put in an order that their content alone decides, and the result is put back.
So ties in the hash break by content, and the model is equivariant to permutations.
"""

from functools import partial
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from datasets import schema
from mlpf_jax.layers.linear import FeedForward, normalise
from mlpf_jax.layers.segments import counts, move, sorted_order
from mlpf_jax.model import geometry
from mlpf_jax.model.backbones import LAYERS, Scene
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.statistics import TYPES, Statistics, standardise

CHARGED = ("charged hadron", "electron", "muon")
NEUTRAL = ("neutral hadron", "photon")
POSSIBLE = tuple(  # [element type][class]
    tuple(name not in excluded for name in schema.CLASSES) for excluded in ((), NEUTRAL, CHARGED)
)
IMPOSSIBLE_LOGIT = -30.0  # finite: a label that should not be costs much, and no NaN
LARGEST_CORRECTION = 4.0  # of log(pt), angles and mass
LOG_SPREAD, LOG_SPREAD_RANGE = -2.3, 2.5  # spreads are 0.1 within a factor of 12


class Prediction(NamedTuple):
    """One particle hypothesis per element. Ratios are to the input pt (et) and p (energy)."""

    class_logits: Float[Array, "batch elements classes"]
    charge_logits: Float[Array, "batch elements charges"]
    log_pt: Float[Array, "batch elements"]  # log(pt / input pt)
    log_energy: Float[Array, "batch elements"]  # log(energy / input energy)
    eta: Float[Array, "batch elements"]
    sin_phi: Float[Array, "batch elements"]  # not normalised
    cos_phi: Float[Array, "batch elements"]
    # Logs of the standard deviations of log_pt and log_energy, where the model predicts them.
    log_pt_spread: Float[Array, "batch elements"] | None = None
    log_energy_spread: Float[Array, "batch elements"] | None = None


class MLPF(nn.Module):
    """Variables: `params` (trained), `codebook` and `statistics` (fixed)."""

    config: ModelConfig
    segments: int = 1  # most events in one row

    @nn.compact
    def __call__(
        self,
        X: Float[Array, "rows elements features"],
        segment: Int[Array, "rows elements"] | Bool[Array, "rows elements"],
        train: bool = False,
    ) -> Prediction:
        """X is raw (GeV, mm), as in the dataset; `train` turns dropout on (rng `dropout`).

        `segment` says which event of its row (1, 2, ...) an element belongs to, 0 is padding; with
        one event a row, a mask of the real elements says the same. Raises `ValueError` where X
        has another number of features.
        """
        if X.shape[-1] != schema.ELEMENT_WIDTH:
            raise ValueError(
                f"X has {X.shape[-1]} features, expected {schema.ELEMENT_WIDTH}: those of tracks "
                "and clusters in datasets.schema, in their order"
            )
        config, segment = self.config, segment.astype(jnp.int32)
        layout = sorted_order(segment) if self.segments > 1 else None
        order, inverse = content_order(X, segment)
        X = move(X, order, inverse)
        segment = jnp.take_along_axis(segment, order, axis=1)
        real = (segment > 0)[..., None]

        neutral = Statistics(
            jnp.zeros((TYPES, X.shape[-1])), jnp.ones((TYPES, X.shape[-1]))
        )._asdict()
        statistics = self.variable("statistics", "inputs", lambda: neutral)
        scene = Scene(geometry.face_direction(X), segment, counts(segment, self.segments), layout)
        values = inputs(X, scene, Statistics(**statistics.value), config)
        x = FeedForward(config.width, 1, config.width, name="embedding")(values)
        x = jnp.where(real, x, 0.0)

        x = Stack(config, config.layers_shared, name="shared")(x, scene, train)
        identity = Stack(config, config.layers_id, name="identification")(x, scene, train)
        motion = Stack(config, config.layers_regression, name="regression")(x, scene, train)
        outputs = Heads(config, name="heads")(values, identity, motion)
        outputs = jnp.where(real, outputs, 0.0)
        return assemble(move(outputs, inverse, order), move(X, inverse, order))


def content_order(
    X: Float[Array, "rows elements features"], segment: Int[Array, "rows elements"]
) -> tuple[Int[Array, "rows elements"], Int[Array, "rows elements"]]:
    """Order by event, falling energy, then angles; padding last. And its inverse."""
    names = ("energy", "pt", "eta", "sin_phi", "cos_phi")
    return sorted_order(segment, *(-X[..., schema.SHARED[name]] for name in names))


def inputs(X, scene: Scene, statistics: Statistics, config: ModelConfig) -> Array:
    """Everything a network sees of an element: type, standardised features, surroundings."""
    kind = jax.nn.one_hot(X[..., schema.SHARED["elemtype"]].astype(jnp.int32), TYPES)
    parts = [kind[..., 1:], standardise(X, statistics)[..., 1:], scene.direction]
    if config.neighbour_features:
        parts.append(geometry.neighbour_features(X, scene.segment, scene.direction, scene.counts))
    return jnp.where((scene.segment > 0)[..., None], jnp.concatenate(parts, -1), 0.0)


class Stack(nn.Module):
    """`layers` residual layers of the configured backbone."""

    config: ModelConfig
    layers: int

    @nn.compact
    def __call__(self, x, scene: Scene, train: bool):
        if not self.layers:
            return x
        if self.is_initializing():
            # In a loop, and not unrolled: what runs once should be compiled fast.
            loop = _loop(self.config, self.layers, unroll=1)(self.config, name=LAYERS_NAME)
            return loop(x, scene, jnp.arange(self.layers), train)[0]
        variables = {kind: values[LAYERS_NAME] for kind, values in self.variables.items()}
        drops = train and self.config.dropout > 0
        rngs = {"dropout": self.make_rng("dropout")} if drops else {}
        return _stack(self.config, self.layers, train, variables, rngs, x, scene)


LAYERS_NAME = "ScanResidual_0"  # in saved models


def _loop(config: ModelConfig, layers: int, unroll: int):
    """The module of all layers, with their parameters along the first axis."""
    return nn.scan(
        nn.remat(Residual, static_argnums=(4,)) if config.remat else Residual,
        variable_axes={"params": 0, "codebook": 0},
        split_rngs={"params": True, "dropout": True},
        in_axes=(nn.broadcast, 0, nn.broadcast),
        length=layers,
        unroll=unroll,
        check_constancy_invariants=False,  # it would trace every layer twice
    )


@partial(jax.jit, static_argnums=(0, 1, 2))
def _stack(config: ModelConfig, layers: int, train: bool, variables, rngs, x, scene: Scene):
    """Jitted for its cache: stacks of equally many layers are traced once."""
    # As a loop layers run slower, but only in a loop does recomputing save memory.
    loop = _loop(config, layers, unroll=1 if config.remat else layers)(config)
    return loop.apply(variables, x, scene, jnp.arange(layers), train, rngs=rngs)[0]


class Residual(nn.Module):
    """x + layer(x) on real elements."""

    config: ModelConfig

    @nn.compact
    def __call__(self, x, scene: Scene, round, train: bool):
        update = LAYERS[self.config.backbone](self.config, name="layer")(x, scene, round)
        update = nn.Dropout(self.config.dropout, deterministic=not train)(update)
        return x + jnp.where((scene.segment > 0)[..., None], update, 0.0).astype(x.dtype), None


class Heads(nn.Module):
    """Classes and charges from one stack, momentum and energy from the other.

    The last layers start small: an untrained model hands its inputs through.
    """

    config: ModelConfig

    @nn.compact
    def __call__(self, values, identity, motion):
        config = self.config
        outputs = []
        labels, values_of_motion = len(schema.CLASSES) + len(schema.CHARGES), 5 + 2 * config.spread
        for stack, out in ((identity, labels), (motion, values_of_motion)):
            seen = jnp.concatenate([values, normalise(stack)], -1)
            outputs.append(FeedForward(config.head_width, config.head_layers, out, 0.1)(seen))
        return jnp.concatenate(outputs, -1)


def assemble(
    outputs: Float[Array, "batch elements outputs"], X: Float[Array, "batch elements features"]
) -> Prediction:
    """Head outputs as a prediction; angles are corrections to those of the input.

    Energy follows from momentum, E = p (1 + softplus(w)), so no particle has negative mass
    squared; w starts where E is 5% above p. A track is no neutral particle and a cluster no charged
    one, as in the truth. Corrections end at LARGEST_CORRECTION. Two more outputs are spreads, which
    end smoothly: beyond a hard end they would have no gradient back.
    """
    classes, charges = len(schema.CLASSES), len(schema.CHARGES)
    class_logits, charge_logits, motion = jnp.split(outputs, (classes, classes + charges), -1)
    motion, spreads = jnp.split(motion, (5,), -1)
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
        shared["sin_phi"] + d_sin, shared["cos_phi"] + d_cos, *_log_spreads(spreads, real),
    )  # fmt: skip


def _log_spreads(outputs, real) -> list[Array]:
    limited = LOG_SPREAD + LOG_SPREAD_RANGE * jnp.tanh(outputs / LOG_SPREAD_RANGE)
    return list(jnp.moveaxis(jnp.where(real[..., None], limited, 0.0), -1, 0))


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
