"""Optimisers by name. Rate and decay are traced values: only the name costs a compilation.

adamw          Loshchilov & Hutter 2019; the default
lamb           You et al. 2020: Adam's direction and decay, scaled to the norm of each layer's
               weights
lion           Chen et al. 2023: the sign of a momentum; wants a rate 3 to 10 times smaller, and a
               decay as much larger
muon           Jordan 2024: the momentum of matrices made orthogonal, Adam for all else; scaled to
               Adam's size (Liu et al. 2025), so that rates carry over
schedule_free  Defazio et al. 2024: AdamW at an interpolation of its iterates and their average;
               evaluated at the average; wants the schedule "constant"

The state of adamw is optax's, as saved trainings have it; that of the others is a mapping from
names to arrays.
"""

from typing import Any, NamedTuple

import jax
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from mlpf_jax.layers.linear import MATRIX
from mlpf_jax.model.mlpf import LAYERS_NAME

BETAS = {"b1": 0.9, "b2": 0.99}
ADAM = optax.scale_by_adam(**BETAS)
LION = optax.scale_by_lion(**BETAS)
# Elementwise: parameters are one vector meanwhile, a few long operations instead of hundreds of
# short ones, which compile and run faster.
VECTORS = ("adamw", "lion", "schedule_free")


class Scales(NamedTuple):
    """Traced values of a step: learning rate, weight decay, factor that clips the gradient."""

    rate: Float[Array, ""]
    decay: Float[Array, ""]
    shrink: Float[Array, ""]


class Moved(NamedTuple):
    """Parameters after a step, the optimiser's state, and where to evaluate (as one vector)."""

    params: PyTree
    state: PyTree
    evaluated: Float[Array, " parameters"]


def init(name: str, params: PyTree) -> PyTree:
    """The state of an optimiser before the first step."""
    return _named(name, _init(name, params))


def move(
    name: str, params: PyTree, gradient: PyTree, state: PyTree, scales: Scales, decays: PyTree
) -> Moved:
    """One step against the gradient; `decays` is 1 for parameters that decay, 0 for others."""
    if name != "adamw":
        shapes = jax.eval_shape(lambda p: _init(name, p), params)
        state = jax.tree.unflatten(jax.tree.structure(shapes), [state[k] for k in _keys(shapes)])
    unravel = _same
    if name in VECTORS:
        params, unravel = ravel_pytree(params)
        gradient, decays = ravel_pytree(gradient)[0], ravel_pytree(decays)[0]
    gradient = jax.tree.map(lambda g: g * scales.shrink, gradient)
    if name == "schedule_free":
        transform = _schedule_free(scales.rate, scales.decay * decays)
        change, state = transform.update(gradient, state, params)
        params = params + change
        evaluated = optax.contrib.schedule_free_eval_params(state, params)
    else:
        direction, state = _transform(name).update(gradient, state, params)
        direction = jax.tree.map(
            lambda d, w, p: d + scales.decay * w * p, direction, decays, params
        )
        direction = _to_norm_of_weights(direction, params) if name == "lamb" else direction
        params = evaluated = jax.tree.map(lambda p, d: p - scales.rate * d, params, direction)
    evaluated = evaluated if name in VECTORS else ravel_pytree(evaluated)[0]
    return Moved(unravel(params), _named(name, state), evaluated)


def _same(values: PyTree) -> PyTree:
    return values


def _init(name: str, params: PyTree) -> Any:
    params = ravel_pytree(params)[0] if name in VECTORS else params
    return _transform(name).init(params)


def _transform(name: str) -> optax.GradientTransformation:
    """What makes a direction of a gradient (of schedule_free: what has its state)."""
    if name == "muon":
        # Its rate of -1 leaves the sign; rate and decay are applied as for all others.
        return optax.contrib.muon(
            -1.0, adam_b1=BETAS["b1"], adam_b2=BETAS["b2"], consistent_rms=0.2,
            muon_weight_dimension_numbers=_matrices,
        )  # fmt: skip
    if name == "schedule_free":
        return _schedule_free(0.0, 0.0)
    return {"adamw": ADAM, "lamb": ADAM, "lion": LION}[name]


def _schedule_free(rate, decay) -> optax.GradientTransformation:
    decayed = optax.stateless(lambda u, p: u + decay * p)
    base = optax.chain(optax.scale_by_adam(b1=0.0, b2=BETAS["b2"]), decayed, optax.scale(-rate))
    return optax.contrib.schedule_free(base, learning_rate=rate, b1=BETAS["b1"])


def _matrices(params: PyTree) -> PyTree:
    """Of matrices the axes that are one; those of several layers lie along an axis before."""
    axes = optax.contrib.MuonDimensionNumbers(reduction_axis=-2, output_axis=-1)
    return jax.tree.map_with_path(lambda path, _: axes if path[-1].key == MATRIX else None, params)


def _to_norm_of_weights(direction: PyTree, params: PyTree) -> PyTree:
    """LAMB's ratio of norms, of every array of every layer."""

    def of_one(update, values):
        return optax.scale_by_trust_ratio().update(update, optax.ScaleByTrustRatioState(), values)[
            0
        ]

    def of_leaf(path, update, values):
        stacked = any(key.key == LAYERS_NAME for key in path)
        return (jax.vmap(of_one) if stacked else of_one)(update, values)

    return jax.tree.map_with_path(of_leaf, direction, params)


def _keys(state: Any) -> list[str]:
    paths = (path for path, _ in jax.tree.leaves_with_path(state))
    return [jax.tree_util.keystr(path, simple=True, separator="/") for path in paths]


def _named(name: str, state: Any) -> PyTree:
    if name == "adamw":
        return state
    return dict(zip(_keys(state), jax.tree.leaves(state), strict=True))
