"""A Gaussian process over configurations x epochs, of which some entries have been observed.

Lin, Ament, Balandat and Bakshy (2024), "Scaling Gaussian Processes for Learning Curve Prediction
via Latent Kronecker Structure". With P the selection of the observed entries of the grid,

    y = P f + noise,    cov(f) = K1 (x) K2,    cov(y) = P (K1 (x) K2) P^T + noise^2 I

    K1[i, j] = shared^2 exp(-|(x_i - x_j) / scales|^2 / 2) + own^2 [i = j]       configurations
    K2[s, t] = exp(-|s - t| / span)                                   epochs, Matern-1/2

The matrix of y is never formed: a product with it is a masked K1 V K2, for V a grid that is zero
where nothing was observed, and systems are solved by conjugate gradients. The second term of K1 is
not in the paper: it is what a training owes to its seed rather than to its configuration, and what
keeps two trainings of one configuration from being the same curve with noise.

Every function is pure and jitted; call them with 64-bit floats enabled. Rows and columns that are
nowhere observed change nothing, so problems are padded to few shapes and compiled once for each.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

Grid = Float[Array, "configurations epochs"]
Grids = Float[Array, "sides configurations epochs"]


class Hyper(NamedTuple):
    """Logarithms of what the kernels are made of; see the module for the symbols."""

    scales: Float[Array, " features"]
    shared: Float[Array, ""]
    own: Float[Array, ""]
    span: Float[Array, ""]
    noise: Float[Array, ""]


class Problem(NamedTuple):
    """`values[i, t]` was observed for configuration `features[i]` at time `times[t]` where
    `mask[i, t]`, and is zero elsewhere."""

    features: Float[Array, "configurations features"]
    times: Float[Array, " epochs"]
    values: Grid
    mask: Bool[Array, "configurations epochs"]


class Solution(NamedTuple):
    """`sides` solved to `residual`, the largest |remainder| / |right side|."""

    sides: Grids
    iterations: Int[Array, ""]
    residual: Float[Array, ""]


_Carry = tuple[Grids, Grids, Grids, Float[Array, "sides 1 1"], Int[Array, ""]]
"""Of conjugate gradients: x, r, p, r.z and the steps so far."""

_Ascent = tuple[Hyper, Hyper, Hyper, Grids]
"""Hyperparameters, Adam's two means, and the solutions so far."""


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


def kernels(hyper: Hyper, problem: Problem) -> tuple[Float[Array, "n n"], Float[Array, "m m"]]:
    """K1 and K2."""
    x = problem.features / jnp.exp(hyper.scales)
    squares = jnp.sum((x[:, None] - x[None]) ** 2, -1)
    own = jnp.exp(2 * hyper.own) * jnp.eye(len(x))
    distance = jnp.abs(problem.times[:, None] - problem.times[None])
    return (
        jnp.exp(2 * hyper.shared - squares / 2) + own,
        jnp.exp(-distance / jnp.exp(hyper.span)),
    )


def product(hyper: Hyper, problem: Problem, sides: Grids) -> Grids:
    """cov(y) times each side; sides are zero where nothing was observed, and so is the product."""
    K1, K2 = kernels(hyper, problem)
    return problem.mask * (K1 @ sides @ K2) + jnp.exp(2 * hyper.noise) * sides


@jax.jit
def solve(
    hyper: Hyper,
    problem: Problem,
    sides: Grids,
    start: Grids,
    tolerance: float = 1e-6,
    most: int = 1000,
) -> Solution:
    """cov(y)^-1 times each side, by preconditioned conjugate gradients from `start`.

    The preconditioner is the inverse for a grid without holes, which the eigenvectors of K1 and K2
    give, restricted to the observed entries.
    """
    K1, K2 = kernels(hyper, problem)
    noise = jnp.exp(2 * hyper.noise)
    (l1, Q1), (l2, Q2) = jnp.linalg.eigh(K1), jnp.linalg.eigh(K2)
    spectrum = jnp.maximum(l1[:, None] * l2[None], 0) + noise

    def apply(V: Grids) -> Grids:
        return problem.mask * (K1 @ V @ K2) + noise * V

    def precondition(V: Grids) -> Grids:
        return problem.mask * (Q1 @ ((Q1.T @ V @ Q2) / spectrum) @ Q2.T)

    def dot(a: Grids, b: Grids) -> Float[Array, "sides 1 1"]:
        return jnp.sum(a * b, (1, 2), keepdims=True)

    lengths = jnp.maximum(dot(sides, sides), 1e-300)

    def unfinished(carry: _Carry) -> Bool[Array, ""]:
        _, r, _, _, steps = carry
        return (jnp.max(dot(r, r) / lengths) > tolerance**2) & (steps < most)

    def step(carry: _Carry) -> _Carry:
        x, r, p, rz, steps = carry
        Ap = apply(p)
        alpha = rz / jnp.maximum(dot(p, Ap), 1e-300)
        x, r = x + alpha * p, r - alpha * Ap
        z = precondition(r)
        new = dot(r, z)
        return x, r, z + new / jnp.maximum(rz, 1e-300) * p, new, steps + 1

    r = sides - apply(start)
    z = precondition(r)
    x, r, _, _, steps = jax.lax.while_loop(unfinished, step, (start, r, z, dot(r, z), jnp.array(0)))
    return Solution(x, steps, jnp.sqrt(jnp.max(dot(r, r) / lengths)))


