"""Axes: where a value lies between the ends, and which values are named."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

_NICE = (1, 2, 5)
_LARGEST = 1e306  # beyond it there is no room for a margin
_LEAST = 1e-300  # below it numbers lose their digits: no logarithm is taken, no width is one


class Axis(NamedTuple):
    """From `low` to `high`; `named` are values with their texts. With a `core` it is linear within
    that, and logarithmic beyond, on both sides (asinh)."""

    low: float
    high: float
    log: bool
    label: str
    named: tuple[tuple[float, str], ...]
    core: float = 0.0

    def at(self, value: float) -> float:
        """0 at the low end, 1 at the high one; beyond the ends beyond them, but within reach."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            value = math.log(value) if value > 0 else -math.inf
        elif self.core:
            low, high, value = (math.asinh(v / self.core) for v in (self.low, self.high, value))
        else:
            low, high = self.low, self.high
        return min(max((value - low) / (high - low), -1.0), 2.0)


def numbers(values: Iterable[float], label: str, *, log: bool = False, zero: bool = False) -> Axis:
    """An axis around values, whatever they are: none, one, equal ones, of any size; logarithmic
    where that is asked and possible. `zero`: it begins at 0."""
    finite = np.clip([v for v in values if math.isfinite(v)], -_LARGEST, _LARGEST)
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if log and low >= _LEAST and high / low < 1e300:
        low, high = (low, high) if high > 1.001 * low else (low / 2, high * 2)
        return Axis(low, high, True, label, _decades(low, high))
    low = min(low, 0.0) if zero else low
    wide = high / 2 - low / 2
    if wide <= max(1e-12 * max(abs(low), abs(high)), _LEAST):
        wide = abs(high) / 4 if abs(high) > _LEAST else 0.5
        low, high = (low, high + wide) if zero else (low - wide, high + wide)
    return Axis(low, high, False, label, _steps(low, high))


def between(low: float, high: float, label: str, *, log: bool = False, core: float = 0.0) -> Axis:
    """An axis with these ends, whatever is drawn on it; around them where they are one."""
    if not low < high:
        return numbers((low, high), label)
    if core:
        return Axis(low, high, False, label, _both_sides(low, high, core), core)
    return Axis(low, high, log, label, _decades(low, high) if log else _steps(low, high))


def bare(low: float, high: float, label: str = "") -> Axis:
    """An axis of which no value is named."""
    return Axis(low, high, False, label, ())


def of_losses(values: Iterable[float], sign: int, label: str) -> Axis:
    """An axis on which the better ones can be told apart: the worst twentieth lies beyond it, and
    it is logarithmic where they span more than a factor of 20."""
    finite = sign * np.array([v for v in values if math.isfinite(v)], float)
    if not len(finite):
        return numbers((), label)
    kept = np.sort(finite)[: max(math.ceil(0.95 * len(finite)), 1)] * sign
    low, high = float(kept.min()), float(kept.max())
    return numbers((low, high), label, log=low > 0 and high > 20 * low)


def categories(names: Iterable[str], label: str) -> Axis:
    """Equal parts of [0, 1], each named in its middle."""
    names = list(names)
    named = tuple(((i + 0.5) / len(names), name) for i, name in enumerate(names))
    return Axis(0.0, 1.0, False, label, named)


def short(value: float) -> str:
    """A number as an axis names it."""
    return f"{value:.4g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")


def _steps(low: float, high: float, wanted: int = 5) -> tuple[tuple[float, str], ...]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high / wanted - low / wanted) or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next((n for n in _NICE if n * power >= 0.999 * rough), 10)
    first = math.ceil(low / step - 1e-9)
    count = min(int((high / step - first) + 1e-9) + 1, 12)
    values = [(first + i) * step for i in range(max(count, 0))]
    return tuple((v, short(v if abs(v) > 1e-9 * step else 0.0)) for v in values)


def _both_sides(low: float, high: float, core: float) -> tuple[tuple[float, str], ...]:
    """0 and powers of ten beyond the core, on both sides; at most two on each."""
    first, last = math.ceil(math.log10(3 * core)), math.floor(math.log10(max(-low, high)))
    powers = [10.0**e for e in range(first, last + 1)]
    powers = powers[:: -(-len(powers) // 2)] if powers else powers
    values = [*(-v for v in reversed(powers)), 0.0, *powers]
    return tuple((v, short(v)) for v in values if low <= v <= high)


def _decades(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Powers of ten, and 2 and 5 times them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max((last - first) // 6, 1)
    parts = _NICE if last - first <= 3 else (1,)
    values = [n * 10.0**e for e in range(first, last + 1, every) for n in parts]
    inside = [v for v in values if low * 0.999 <= v <= high * 1.001]
    return tuple((v, short(v)) for v in inside) or ((low, short(low)), (high, short(high)))
