"""Energy accounting: every track shares its expected deposit among the clusters around it.

What a cluster holds beyond that, neutral particles left there; the heads only correct it. Of a
track t and the clusters c of its event, in its neighbourhood:

    far_tc   = log(1 + (d_tc / reach)^2)
    hidden   = relu(u_t + w_c - (s_t + SLOPE) far_tc)
    logit_tc = q_t . k_c / sqrt(KEYS) + v_t . hidden + NEAR - TAIL far_tc
    a_tc     = exp(logit_tc) / (exp(nowhere_t) + sum_c exp(logit_tc))
    taken_c  = sum_t a_tc response_t p_t                          GeV
    left_c   = s softplus((E_c - taken_c) / s),  s = .15 sqrt(E_c + .05) + .02

d is the distance on the calorimeter face (radians): shares fall as in a Gaussian next to a track,
and as a power far from it, for showers of what a track decayed to, or hit on its way, may be
anywhere. Hidden values of a pair know what neither knows alone, as E/p, and how far apart the two
are: a network of one layer, whose weights the track decides. Queries (q, u, s, v), keys (k, w),
responses and `nowhere`, what a track leaves in no cluster, are learned.
Shares sum to one, what is left is neither negative nor less than E_c - taken_c, and all of it is
linear in the elements of a row. A relative of the incidence matrices of HGPflow (Kakati et al.,
arXiv:2410.23236), which share clusters among particles that are not known yet.
"""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from datasets import schema
from mlpf_jax.layers import neighbourhoods, segments
from mlpf_jax.layers.linear import Linear
from mlpf_jax.model import geometry
from mlpf_jax.model.backbones import Scene

KEYS = 16  # dimensions of q and k
SLOPE = 0.5  # of hidden values of a pair over `far`, before anything is learned
NEAR = 4.0  # logit of a cluster right at the end of a track, before anything is learned
TAIL = 3.0
REACH = 0.055  # radians, initial: next to a track as exp(-(d / .032)^2), 5 cm where it is at 1.5 m
RESPONSE = 1.5  # a track's response starts at sigmoid(1.5) = .82
LEAST = 0.03  # of left / E: below, nothing is left to be corrected


class Sharing(NamedTuple):
    """What decides the shares: by it every share of a track can be computed (`log_share`)."""

    query: Float[Array, "rows elements query"]  # of tracks: q, u, s, v
    key: Float[Array, "rows elements key"]  # of clusters: k, w
    point: Float[Array, "rows elements 3"]  # on the calorimeter face, in units of `reach`
    nowhere: Float[Array, "rows elements"]  # logit of no cluster
    log_total: Float[Array, "rows elements"]  # log of the sum over clusters and nowhere


class Account(NamedTuple):
    """The energy of every cluster, as its tracks explain it (GeV; 0 and 1 for other elements)."""

    sharing: Sharing
    taken: Float[Array, "rows elements"]
    left: Float[Array, "rows elements"]
    log_left: Float[Array, "rows elements"]  # log(left / E), not below that of LEAST; 0: no cluster
    usable: Bool[Array, "rows elements"]  # a cluster that has energy, all of it taken or not

    def values(self, energy: Float[Array, "rows elements"]) -> Float[Array, "rows elements 3"]:
        """What the heads see of it, of order one."""
        excess = (energy - self.taken) * jax.lax.rsqrt(energy + 0.1)
        excess = jnp.where(self.usable, jnp.clip(excess, -5.0, 20.0), 0.0)
        return jnp.stack([self.log_left, excess, jnp.log1p(self.taken)], -1)


class EnergySharing(nn.Module):
    """Makes the account of an event from inputs and representation of its elements."""

    pairs: int = 0  # hidden values of a pair

    @nn.compact
    def __call__(self, X, x, scene: Scene) -> Account:
        """`x` (rows, elements, ...): what is known of every element."""
        of_query, of_key = KEYS + 3 * self.pairs, KEYS + self.pairs
        learned = Linear(of_query + of_key + 2, 0.3)(x)
        query, key, rest = jnp.split(learned, (of_query, of_query + of_key), -1)
        nowhere, response = jnp.moveaxis(rest, -1, 0)
        start = nn.initializers.constant(jnp.log(REACH))
        point = scene.direction / jnp.exp(self.param("log_reach", start, (1,)))
        kind = X[..., schema.SHARED["elemtype"]]
        energy = jnp.where(scene.segment > 0, X[..., schema.SHARED["energy"]], 0.0)
        expected = jnp.where(kind == schema.TRACK, energy * jax.nn.sigmoid(response + RESPONSE), 0)

        near = neighbourhoods.find(scene.direction, scene.segment, scene.counts)
        parts = (query, key, point, nowhere, scene.segment, kind, expected)
        taken, log_total = _taken(*(neighbourhoods.into(near, part) for part in parts))
        taken, log_total = (neighbourhoods.out_of(near, y, X.shape[0]) for y in (taken, log_total))

        is_cluster = kind == schema.CLUSTER
        usable = is_cluster & (energy > 0)
        left, log_left = _left(energy, taken, usable)
        sharing = Sharing(query, key, point, nowhere, log_total)
        return Account(sharing, jnp.where(is_cluster, taken, 0.0), left, log_left, usable)


