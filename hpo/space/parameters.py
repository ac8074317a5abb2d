"""Kinds of hyperparameters: what each may be, how it is drawn, and its place on [0, 1]."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, cast

import numpy as np

from hpo.core.types import Value


@dataclass(frozen=True)
class _Number:
    """A number on [low, high]; with `step` one of low, low + step, ... up to high.

    `at` maps [0, 1] onto the values so that equal parts of it are equally likely, `unit` back.
    """

    low: float
    high: float
    step: float | None = None

    log: ClassVar[bool] = False
    integer: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            object.__setattr__(self, name, without_numpy(getattr(self, name)))
        ends = (self.low, self.high) if self.step is None else (self.low, self.high, self.step)
        for end in ends:
            if isinstance(end, bool) or not isinstance(end, int | float):
                raise ValueError(f"{self._text}: {end!r} is no number")
            if not abs(end) <= sys.float_info.max:  # infinite, NaN, or an integer beyond any float
                raise ValueError(f"{self._text}: every number must be finite")
            if self.integer and end != int(end):
                raise ValueError(f"{self._text}: {end} is no integer")
        if self.low > self.high:
            raise ValueError(f"{self._text} is empty: low must not be above high")
        if self.log and self.low <= 0:
            raise ValueError(f"{self._text}: low must be above 0")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"{self._text}: step must be above 0")
        if self.log and self._spacing and self.low < self._spacing:
            raise ValueError(f"{self._text}: low must not be below step")
        if self.high - self.low > sys.float_info.max:
            raise ValueError(f"{self._text}: high - low is beyond the range of numbers")

    @property
    def _text(self) -> str:
        step = "" if self.step is None else f", step={self.step}"
        return f"{type(self).__name__}({self.low}, {self.high}{step})"

    @property
    def _spacing(self) -> float | None:
        """Between neighbouring values; None where there are no neighbours."""
        return 1 if self.integer and self.step is None else self.step

    @property
    def _last(self) -> int:
        """The position of the largest value, counted from low in steps."""
        return int((Decimal(str(self.high)) - Decimal(str(self.low))) / Decimal(str(self._spacing)))

    def _value(self, position: int) -> float:
        """In decimals, so that 0.1 + 2 * 0.1 is 0.3."""
        value = Decimal(str(self.low)) + position * Decimal(str(self._spacing))
        return int(value) if self.integer else float(value)

    def _cells(self) -> tuple[float, float]:
        """The ends of the scale, half a step outside where there are steps."""
        if self._spacing is None:
            low, high = self.low, self.high
        else:
            half = self._spacing / 2
            low, high = self.low - half, self._value(self._last) + half
        return (math.log(low), math.log(high)) if self.log else (low, high)

    def at(self, unit: float) -> float:
        """The value at a place of [0, 1]."""
        low, high = self._cells()
        value = low + unit * (high - low)
        if self.log:
            value = math.exp(value)
        if self._spacing is None:
            return min(max(value, self.low), self.high)  # exp(log(x)) can miss x by one rounding
        position = math.floor((value - self.low) / self._spacing + 0.5)
        return self._value(min(max(position, 0), self._last))

    def unit(self, value: float) -> float:
        """Where on [0, 1] a value lies: in the middle of its part where there are steps."""
        low, high = self._cells()
        if high == low:
            return 0.5
        place = ((math.log(value) if self.log else value) - low) / (high - low)
        return min(max(place, 0.0), 1.0)

    def draw(self, generator: np.random.Generator) -> float:
        return self.at(generator.random())

    def check(self, value: Any) -> None:
        """Raises ValueError where the value is none of this parameter's."""
        kind = int if self.integer else int | float
        if isinstance(value, bool) or not isinstance(value, kind):
            raise ValueError(f"{value!r} is no {'integer' if self.integer else 'number'}")
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} lies outside {self._text}")
        if self._spacing is not None:
            nearest = self._value(min(round((value - self.low) / self._spacing), self._last))
            if not math.isclose(value, nearest, rel_tol=1e-9):
                raise ValueError(f"{value} is not on the steps of {self._text}")


@dataclass(frozen=True)
class Float(_Number):
    """Uniform on [low, high], or on its steps."""


@dataclass(frozen=True)
class LogFloat(_Number):
    """Uniform in the logarithm on [low, high], 0 < low, or on the steps nearest to that."""

    log: ClassVar[bool] = True


@dataclass(frozen=True)
class Int(_Number):
    """Uniform on the integers low..high, both included, or on every `step`-th of them."""

    integer: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._last >= 2**63:
            raise ValueError(f"{self._text}: numpy draws at most 2^63 integers; take fewer")

    def draw(self, generator: np.random.Generator) -> int:
        return int(self._value(int(generator.integers(0, self._last, endpoint=True))))