class Posterior(NamedTuple):
    """`mean` of f on the whole grid; `variance` of f for the rows and the column asked for."""

    mean: Grid
    variance: Float[Array, " rows"]
    residual: Float[Array, ""]


@jax.jit
def posterior(
    hyper: Hyper, problem: Problem, rows: Int[Array, " rows"], column: Int[Array, ""]
) -> Posterior:
    """mean = (K1 (x) K2) P^T cov(y)^-1 y;  variance = k - k_y cov(y)^-1 k_y^T."""
    K1, K2 = kernels(hyper, problem)
    cross = problem.mask * (K1[rows][:, :, None] * K2[column][None, None, :])
    sides = jnp.concatenate([problem.values[None], cross])
    solution = solve(hyper, problem, sides, jnp.zeros_like(sides))
    mean = K1 @ solution.sides[0] @ K2
    before = jnp.diagonal(K1)[rows] * K2[column, column]
    variance = before - jnp.sum(cross * solution.sides[1:], (1, 2))
    return Posterior(mean, jnp.maximum(variance, 0), solution.residual)


class Entries(NamedTuple):
    """The observed entries in a list, padded: row, column, and whether it is one."""

    rows: Int[Array, " entries"]
    columns: Int[Array, " entries"]
    real: Bool[Array, " entries"]


@jax.jit
def exact_loss(hyper: Hyper, problem: Problem, entries: Entries) -> Float[Array, ""]:
    """-log p(y) - log prior, up to a constant, by a Cholesky decomposition of cov(y)."""
    K1, K2 = kernels(hyper, problem)
    rows, columns, real = entries
    covariance = K1[rows][:, rows] * K2[columns][:, columns] * (real[:, None] & real[None])
    diagonal = jnp.where(real, jnp.exp(2 * hyper.noise), 1.0)
    factor = jnp.linalg.cholesky(covariance + jnp.diag(diagonal))
    y = jnp.where(real, problem.values[rows, columns], 0.0)
    white = jax.scipy.linalg.solve_triangular(factor, y, lower=True)
    return 0.5 * white @ white + jnp.sum(jnp.log(jnp.diagonal(factor))) + penalty(hyper)


exact_gradient = jax.jit(jax.value_and_grad(exact_loss))


def stochastic_gradient(hyper: Hyper, problem: Problem, solutions: Grids, probes: Grids) -> Hyper:
    """The gradient of `exact_loss` without a decomposition.

    With a = cov(y)^-1 y (solutions[0]) and u = cov(y)^-1 z (the others) for probes of unit
    covariance,  d/dh = -a^T (dC/dh) a / 2 + E[u^T (dC/dh) z] / 2  (Gardner et al. 2018, section 3).
    """

    def form(h: Hyper) -> Float[Array, ""]:
        weighted = product(h, problem, jnp.concatenate([solutions[:1], probes]))
        fit = jnp.sum(solutions[0] * weighted[0])
        trace = jnp.sum(solutions[1:] * weighted[1:]) / len(probes)
        return 0.5 * (trace - fit) + penalty(h)

    return jax.grad(form)(hyper)


@jax.jit
def ascend(
    hyper: Hyper, problem: Problem, probes: Grids, steps: int = 60, rate: float = 0.1
) -> Hyper:
    """Adam on `stochastic_gradient`; each solution starts from the one before it."""
    sides = jnp.concatenate([problem.values[None], probes])
    zero = jax.tree.map(jnp.zeros_like, hyper)

    def step(i: Int[Array, ""], carry: _Ascent) -> _Ascent:
        h, first, second, start = carry
        solutions = solve(h, problem, sides, start, 1e-2, 200).sides
        g = stochastic_gradient(h, problem, solutions, probes)
        first = jax.tree.map(lambda m, d: 0.9 * m + 0.1 * d, first, g)
        second = jax.tree.map(lambda v, d: 0.99 * v + 0.01 * d**2, second, g)
        sizes = jax.tree.map(lambda v: jnp.sqrt(v / (1 - 0.99 ** (i + 1))) + 1e-9, second)
        moves = jax.tree.map(lambda m, v: m / (1 - 0.9 ** (i + 1)) / v, first, sizes)
        h = jax.tree.map(lambda p, move: p - rate * (1 - i / steps) * move, h, moves)
        return h, first, second, solutions

    start = jnp.zeros_like(sides)
    return jax.lax.fori_loop(0, steps, step, (hyper, zero, zero, start))[0]