def shares(
    query: Float[Array, "places size query"],
    key: Float[Array, "places size key"],
    point: Float[Array, "places size 3"],
    nowhere: Float[Array, "places size"],
    segment: Int[Array, "places size"],
    kind: Float[Array, "places size"],
) -> tuple[Float[Array, "places size size"], Float[Array, "places size"]]:
    """Share of every track (row) in every cluster (column) of its event; log of the total."""
    far = jnp.log1p(geometry.squared_distances(point, point))
    product = jnp.einsum("...td,...cd->...tc", query[..., :KEYS], key[..., :KEYS])
    logit = _logit(product, far, query[..., :, None, KEYS:], key[..., None, :, KEYS:])
    track, cluster = kind == schema.TRACK, kind == schema.CLUSTER
    pairs = segments.same(segment) & track[..., :, None] & cluster[..., None, :]
    logit = jnp.where(pairs, logit, -jnp.inf)
    highest = jax.lax.stop_gradient(jnp.maximum(logit.max(-1), nowhere))
    weight = jnp.exp(logit - highest[..., None])
    total = weight.sum(-1) + jnp.exp(nowhere - highest)
    return weight / total[..., None], highest + jnp.log(total)


def _taken(query, key, point, nowhere, segment, kind, expected):
    share, log_total = shares(query, key, point, nowhere, segment, kind)
    return jnp.einsum("...tc,...t->...c", share, expected), log_total


def _logit(product, far, of_track, of_cluster):
    """Of pairs, whose values broadcast against each other; hidden ones are never in memory."""
    pairs = of_cluster.shape[-1]
    start, slope, weight = (of_track[..., i * pairs : (i + 1) * pairs] for i in range(3))
    logit = product / KEYS**0.5 + NEAR - TAIL * far
    for i in range(pairs):
        hidden = start[..., i] + of_cluster[..., i] - (slope[..., i] + SLOPE) * far
        logit = logit + weight[..., i] * jax.nn.relu(hidden)
    return logit


def _left(energy, taken, usable):
    """What is left of a cluster, and its log relative to the cluster. Of one that tracks explain
    many times over it is a number too small for its digits, or 0: nothing may ask which."""
    energy = jnp.where(usable, energy, 1.0)
    scale = 0.15 * jnp.sqrt(energy + 0.05) + 0.02
    left = scale * jax.nn.softplus((energy - jnp.where(usable, taken, 0.0)) / scale)
    log_left = jnp.log(jnp.maximum(left / energy, LEAST))
    return jnp.where(usable, left, 0.0), jnp.where(usable, log_left, 0.0)


def log_share(
    sharing: Sharing, track: Int[Array, "rows links"], cluster: Int[Array, "rows links"]
) -> Float[Array, "rows links"]:
    """log a_tc of pairs of places in a row; of neighbours (others have no share, and less than 0).

    Linear in the pairs that are asked for: no matrix of all shares is kept.
    """
    query, key = _at(sharing.query, track), _at(sharing.key, cluster)
    apart = _at(sharing.point, track) - _at(sharing.point, cluster)
    product = (query[..., :KEYS] * key[..., :KEYS]).sum(-1)
    far = jnp.log1p((apart**2).sum(-1))
    logit = _logit(product, far, query[..., KEYS:], key[..., KEYS:])
    return jnp.minimum(logit - jnp.take_along_axis(sharing.log_total, track, axis=1), 0.0)


def of_elements(sharing: Sharing, move: Callable[[Array], Array]) -> Sharing:
    """The same of elements that `move` puts elsewhere in their rows."""
    return Sharing(*map(move, sharing))


def _at(values, index):
    return jnp.take_along_axis(values, index[..., None], axis=1)
