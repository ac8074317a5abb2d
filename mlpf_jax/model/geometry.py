"""Where elements meet the calorimeter, and which elements lie next to them.

Pure functions of raw X. What a detector physicist knows and a small network learns slowly: a
track bends, so its direction at the vertex is not where its shower is.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from datasets import schema
from mlpf_jax.layers import neighbourhoods, segments

CLUSTER_NEIGHBOURS = 2
TRACK_NEIGHBOURS = 3
_SHAPE_COLUMNS = (
    "energy", "energy_ecal", "energy_hcal", "num_hits", "sigma_x", "sigma_y", "sigma_z",
)  # fmt: skip
SURROUNDINGS = (0.02, 0.06, 0.2)  # widths of the regions whose sums an element sees, in radians
NEIGHBOUR_FEATURES = 3 * CLUSTER_NEIGHBOURS + 2 * TRACK_NEIGHBOURS + 4 + 3 * len(SURROUNDINGS)


def face_direction(
    X: Float[Array, "*rows elements features"], face: Float[Array, "*rows 2"] | None = None
) -> Float[Array, "*rows elements 3"]:
    """Unit vector from the interaction point to where an element meets the calorimeter face.

    Clusters: their position. Tracks: the helix from the origin followed to the face. Padding: 0.
    `face` are radius and half length (mm, `schema.Face`) of each row's detector; None: CLIC's.
    """
    kind = X[..., schema.SHARED["elemtype"], None]
    towards = jnp.where(kind == schema.TRACK, _helix_end(X, *_sizes(face)), 0.0)
    towards = jnp.where(kind == schema.CLUSTER, _position(X), towards)
    length = jnp.sqrt((towards**2).sum(-1, keepdims=True))
    return towards / jnp.where(length > 0, length, 1)


def _position(X):
    first = schema.cluster("position.x")
    return X[..., first : first + 3]


def _sizes(face):
    """Radius and half length, next to the elements of each row."""
    return schema.CLIC_FACE if face is None else (face[..., 0, None], face[..., 1, None])


def _helix_end(X, radius, half_length):
    """End of the arc from the origin to the barrel or, if it comes first, to the endcap [mm].

    With signed curvature omega (positive: clockwise, LCIO's convention) and transverse arc
    length s, the end lies at a distance s sinc(omega s / 2) in the azimuth phi - omega s / 2.
    """
    omega, tan_lambda = X[..., schema.track("omega")], X[..., schema.track("tanLambda")]
    phi = jnp.arctan2(X[..., schema.track("sin_phi")], X[..., schema.track("cos_phi")])
    half_turn = radius * jnp.abs(omega) / 2  # sine of half the turn at the barrel
    reaches = half_turn < 1
    arcsine = jnp.arcsin(jnp.where(reaches, half_turn, 0.0))
    ratio = jnp.where(half_turn > 1e-6, arcsine / jnp.maximum(half_turn, 1e-6), 1.0)
    to_barrel = jnp.where(reaches, radius * ratio, jnp.inf)
    to_endcap = half_length / jnp.maximum(jnp.abs(tan_lambda), 1e-3)
    arc = jnp.minimum(to_barrel, to_endcap)
    chord = arc * jnp.sinc(omega * arc / (2 * jnp.pi))
    azimuth = phi - omega * arc / 2
    return jnp.stack([chord * jnp.cos(azimuth), chord * jnp.sin(azimuth), arc * tan_lambda], -1)


def shapes(
    X: Float[Array, "*rows elements features"], face: Float[Array, "*rows 2"] | None = None
) -> Float[Array, "*rows elements 6"]:
    """How clusters lie in the calorimeter, scaled to order one; 0 for other elements.

    Depth of the centre behind the face; widths along the flight and across it, whatever its
    direction, where the dataset has them along x, y and z (as if these were independent); shares
    of ECAL and HCAL; energy of a hit.
    """
    is_cluster = X[..., schema.SHARED["elemtype"]] == schema.CLUSTER
    column = {n: jnp.where(is_cluster, X[..., schema.cluster(n)], 0.0) for n in _SHAPE_COLUMNS}
    position = jnp.where(is_cluster[..., None], _position(X), 1.0)
    length = jnp.sqrt(jnp.maximum((position**2).sum(-1), 1e-6))
    flight = position / length[..., None]
    radius, half_length = _sizes(face)
    to_barrel = radius / jnp.maximum(jnp.hypot(flight[..., 0], flight[..., 1]), 1e-3)
    to_endcap = half_length / jnp.maximum(jnp.abs(flight[..., 2]), 1e-3)
    depth = length - jnp.minimum(to_barrel, to_endcap)
    squared = jnp.stack([column[f"sigma_{axis}"] for axis in "xyz"], -1) ** 2
    along = (flight**2 * squared).sum(-1)
    across = jnp.maximum(squared.sum(-1) - along, 0.0) / 2
    energy = jnp.where(column["energy"] > 0, column["energy"], 1.0)
    of_a_hit = jnp.maximum(column["energy"], 0.0) / jnp.maximum(column["num_hits"], 1.0)
    values = [
        jnp.arcsinh(depth / 100.0),
        *(jnp.log1p(jnp.sqrt(width) / 10.0) for width in (along, across)),
        column["energy_ecal"] / energy,
        column["energy_hcal"] / energy,
        jnp.log1p(100.0 * of_a_hit),
    ]
    values = jnp.where(is_cluster[..., None], jnp.stack(values, -1), 0.0)
    return jax.lax.stop_gradient(values)


def squared_distances(
    u: Float[Array, "*batch a 3"], v: Float[Array, "*batch b 3"]
) -> Float[Array, "*batch a b"]:
    """|u_a - v_b|^2 from differences: exact for neighbours, where |u|^2 + |v|^2 - 2uv cancels."""
    return sum((u[..., :, None, k] - v[..., None, :, k]) ** 2 for k in range(3))


def neighbour_features(
    X: Float[Array, "rows elements features"],
    segment: Int[Array, "rows elements"],
    direction: Float[Array, "rows elements 3"],
    counts: Int[Array, "rows segments"],
) -> Float[Array, "rows elements values"]:
    """What lies next to every element, scaled to order one; no gradient passes.

    Of the nearest clusters: log distance, log energy, ECAL fraction. Of the nearest tracks: log
    distance, log momentum. Then, for the element's nearest cluster and, if it is a cluster
    itself, for it: the log of the summed momentum and the number of tracks that point to it. Last,
    the logs of the cluster energy and of the track momentum in Gaussian regions around it, itself
    included, and their asymmetry: what neutral particles have left is the difference.

    Everything within the element's event, and in large ones within its neighbourhood.
    """
    near = neighbourhoods.find(direction, segment, counts)
    values = _values(*(neighbourhoods.into(near, x) for x in (X, segment, direction)))
    return jax.lax.stop_gradient(neighbourhoods.out_of(near, values, X.shape[0]))


def _values(X, segment, direction):
    kind, mask = X[..., schema.SHARED["elemtype"]], segment > 0
    is_track, is_cluster = mask & (kind == schema.TRACK), mask & (kind == schema.CLUSTER)
    energy = X[..., schema.SHARED["energy"]]
    log_energy = jnp.log(jnp.where(mask & (energy > 0), energy, 1.0))
    ecal = _ecal_share(X, is_cluster, energy)

    distance = squared_distances(direction, direction)
    others = segments.same(segment) & ~jnp.eye(X.shape[1], dtype=bool)
    distance = jnp.where(others, distance, jnp.inf)
    columns = []
    nearest_cluster, found_cluster = [], []
    for index, d2 in _nearest(distance, is_cluster, CLUSTER_NEIGHBOURS):
        found = jnp.isfinite(d2)
        nearest_cluster.append(index)
        found_cluster.append(found)
        columns += [_log_distance(d2), _at(log_energy, index, found), _at(ecal, index, found)]
    for index, d2 in _nearest(distance, is_track, TRACK_NEIGHBOURS):
        columns += [_log_distance(d2), _at(log_energy, index, jnp.isfinite(d2))]

    points = is_track & found_cluster[0]
    momentum = _sum_by(nearest_cluster[0], jnp.where(points, energy, 0.0))
    number = _sum_by(nearest_cluster[0], points.astype(energy.dtype))
    for value in (jnp.log1p(momentum), number):
        columns += [
            jnp.where(is_cluster, value, 0.0),
            _at(value, nearest_cluster[0], found_cluster[0]),
        ]
    sources = jnp.stack([jnp.where(kind, energy, 0.0) for kind in (is_cluster, is_track)], -1)
    for width in SURROUNDINGS:
        around = sources + jnp.exp(distance / (-2 * width**2)) @ sources
        clusters, tracks = jnp.moveaxis(around, -1, 0)
        asymmetry = (clusters - tracks) / (clusters + tracks + 0.1)
        columns += [jnp.log1p(clusters), jnp.log1p(tracks), asymmetry]
    values = jnp.stack(columns, -1)
    return jnp.where(mask[..., None], values, 0.0)


def _ecal_share(X, is_cluster, energy):
    """Of a cluster's energy; of a hit 1 or 0. Columns tell which of the two they are."""
    if schema.form_of_width(X.shape[-1]).has_clusters:
        in_ecal = X[..., schema.cluster("energy_ecal")]
        return in_ecal / jnp.where(is_cluster & (energy > 0), energy, 1.0)
    here = is_cluster & (X[..., schema.hit("subdetector")] == schema.ECAL)
    return here.astype(X.dtype)


def _nearest(distance, candidate, count):
    """Yields (index, squared distance) of the nearest, second nearest, ... candidate.

    Repeated minima: on a CPU `top_k` costs many times more, and `argmin` five times. Nothing
    left: infinite distance.
    """
    remaining = jnp.where(candidate[:, None, :], distance, jnp.inf)
    position = jnp.arange(distance.shape[-1], dtype=jnp.int32)
    for _ in range(count):
        least = remaining.min(-1, keepdims=True)
        # The compiler may compute a distance twice, with and without fused multiply-add, so that
        # none equals the minimum; those that differ by rounding alone count as equal.
        index = jnp.where(remaining <= least * (1 + 1e-6), position, position[-1]).min(-1)
        yield index, least[..., 0]
        remaining = jnp.where(position == index[..., None], jnp.inf, remaining)


def _log_distance(d2):
    """log of the distance relative to 0.03 (5 cm on the face); 3 where there is nobody."""
    nobody = jnp.isinf(d2)
    safe = jnp.where(nobody, 1.0, d2)
    return jnp.where(nobody, 3.0, 0.5 * jnp.log(safe + 1e-7) + 3.5)


def _at(values: Float[Array, "batch n"], index: Int[Array, "batch m"], found) -> Array:
    return jnp.where(found, jnp.take_along_axis(values, index, axis=1), 0.0)


def _sum_by(index: Int[Array, "batch n"], values: Float[Array, "batch n"]) -> Array:
    """Sum of the values of all elements that name the same index."""

    def add(i, v):
        return jnp.zeros_like(v).at[i].add(v)

    return jax.vmap(add)(index, values)