@dataclass(frozen=True)
class LogInt(_Number):
    """Integers, uniform in the logarithm: 8..16 is as likely as 64..128."""

    log: ClassVar[bool] = True
    integer: ClassVar[bool] = True


@dataclass(frozen=True)
class Categorical:
    """One of the given values, all equally likely: numbers, strings, bools, None, and tuples of
    these."""

    values: tuple[Value, ...]

    def __init__(self, *values: Value) -> None:
        if not values:
            raise ValueError("Categorical() is empty: give it at least one value")
        if any(isinstance(value, list) for value in values):
            raise ValueError(
                f"Categorical({values[0]!r}): a list is no plain value: give values one by one, "
                "Categorical(*values), or tuples where each is a value"
            )
        values = tuple(map(without_numpy, values))
        wrong = [value for value in values if not _is_plain(value)]
        if wrong:
            raise ValueError(
                f"Categorical: {wrong[0]!r} is no plain number, string, bool or None, nor a tuple "
                "of such"
            )
        twice = [value for i, value in enumerate(values) if position(values[:i], value) is not None]
        if twice:
            raise ValueError(f"Categorical: {twice[0]!r} is given twice")
        object.__setattr__(self, "values", values)

    def at(self, unit: float) -> Value:
        """The value at a place of [0, 1]."""
        return self.values[min(int(unit * len(self.values)), len(self.values) - 1)]

    def unit(self, value: Value) -> float:
        """The middle of the value's part of [0, 1]."""
        place = position(self.values, value)
        if place is None:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, self.values))}")
        return (place + 0.5) / len(self.values)

    def draw(self, generator: np.random.Generator) -> Value:
        return self.values[generator.integers(len(self.values))]

    def check(self, value: Any) -> None:
        """Raises ValueError where the value is none of this parameter's."""
        if position(self.values, value) is None:
            raise ValueError(f"{value!r} is none of {', '.join(map(repr, self.values))}")


def without_numpy(value: Any) -> Any:
    """A number of numpy's as one of Python's; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(without_numpy, value))
    return value.item() if isinstance(value, np.generic) else value


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def position(values: Sequence[Value], wanted: Value) -> int | None:
    """Where a value stands; True is not 1, which `index` would say."""
    same = (
        i
        for i, v in enumerate(values)
        if v == wanted and isinstance(v, bool) == isinstance(wanted, bool)
    )
    return next(same, None)


@dataclass(frozen=True)
class When:
    """`parameter`, but only where the hyperparameter `parent` has one of `values`.

    When("model.backbone", ("favor", "attention"), Int(1, 8)): heads, for those that have them.
    A configuration in which it plays no part does not name it.
    """

    parent: str
    values: tuple[Value, ...]
    parameter: "Float | LogFloat | Int | LogInt | Categorical"

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", tuple(self.values))
        if not self.values:
            raise ValueError(f"When({self.parent!r}): name at least one value of it")
        if not isinstance(self.parameter, Plain):
            raise ValueError(f"When({self.parent!r}): {self.parameter!r} is no {KINDS}")


Plain = Float | LogFloat | Int | LogInt | Categorical
Parameter = Plain | When
KINDS = "Float, LogFloat, Int, LogInt or Categorical"

_BY_NAME = {kind.__name__: kind for kind in (Float, LogFloat, Int, LogInt, Categorical)}


def parameter_from_json(entry: Sequence[Any]) -> Parameter:
    """The inverse of `parameter_json`. Raises ValueError or TypeError where it is no parameter."""
    if not isinstance(entry, list | tuple) or not entry:
        raise ValueError(f"{entry!r} is no parameter: give a kind and its range")
    kind, *arguments = map(_as_tuple, entry)
    if kind == "When":
        parent, values, inner = arguments
        return When(parent, values, cast(Plain, parameter_from_json(inner)))
    if kind not in _BY_NAME:
        raise ValueError(f"{kind!r} is no {KINDS}")
    return _BY_NAME[kind](*arguments)


def _as_tuple(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list | tuple) else value


def plain(parameter: Parameter) -> Plain:
    """The parameter itself, without its condition."""
    return parameter.parameter if isinstance(parameter, When) else parameter


def parameter_json(parameter: Parameter) -> list[Any]:
    """A kind and its arguments: ["Float", 0, 1]."""
    if isinstance(parameter, When):
        inner = parameter_json(parameter.parameter)
        return ["When", parameter.parent, list(parameter.values), inner]
    if isinstance(parameter, Categorical):
        return ["Categorical", *parameter.values]
    step = [] if parameter.step is None else [parameter.step]
    return [type(parameter).__name__, parameter.low, parameter.high, *step]
