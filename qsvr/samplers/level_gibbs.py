"""Annealing over whole dual variables instead of single bits, in JAX.

Every value of beta_n that the encoding can hold is one pattern of the 2 K bits of row n: those with
alphahat_n = 0, or with alpha_n = 0 (both positive is never better: it costs 2 epsilon more for the
same beta). So the bits of one QUBO are walked in two kinds of step, both exact heat baths:

single  all bits of row n are redrawn from the Boltzmann distribution over the 2^(K+1) - 1 levels
        of beta_n, given the other rows. Bit flips cannot do that: from 7 to 8 they must pass
        through states whose energy is far higher, which is why they stall in large boxes.
pair    beta_n + t, beta_m - t for a random partner m: t is redrawn over a window of `WINDOW` steps
        laid at random around the present state. Rows with similar features have nearly the same
        effect, so the valley of the optimum is long and flat in these directions and steep across;
        single steps can only zigzag along it.

The price of a step is one row of the kernel matrix times the reads; Q is never built.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qsvr.encoding import Levels, encode, levels
from qsvr.problem import Problem
from qsvr.samplers.sampleset import Clock, SampleSet, from_betas

# Compiled shapes are multiples of these, so that few compilations serve all problems.
ROWS_STEP = 10
READS_STEP = 32
SWEEPS_STEP = 20
WINDOW = 16  # shifts t of a pair step that are weighed at once


@dataclass(frozen=True)
class LevelGibbs:
    """Heat-bath annealing of the rows of a regression's QUBO.

    `reads` independent runs of `sweeps` sweeps (a single and a pair step for each row), rounded up
    to a multiple of 20.
    `beta_range` = (first, last) inverse temperature of the geometric schedule, in 1 / energy; None:
    up to 200 / the curvature energy of the encoding's smallest step, from a 1000th of that (found
    on regressions of learning curves with boxes 8 and 30). Pair steps need evenly spaced levels:
    base 2 or 1/2; with other bases they are left out, which `details` says.
    Dynamics in float32; the energies reported are float64. Memory: 180 reads x rows bytes of
    random numbers.
    """

    reads: int = 64
    sweeps: int = 200
    beta_range: tuple[float, float] | None = None
    pair_steps: ClassVar[bool] = True  # so a steep penalty of sum(beta) does not hold it up

    def __call__(self, problem: Problem, seed: int) -> SampleSet:
        clock, table = Clock.start(), levels(problem.encoding)
        first, last = self.beta_range or _beta_range(problem, table)
        betas = np.geomspace(first, last, _up(self.sweeps, SWEEPS_STEP))
        states = _walk(problem, table, np.zeros((problem.rows, self.reads)), betas, seed)
        return from_betas(
            self, problem, states, encode(states, problem.encoding), seed, clock,
            pair_steps=table.even,
        )  # fmt: skip


def quench(
    problem: Problem, betas: Float[np.ndarray, "reads rows"], seed: int = 0
) -> Float[np.ndarray, "reads rows"]:
    """What 20 cold sweeps of single and pair steps make of these states; never a worse one."""
    table = levels(problem.encoding)
    cold = np.full(SWEEPS_STEP, 100 * _beta_range(problem, table)[1])
    after = _walk(problem, table, betas.T, cold, seed)
    lower = problem.energy(after) < problem.energy(betas)
    return np.where(lower[:, None], after, betas)


def _walk(
    problem: Problem,
    table: Levels,
    states: Float[np.ndarray, "rows reads"],
    betas: Float[np.ndarray, " sweeps"],
    seed: int,
) -> Float[np.ndarray, "reads rows"]:
    """`betas`: inverse temperature of each sweep. The states returned are on levels."""
    rows, reads = states.shape
    largest = max(np.abs(problem.penalised_kernel).max(), np.abs(problem.targets).max())
    if largest > np.finfo(np.float32).max / 1e6:  # room for sums over rows and levels
        raise ValueError(
            f"kernel or targets of up to {largest:.3g} are beyond the 32-bit numbers of "
            "level-Gibbs: scale features and targets"
        )
    rows_room, reads_room = (0, _up(rows, ROWS_STEP) - rows), (0, _up(reads, READS_STEP) - reads)
    states = np.pad(states, (rows_room, reads_room)).astype(np.float32)
    fixed = (
        np.pad(problem.penalised_kernel, (rows_room, rows_room)).astype(np.float32),
        np.pad(problem.targets, rows_room).astype(np.float32),
        np.pad(problem.epsilons, rows_room).astype(np.float32),
        table.values.astype(np.float32),
        rows,
    )
    # numpy draws: a generator inside the compiled function would triple its compilation
    random = np.random.default_rng(seed)
    for part in betas.astype(np.float32).reshape(-1, SWEEPS_STEP):
        shape = (SWEEPS_STEP, *states.shape)
        others = random.integers(1, max(rows, 2), shape[:2])
        draws = _Draws(
            random.random(shape, np.float32),
            random.random(shape, np.float32),
            random.integers(0, WINDOW, shape, np.int8),
            ((np.arange(shape[1]) + others) % rows).astype(np.int32),
        )
        states = _anneal(states, draws, part, *fixed, pairs=table.even and rows > 1)
    middles = (table.values[1:] + table.values[:-1]) / 2
    return table.values[np.searchsorted(middles, np.asarray(states)[:rows, :reads].T)]


def _up(number: int, step: int) -> int:
    """The next multiple of `step`."""
    return -(-number // step) * step


def _beta_range(problem: Problem, table: Levels) -> tuple[float, float]:
    """A step d of one beta_n costs a curvature energy of d^2 (k_nn + 2 xi)."""
    curvatures = np.diff(table.values).min() ** 2 * np.diagonal(problem.penalised_kernel)
    if not (curvatures > 0).any():
        raise ValueError("k(x, x) + 2 xi is zero in every row: the QUBO has no scale of energy")
    last = 200 / curvatures[curvatures > 0].min()
    return last / 1000, last


class _Draws(NamedTuple):
    """The random numbers of some sweeps."""

    singles: Float[Array | np.ndarray, "sweeps room reads"]  # uniform
    doubles: Float[Array | np.ndarray, "sweeps room reads"]  # uniform
    offsets: Int[Array | np.ndarray, "sweeps room reads"]  # where in its window a pair stands
    partners: Int[Array | np.ndarray, "sweeps room"]


@partial(jax.jit, static_argnames="pairs")
def _anneal(
    states: Float[Array, "room reads"],
    draws: _Draws,
    betas: Float[Array, " sweeps"],
    kernel: Float[Array, "room room"],
    targets: Float[Array, " room"],
    epsilons: Float[Array, " room"],
    values: Float[Array, " levels"],
    rows: Int[Array, ""],
    pairs: bool,
) -> Float[Array, "room reads"]:
    """`kernel` is k + 2 xi; rows from `rows` on are padding and stay as they are."""
    curvatures = jnp.diagonal(kernel)
    couplings = kernel - jnp.diag(curvatures)
    own = curvatures[:, None] / 2 * values**2 + epsilons[:, None] * jnp.abs(values)
    step, limit = values[-1] - values[-2], values[-1] + (values[-1] - values[-2]) / 2
    window = step * jnp.arange(WINDOW, dtype=values.dtype)

    def redraw(row: Any, carry: Any) -> Any:
        states, uniforms, beta = carry
        field = couplings[row] @ states - targets[row]
        drawn = _draw(values[:, None] * field + own[row][:, None], beta, uniforms[row])
        return states.at[row].set(values[drawn]), uniforms, beta

    def shift(row: Any, carry: Any) -> Any:
        states, uniforms, beta, partner, offset = carry
        other = partner[row]
        slope = (kernel[row] - kernel[other]) @ states - (targets[row] - targets[other])
        curvature = curvatures[row] + curvatures[other] - 2 * kernel[row, other]
        shifts = window[:, None] - step * offset[row]
        mine, theirs = states[row] + shifts, states[other] - shifts
        tubes = epsilons[row] * jnp.abs(mine) + epsilons[other] * jnp.abs(theirs)
        energies = shifts * slope + curvature / 2 * shifts**2 + tubes
        inside = (jnp.abs(mine) < limit) & (jnp.abs(theirs) < limit)
        drawn = _draw(jnp.where(inside, energies, jnp.inf), beta, uniforms[row])
        moved = step * (drawn - offset[row])
        return states.at[row].add(moved).at[other].add(-moved), *carry[1:]

    def sweep(states: Any, inputs: Any) -> Any:
        drawn, beta = inputs
        states = jax.lax.fori_loop(0, rows, redraw, (states, drawn.singles, beta))[0]
        if pairs:
            offsets = drawn.offsets.astype(values.dtype)
            carry = (states, drawn.doubles, beta, drawn.partners, offsets)
            states = jax.lax.fori_loop(0, rows, shift, carry)[0]
        return states, None

    return jax.lax.scan(sweep, states, (draws, betas))[0]


def _draw(
    energies: Float[Array, "choices reads"],
    beta: Float[Array, ""],
    uniforms: Float[Array, " reads"],
) -> Int[Array, " reads"]:
    """One choice of each read from exp(-beta energy), by the inverse of the cumulative sum.

    The sum is a product with a triangular matrix, which is faster here than a scan.
    """
    weights = jnp.exp(-beta * (energies - energies.min(0)))
    cumulative = jnp.tril(jnp.ones((len(weights), len(weights)), weights.dtype)) @ weights
    return (cumulative < uniforms * cumulative[-1]).sum(0)
