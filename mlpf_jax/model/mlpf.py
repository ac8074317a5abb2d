"""`MLPF`: from the tracks and clusters of an event to one particle (or none) per element.

Embedding -> shared layers -> two stacks (identification, regression) -> heads. The layers are in
`backbones`, what elements know of their places in `geometry`, how tracks account for the energy of
clusters in `sharing`, what is made of it all in `heads`.

Elements are first put in an order that their content alone decides, and the result is put back.
So ties in the hash break by content, and the model is equivariant to permutations.
"""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from datasets import schema
from mlpf_jax.layers.linear import FeedForward
from mlpf_jax.layers.segments import counts, move, sorted_order
from mlpf_jax.model import geometry
from mlpf_jax.model.backbones import Scene, layer_of
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.heads import Heads, Prediction, assemble, calibrated
from mlpf_jax.model.sharing import EnergySharing, of_elements
from mlpf_jax.model.statistics import TYPES, Statistics, standardise


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
        face: Float[Array, "rows 2"] | None = None,
    ) -> Prediction:
        """X is raw (GeV, mm), as in the dataset; `train` turns dropout on (rng `dropout`).
        `face` is the calorimeter face of each row's detector (`schema.Face`, mm); None: CLIC's.

        `segment` says which event of its row (1, 2, ...) an element belongs to, 0 is padding; with
        one event a row, a mask of the real elements says the same. Raises `ValueError` where X
        has another number of features.
        """
        form = schema.ELEMENTS[self.config.elements]
        if X.shape[-1] != form.width:
            raise ValueError(
                f"X has {X.shape[-1]} features, expected {form.width}: this is a model of "
                f"{form.name!r}, whose features are in datasets.schema, in their order"
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
        direction = geometry.face_direction(X, face)
        scene = Scene(direction, segment, counts(segment, self.segments), layout)
        values = inputs(X, face, scene, Statistics(**statistics.value), config)
        x = FeedForward(config.width, 1, config.width, name="embedding")(values)
        x = jnp.where(real, x, 0.0)

        x = Stack(config, config.layers_shared, name="shared")(x, scene, train)
        identity = Stack(config, config.layers_id, name="identification")(x, scene, train)
        motion = Stack(config, config.layers_regression, name="regression")(x, scene, train)
        back = partial(move, source=inverse, target=order)
        log_left, sharing = 0.0, None
        if config.sharing:
            accounts = EnergySharing(config.pairs, name="sharing")
            account = accounts(X, jnp.concatenate([values, motion], -1), scene)
            seen = account.values(X[..., schema.SHARED["energy"]])
            values = jnp.concatenate([values, seen], -1)
            log_left, sharing = back(account.log_left), of_elements(account.sharing, back)
        outputs = Heads(config, name="heads")(values, identity, motion)
        outputs = back(jnp.where(real, outputs, 0.0))
        prediction = assemble(outputs, back(X), config.momenta, log_left, sharing, config.elements)
        return calibrated(prediction, back(X), config)


def content_order(
    X: Float[Array, "rows elements features"], segment: Int[Array, "rows elements"]
) -> tuple[Int[Array, "rows elements"], Int[Array, "rows elements"]]:
    """Order by event, falling energy, then angles; padding last. And its inverse."""
    names = ("energy", "pt", "eta", "sin_phi", "cos_phi")
    return sorted_order(segment, *(-X[..., schema.SHARED[name]] for name in names))


def inputs(X, face, scene: Scene, statistics: Statistics, config: ModelConfig) -> Array:
    """Everything a network sees of an element: type, standardised features, surroundings."""
    kind = jax.nn.one_hot(X[..., schema.SHARED["elemtype"]].astype(jnp.int32), TYPES)
    parts = [kind[..., 1:], standardise(X, statistics)[..., 1:], scene.direction]
    if not schema.ELEMENTS[config.elements].has_clusters:
        parts.append(_subdetectors(X))
    elif config.shapes:
        parts.append(geometry.shapes(X, face))
    if config.neighbour_features:
        parts.append(geometry.neighbour_features(X, scene.segment, scene.direction, scene.counts))
    return jnp.where((scene.segment > 0)[..., None], jnp.concatenate(parts, -1), 0.0)


def _subdetectors(X):
    """Of hits, one of four; 0 for tracks."""
    is_hit = X[..., schema.SHARED["elemtype"]] == schema.HIT
    where = jnp.where(is_hit, X[..., schema.hit("subdetector")], -1.0).astype(jnp.int32)
    return jax.nn.one_hot(where, 4)


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
        update = layer_of(self.config)(self.config, name="layer")(x, scene, round)
        update = nn.Dropout(self.config.dropout, deterministic=not train)(update)
        return x + jnp.where((scene.segment > 0)[..., None], update, 0.0).astype(x.dtype), None
