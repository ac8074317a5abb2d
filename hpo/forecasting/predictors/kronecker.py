"""A Gaussian process over configurations x epochs, of which some entries have been observed.

Lin, Ament, Balandat and Bakshy (2024), "Scaling Gaussian Processes for Learning Curve Prediction
via Latent Kronecker Structure". With P the selection of the observed entries of the grid,

    y = P f + noise,    cov(f) = K1 (x) K2,    cov(y) = P (K1 (x) K2) P^T + noise^2 I

    K1[i, j] = shared^2 exp(-|(x_i - x_j) / scales|^2 / 2) + own^2 [i = j]       configurations
    K2[s, t] = exp(-|s - t| / span)                                   epochs, Matern-1/2

The second term of K1 is not in the paper: it is what a training owes to its seed rather than to
its configuration, and what keeps two trainings of one configuration from being the same curve with
noise.

Nor is the way to solve it, which is exact and without iterations. The covariance of a grid without
gaps, C = K1 (x) K2 + noise^2 I, is diagonal in the eigenvectors of K1 and K2. The entries that are
missing, E, are few: the epochs ahead of the trials in question. By the inverse of a matrix in
blocks, with A = E^T C^-1 E,

    cov(y)^-1 = C^-1 - C^-1 E A^-1 E^T C^-1     (on the observed entries)
    log |cov(y)| = log |C| + log |A|
    what is missing, as it would be measured: mean -A^-1 E^T C^-1 y, covariance A^-1

so that beside K1 and K2 only a matrix of the gaps is decomposed. Gradients are written out, because
those of eigenvectors are not defined where eigenvalues are equal.

Every function is pure and jitted; call them with 64-bit floats enabled. Rows and columns that are
not real change nothing, so problems are padded to few shapes and compiled once for each.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Grid = Float[Array, "configurations epochs"]


class Hyper(NamedTuple):
    """Logarithms of what the kernels are made of; see the module for the symbols."""

    scales: Float[Array, " features"]
    shared: Float[Array, ""]
    own: Float[Array, ""]
    span: Float[Array, ""]
    noise: Float[Array, ""]


class Gaps(NamedTuple):
    """What is missing: entries (`rows[p]`, `columns[q]`) of the grid where `missing[p, q]`."""

    rows: Int[Array, " gap_rows"]
    columns: Int[Array, " gap_columns"]
    missing: Bool[Array, "gap_rows gap_columns"]


class Problem(NamedTuple):
    """`values[i, t]` was observed for configuration `features[i]` at time `times[t]`, unless it is
    one of the `gaps`, where it is zero. Rows and columns that are not real are padding, and zero.
    """

    features: Float[Array, "configurations features"]
    times: Float[Array, " epochs"]
    values: Grid
    real_rows: Bool[Array, " configurations"]
    real_columns: Bool[Array, " epochs"]
    gaps: Gaps


def initial(features: int) -> Hyper:
    """The centre of the prior: smooth in the configuration, nearly a random walk in time."""
    scale = jnp.sqrt(2.0) + jnp.log(max(features, 1)) / 2  # Hvarfner et al. 2024, as in the paper
    ones = jnp.ones(())
    return Hyper(jnp.full(features, scale), 0 * ones, -1 * ones, 1 * ones, -3 * ones)


def start(features: int) -> Hyper:
    """Where ascents begin: as the prior, but in configurations as rough as half of the cube's
    diagonal. From smooth ones they end where the configuration explains nothing."""
    rough = jnp.full(features, jnp.log(0.5) + jnp.log(max(features, 1)) / 2)
    return initial(features)._replace(scales=rough)


def penalty(hyper: Hyper) -> Float[Array, ""]:
    """-log of a normal prior of the logarithms, up to a constant."""
    centre = initial(len(hyper.scales))
    widths = Hyper(jnp.sqrt(3.0) * jnp.ones_like(hyper.scales), *[jnp.full((), 1.5)] * 4)
    terms = jax.tree.map(lambda h, c, w: jnp.sum(((h - c) / w) ** 2), hyper, centre, widths)
    return 0.5 * sum(terms)


class Parts(NamedTuple):
    """K1, K2 and noise^2, or the derivatives of something by them."""

    K1: Float[Array, "n n"]
    K2: Float[Array, "m m"]
    noise: Float[Array, ""]


def kernels(hyper: Hyper, problem: Problem) -> Parts:
    """K1 and K2, zero where a row or a column is padding, and the variance of the noise."""
    x = problem.features / jnp.exp(hyper.scales)
    squares = jnp.sum((x[:, None] - x[None]) ** 2, -1)
    own = jnp.exp(2 * hyper.own) * jnp.eye(len(x))
    distance = jnp.abs(problem.times[:, None] - problem.times[None])
    rows, columns = problem.real_rows, problem.real_columns
    K1 = jnp.exp(2 * hyper.shared - squares / 2) + own
    K2 = jnp.exp(-distance / jnp.exp(hyper.span))
    return Parts(
        jnp.where(rows[:, None] & rows, K1, 0.0),
        jnp.where(columns[:, None] & columns, K2, 0.0),
        jnp.exp(2 * hyper.noise),
    )


class Whole(NamedTuple):
    """The covariance C of a grid without gaps: eigenvalues and -vectors of K1 and K2, and the
    `spectrum` of C."""

    l1: Float[Array, " n"]
    Q1: Float[Array, "n n"]
    l2: Float[Array, " m"]
    Q2: Float[Array, "m m"]
    spectrum: Grid

    def solve(self, V: Grid) -> Grid:
        """C^-1 V."""
        return self.Q1 @ ((self.Q1.T @ V @ self.Q2) / self.spectrum) @ self.Q2.T


def whole(parts: Parts) -> Whole:
    """The decomposition of C."""
    (l1, Q1), (l2, Q2) = jnp.linalg.eigh(parts.K1), jnp.linalg.eigh(parts.K2)
    l1, l2 = jnp.maximum(l1, 0), jnp.maximum(l2, 0)
    return Whole(l1, Q1, l2, Q2, l1[:, None] * l2 + parts.noise)


class Conditioned(NamedTuple):
    """What the observations leave: `weights` cov(y)^-1 y on the grid, `mean` and `covariance` of
    the gaps (the unit matrix where nothing is missing), and log |A|."""

    weights: Grid
    mean: Float[Array, "gap_rows gap_columns"]
    covariance: Float[Array, "gap_rows gap_columns gap_rows gap_columns"]
    log_determinant: Float[Array, ""]


def conditioned(C: Whole, values: Grid, gaps: Gaps) -> Conditioned:
    """The formulas of the module."""
    q1, q2, missing = C.Q1[gaps.rows], C.Q2[gaps.columns], gaps.missing
    of_columns = jnp.einsum("sb,tb,ab->sta", q2, q2, 1 / C.spectrum)
    A = jnp.einsum("ista,ja->isjt", q1[:, None, None] * of_columns[None], q1)
    size = missing.size
    both = missing.ravel()[:, None] & missing.ravel()
    factor = jnp.linalg.cholesky(jnp.where(both, A.reshape(size, size), jnp.eye(size)))
    inverse = jax.scipy.linalg.cho_solve((factor, True), jnp.eye(size))
    there = gaps.rows[:, None], gaps.columns
    solved = C.solve(values)
    mean = -inverse @ jnp.where(missing, solved[there], 0.0).ravel()
    mean = jnp.where(missing, mean.reshape(missing.shape), 0.0)
    weights = C.solve(values.at[there].add(mean))  # what is expected there explains nothing more
    covariance = inverse.reshape(missing.shape * 2)
    return Conditioned(weights, mean, covariance, 2 * jnp.sum(jnp.log(jnp.diagonal(factor))))


@jax.jit
def posterior(
    hyper: Hyper, problem: Problem
) -> tuple[Float[Array, "gap_rows gap_columns"], Float[Array, "gap_rows gap_columns"]]:
    """Mean and variance of the missing entries as they would be measured, noise and all."""
    found = conditioned(whole(kernels(hyper, problem)), problem.values, problem.gaps)
    return found.mean, jnp.einsum("isis->is", found.covariance)


@jax.jit
def loss_and_gradient(hyper: Hyper, problem: Problem) -> tuple[Float[Array, ""], Hyper]:
    """-log p(y) - log prior, up to a constant, and its gradient."""
    parts, back = jax.vjp(lambda h: kernels(h, problem), hyper)
    C = whole(parts)
    found = conditioned(C, problem.values, problem.gaps)
    padding = problem.values.size - problem.real_rows.sum() * problem.real_columns.sum()
    determinant = jnp.sum(jnp.log(C.spectrum)) - padding * jnp.log(parts.noise)
    loss = 0.5 * (jnp.sum(problem.values * found.weights) + determinant + found.log_determinant)
    traces = _of_determinants(C, found.covariance, problem.gaps)
    a = found.weights
    slope = Parts(
        0.5 * (traces.K1 - a @ parts.K2 @ a.T),
        0.5 * (traces.K2 - a.T @ parts.K1 @ a),
        0.5 * (traces.noise - padding / parts.noise - jnp.sum(a**2)),
    )
    prior, more = jax.value_and_grad(penalty)(hyper)
    return loss + prior, jax.tree.map(jnp.add, back(slope)[0], more)


def _of_determinants(C: Whole, covariance: Array, gaps: Gaps) -> Parts:
    """The derivatives of log |C| + log |A|: tr(C^-1 dC) - tr(A^-1 E^T C^-1 dC C^-1 E).

    In the eigenvectors of K1 (indices a, c) and K2 (b, d) C^-1 is diagonal, and what is between its
    two factors is taken for one eigenvector of the other kernel at a time.
    """
    both = gaps.missing[:, :, None, None] & gaps.missing
    R, q1, q2 = jnp.where(both, covariance, 0.0), C.Q1[gaps.rows], C.Q2[gaps.columns]
    S = jnp.einsum("isjb,sb->bij", jnp.einsum("isjt,tb->isjb", R, q2), q2)
    S = q1.T @ (S @ q1)  # for each b, by a and c
    Z = jnp.einsum("isat,ia->ast", jnp.einsum("isjt,ja->isat", R, q1), q1)
    Z = q2.T @ (Z @ q2)  # for each a, by b and d
    inverse = 1 / C.spectrum
    G1 = jnp.diag(inverse @ C.l2) - jnp.einsum("b,ab,cb,bac->ac", C.l2, inverse, inverse, S)
    G2 = jnp.diag(C.l1 @ inverse) - jnp.einsum("a,ab,ad,abd->bd", C.l1, inverse, inverse, Z)
    noise = jnp.sum(inverse) - jnp.einsum("ab,baa->", inverse**2, S)
    return Parts(C.Q1 @ G1 @ C.Q1.T, C.Q2 @ G2 @ C.Q2.T, noise)
