"""Heads: from the stacks of a model to one particle hypothesis per element, and to particles.

Corrections to what was measured, within limits: an untrained model hands its inputs through.
"""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from datasets import schema
from mlpf_jax.layers.linear import FeedForward, normalise
from mlpf_jax.model.config import ModelConfig
from mlpf_jax.model.sharing import Sharing

CHARGED = ("charged hadron", "electron", "muon")
NEUTRAL = ("neutral hadron", "photon")
POSSIBLE = {  # by form of the elements: [element type][class]
    form: tuple(tuple(name not in excluded for name in schema.CLASSES) for excluded in each)
    for form, each in {
        "clusters": ((), NEUTRAL, CHARGED),
        "hits": ((), NEUTRAL, ()),
        "tracks_hits": ((), NEUTRAL, CHARGED),
    }.items()
}
IMPOSSIBLE_LOGIT = -30.0  # finite: a label that should not be costs much, and no NaN
# Of log(pt), angles and mass; a particle has many times the energy of one of its hits.
LARGEST_CORRECTION, LARGEST_OF_HITS = 4.0, 10.0
# Of log(pt) of a track, times sinh(output): about the error of its momentum for an output of 1, and
# up to a factor 1.7 for those that are no track of a whole particle (decays, kinks).
TRACK_CORRECTION = 0.02
TRACK_MASS, CLUSTER_MASS = 0.14, 0.02  # GeV, for an output of 0: a pion's, next to a photon's
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
    # By which shares tracks account for clusters, where the model does (`sharing.log_share`).
    sharing: Sharing | None = None


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
    outputs: Float[Array, "batch elements outputs"],
    X: Float[Array, "batch elements features"],
    momenta: str = "residual",
    log_left: Float[Array, "batch elements"] | float = 0.0,
    sharing: Sharing | None = None,
    elements: str = "clusters",
) -> Prediction:
    """Head outputs as a prediction: corrections to the angles and momenta of the input.

    Energy follows from momentum and a mass, so no particle has negative mass squared. A track is
    no neutral particle and a cluster no charged one, as in the truth; where there are no tracks a
    hit may be any. Corrections end at LARGEST_CORRECTION. `log_left`, of what tracks leave of a
    cluster, is added to its log(pt). Two more outputs are spreads, which end smoothly: beyond a
    hard end they would have no gradient back.
    """
    classes, charges = len(schema.CLASSES), len(schema.CHARGES)
    class_logits, charge_logits, motion = jnp.split(outputs, (classes, classes + charges), -1)
    motion, spreads = jnp.split(motion, (5,), -1)
    largest = LARGEST_CORRECTION if elements == "clusters" else LARGEST_OF_HITS
    motion = jnp.clip(motion, -largest, largest)
    log_pt, mass, d_eta, d_sin, d_cos = jnp.moveaxis(motion, -1, 0)
    shared = {name: X[..., column] for name, column in schema.SHARED.items()}
    possible = jnp.asarray(POSSIBLE[elements])[shared["elemtype"].astype(jnp.int32)]
    class_logits = jnp.where(possible, class_logits, IMPOSSIBLE_LOGIT)
    real, is_track = shared["elemtype"] > 0, shared["elemtype"] == schema.TRACK
    eta = shared["eta"] + d_eta
    pt_in = jnp.where(real & (shared["pt"] > 0), shared["pt"], 1.0)
    energy_in = jnp.where(real & (shared["energy"] > 0), shared["energy"], 1.0)
    if momenta == "residual":
        log_pt = jnp.where(is_track, TRACK_CORRECTION * jnp.sinh(log_pt), log_pt)
    log_pt = log_pt + log_left
    log_p = jnp.log(pt_in) + log_pt + log_cosh(eta)
    log_ratio = {"residual": _of_mass, "free": _of_any_mass}[momenta](mass, log_p, is_track)
    log_energy = jnp.where(real, log_p + log_ratio - jnp.log(energy_in), 0.0)
    return Prediction(
        class_logits, charge_logits, log_pt, log_energy, eta, shared["sin_phi"] + d_sin,
        shared["cos_phi"] + d_cos, *_log_spreads(spreads, real) or (None, None), sharing,
    )  # fmt: skip


def calibrated(
    prediction: Prediction, X: Float[Array, "batch elements features"], config: ModelConfig
) -> Prediction:
    """The prediction as a calibrated model makes it: clusters are taken for neutral hadrons and
    photons sooner or later, and all that becomes of them is scaled."""
    is_cluster = X[..., schema.SHARED["elemtype"]] == schema.CLUSTER
    biases = {"neutral hadron": config.hadron_bias, "photon": config.photon_bias}
    bias = jnp.asarray([biases.get(name, 0.0) for name in schema.CLASSES])
    log_scale = jnp.where(is_cluster, math.log(config.neutral_scale), 0.0)
    return prediction._replace(
        class_logits=prediction.class_logits + jnp.where(is_cluster[..., None], bias, 0.0),
        log_pt=prediction.log_pt + log_scale,
        log_energy=prediction.log_energy + log_scale,
    )


def _of_mass(output, log_p, is_track):
    """log(E/p) = log(1 + m^2/p^2) / 2; an output of 1 makes the mass e times as large."""
    log_mass = output + jnp.log(jnp.where(is_track, TRACK_MASS, CLUSTER_MASS))
    return 0.5 * jax.nn.softplus(2 * (log_mass - log_p))


def _of_any_mass(output, log_p, is_track):
    """E = p (1 + softplus(w - 3)): every particle starts 5% above its momentum."""
    return jnp.log1p(jax.nn.softplus(output - 3.0))


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
