"""Annealing over whole numbers instead of single bits, in JAX.

Every value of beta_n that the encoding can hold is one pattern of the 2 K bits of row n: those with
alphahat_n = 0, or with alpha_n = 0 (both positive is never better: it costs 2 epsilon more for the
same beta). A step redraws all bits of one row at once from the Boltzmann distribution over these
2^(K+1) - 1 patterns, given all other rows. Single bits cannot do that: to go from 7 to 8 they must
pass through states whose energy is far higher, which is why they stall in large boxes.
"""

from dataclasses import dataclass
from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qsvr.sampleset import SampleSet, checked, sample_set

ROWS_STEP = 10  # problems are padded to a multiple of it: one compilation serves ten sizes


@dataclass(frozen=True)
class LevelGibbs:
    """Heat-bath annealing of the rows of a regression's QUBO.

    `reads` independent runs of `sweeps` sweeps over all rows. `bits` is the K of the problem's
    encoding, `beta_range` = (first, last) inverse temperature of the geometric schedule, in
    1 / energy; None: up to 60 / the curvature energy of the encoding's smallest step, from a 100th
    of that (found on regressions of learning curves with boxes from 2 to 16).
    Dynamics in float32; the energies reported are float64. Memory: 4 reads x sweeps x rows bytes
    of random numbers.
    """

    bits: int
    reads: int = 64
    sweeps: int = 200
    beta_range: tuple[float, float] | None = None

    def __call__(self, Q: Float[np.ndarray, "variables variables"], seed: int) -> SampleSet:
        start = perf_counter()
        rows, rest = divmod(len(checked(Q)), 2 * self.bits)
        if rest:
            raise ValueError(f"{len(Q)} variables are no multiple of 2 x {self.bits} bits")
        first, last = self.beta_range or _beta_range(Q, rows, self.bits)
        room = -(-rows // ROWS_STEP) * ROWS_STEP
        # numpy draws: a generator inside the compiled function would triple its compilation
        uniforms = np.random.default_rng(seed).random((self.sweeps, room, self.reads), np.float32)
        states = _anneal(
            uniforms,
            _by_row(Q + Q.T, rows, self.bits, room).astype(np.float32),
            _patterns(self.bits).astype(np.float32),
            np.geomspace(first, last, self.sweeps, dtype=np.float32),
            rows,
        )
        by_row = np.asarray(states, np.int8)[:, :rows].reshape(self.reads, rows, 2, self.bits)
        return sample_set(self, Q, by_row.swapaxes(1, 2).reshape(self.reads, -1), seed, start)


def _patterns(bits: int) -> Float[np.ndarray, "patterns width"]:
    """Zero; alpha at each positive value with alphahat at zero; and the reverse."""
    values = (np.arange(1, 2**bits)[:, None] >> np.arange(bits)) & 1
    zero = np.zeros_like(values)
    both = [np.hstack([values, zero]), np.hstack([zero, values])]
    return np.vstack([np.zeros((1, 2 * bits)), *both])


def _by_row(
    symmetric: Float[np.ndarray, "variables variables"], rows: int, bits: int, room: int
) -> Float[np.ndarray, "room width room width"]:
    """Variables (sign, row, bit) regrouped as (row, sign and bit) on both axes, zero-padded."""
    split = symmetric.reshape(2, rows, bits, 2, rows, bits).transpose(1, 0, 2, 4, 3, 5)
    padding = (0, room - rows)
    return np.pad(split.reshape(rows, 2 * bits, rows, 2 * bits), (padding, (0, 0), padding, (0, 0)))


def _beta_range(Q: np.ndarray, rows: int, bits: int) -> tuple[float, float]:
    """The pair alpha_n, alphahat_n of bit i is coupled by -w_i^2 (k_nn + 2 xi)."""
    n = np.arange(rows * bits)
    steps = np.abs(Q[n, n + rows * bits])
    if not steps.any():
        raise ValueError("k(x, x) + 2 xi is zero in every row: the QUBO has no scale of energy")
    last = 60 / steps[steps > 0].min()
    return last / 100, last


@jax.jit
def _anneal(
    uniforms: Float[Array, "sweeps room reads"],
    blocks: Float[Array, "room width room width"],
    patterns: Float[Array, "patterns width"],
    betas: Float[Array, " sweeps"],
    rows: Int[Array, ""],
) -> Float[Array, "reads room width"]:
    """`blocks` is Q + Q', so a state's energy is a' (Q + Q') a / 2; rows from `rows` on stay 0."""
    room, width = blocks.shape[:2]
    own = jnp.einsum("nanb->nab", blocks)
    own_energies = jnp.einsum("pa,nab,pb->np", patterns, own, patterns) / 2
    couplings = (blocks * (1 - jnp.eye(room))[:, None, :, None]).reshape(room, width, room * width)
    accumulate = jnp.triu(jnp.ones((len(patterns), len(patterns))))

    def redraw(row, carry):
        states, uniform, beta = carry
        fields = states.reshape(len(states), room * width) @ couplings[row].T
        energies = own_energies[row] + fields @ patterns.T
        lowest = energies.min(1, keepdims=True)
        cumulative = jnp.exp(-beta * (energies - lowest)) @ accumulate
        drawn = (cumulative < uniform[row, :, None] * cumulative[:, -1:]).sum(1)
        return states.at[:, row].set(patterns[drawn]), uniform, beta

    def sweep(states, inputs):
        return jax.lax.fori_loop(0, rows, redraw, (states, *inputs))[0], None

    states = jnp.zeros((uniforms.shape[2], room, width))
    return jax.lax.scan(sweep, states, (uniforms, betas))[0]
