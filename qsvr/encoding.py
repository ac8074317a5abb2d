"""Bits for the dual variables: how an annealer's binaries stand for alpha and alphahat.

Rows n = 0..N-1 each own two non-negative numbers in [0, C'] written with K bits to base B:

    alpha_n    = sum_i B^(i - k0) a[K n + i]
    alphahat_n = sum_i B^(i - k0) a[K (N + n) + i]      i = 0..K-1

so a problem of N rows has 2 N K bits, and C' = sum_i B^(i - k0) is the box. What the regression
needs is beta = alpha - alphahat. `decode` reads bits, `encode` writes them; a beta has many
patterns (alpha and alphahat may both be positive), of which `encode` takes the one with
alpha alphahat = 0.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite, log
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

MAX_LEVEL_BITS = 10  # 2^11 - 1 levels: beyond, a table of them is no longer a small thing


@dataclass(frozen=True)
class Encoding:
    """K = `bits` binaries to base B = `base`, shifted by k0 = `offset`: weights B^(i - k0)."""

    base: float
    bits: int
    offset: float

    def __post_init__(self) -> None:
        if not (isfinite(self.base) and self.base > 0):
            raise ValueError(f"base must be positive and finite, not {self.base}")
        if not isfinite(self.offset):
            raise ValueError(f"offset must be finite, not {self.offset}")
        if int(self.bits) != self.bits or self.bits < 1:
            raise ValueError(f"bits must be a whole number from 1, not {self.bits}")

    @classmethod
    def from_box(cls, box: float, bits: int, base: float = 2.0) -> "Encoding":
        """The encoding whose largest value is `box`: k0 = log_B(sum_i B^i / C').

        Base 1 has no such offset (its weights are 1 whatever the offset): ValueError.
        """
        if not box > 0:
            raise ValueError(f"box must be positive, not {box}")
        if bits < 1:
            raise ValueError(f"bits must be a whole number from 1, not {bits}")
        if not base > 0 or base == 1:
            raise ValueError(f"base must be positive and not 1 to reach a given box, not {base}")
        return cls(base, bits, log(sum(base**i for i in range(bits)) / box) / log(base))

    @property
    def weights(self) -> Float[np.ndarray, " bits"]:
        """The value of each bit."""
        return float(self.base) ** (np.arange(self.bits) - float(self.offset))

    @property
    def box(self) -> float:
        """C', the largest value of alpha and alphahat (all bits set)."""
        return float(self.weights.sum())

    def variables(self, rows: int) -> int:
        """Number of binaries of a problem with this many training rows."""
        return 2 * rows * self.bits


def decode_duals(
    bits: Int[np.ndarray, "*reads variables"], encoding: Encoding
) -> Float[np.ndarray, "*reads 2 rows"]:
    """alpha (index 0) and alphahat (index 1) of every read."""
    bits = np.asarray(bits)
    if bits.shape[-1] % (2 * encoding.bits):
        raise ValueError(
            f"{bits.shape[-1]} binaries are no multiple of 2 x {encoding.bits} bits: "
            "the samples come from a problem with another encoding"
        )
    rows = bits.shape[-1] // (2 * encoding.bits)
    return bits.reshape(*bits.shape[:-1], 2, rows, encoding.bits) @ encoding.weights


def decode(
    bits: Int[np.ndarray, "*reads variables"], encoding: Encoding
) -> Float[np.ndarray, "*reads rows"]:
    """beta = alpha - alphahat of every read, each within [-C', C']."""
    duals = decode_duals(bits, encoding)
    return duals[..., 0, :] - duals[..., 1, :]


class Levels(NamedTuple):
    """The values of one beta with alpha or alphahat at zero, ascending, and their bits."""

    values: Float[np.ndarray, " levels"]
    bits: Bool[np.ndarray, "levels 2 bits"]
    even: bool  # equally spaced: base 2 and base 1/2 are


@lru_cache(maxsize=64)
def levels(encoding: Encoding) -> Levels:
    """At most 2^(K+1) - 1 levels; patterns of the same value count once (base 1).

    Raises ValueError above MAX_LEVEL_BITS bits.
    """
    if encoding.bits > MAX_LEVEL_BITS:
        raise ValueError(
            f"{encoding.bits} bits have 2^{encoding.bits + 1} - 1 levels: whole levels are handled "
            f"up to {MAX_LEVEL_BITS} bits; take fewer, or zoom"
        )
    patterns = (np.arange(2**encoding.bits)[:, None] >> np.arange(encoding.bits)) & 1 == 1
    values = patterns @ encoding.weights
    order = np.argsort(values, kind="stable")
    distinct = order[np.diff(values[order], prepend=-1.0) > 1e-9 * encoding.box]
    values, patterns = values[distinct], patterns[distinct]
    zero = np.zeros_like(patterns)
    signed = np.concatenate([-values[:0:-1], values])
    bits = np.concatenate([np.stack([zero, patterns], 1)[:0:-1], np.stack([patterns, zero], 1)])
    gaps = np.diff(signed)
    return Levels(signed, bits, bool(np.allclose(gaps, gaps[0], rtol=1e-9)))


def encode(
    betas: Float[np.ndarray, "*reads rows"], encoding: Encoding
) -> Int[np.ndarray, "*reads variables"]:
    """The bits of the level nearest to each beta: the inverse of `decode` on the levels."""
    table = levels(encoding)
    betas = np.asarray(betas, float)
    index = np.searchsorted((table.values[1:] + table.values[:-1]) / 2, betas)
    bits = np.moveaxis(table.bits[index], -2, -3)  # (rows, 2, bits) -> (2, rows, bits)
    return bits.reshape(*betas.shape[:-1], -1).astype(np.int8)
