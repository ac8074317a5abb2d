"""Search spaces: what each hyperparameter may be, and how a value of it is drawn."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from hpo.types import Configuration, Value


def _check_range(parameter: "Float | LogFloat | Int") -> None:
    name = type(parameter).__name__
    low, high = parameter.low, parameter.high
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name}({low}, {high}): both ends must be finite")
    if low > high:
        raise ValueError(f"{name}({low}, {high}) is empty: low must not be above high")


@dataclass(frozen=True)
class Float:
    """Uniform on [low, high]."""

    low: float
    high: float

    __post_init__ = _check_range

    def draw(self, generator: np.random.Generator) -> float:
        return float(generator.uniform(self.low, self.high))


@dataclass(frozen=True)
class LogFloat:
    """Uniform in the logarithm on [low, high], 0 < low."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range(self)
        if self.low <= 0:
            raise ValueError(f"LogFloat({self.low}, {self.high}): low must be above 0")

    def draw(self, generator: np.random.Generator) -> float:
        value = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        return min(max(value, self.low), self.high)  # exp(log(x)) can miss x by one rounding


@dataclass(frozen=True)
class Int:
    """Uniform on the integers low..high, both included."""

    low: int
    high: int

    __post_init__ = _check_range

    def draw(self, generator: np.random.Generator) -> int:
        return int(generator.integers(self.low, self.high, endpoint=True))


@dataclass(frozen=True)
class Categorical:
    """One of the given values, all equally likely."""

    values: tuple[Value, ...]

    def __init__(self, *values: Value) -> None:
        if not values:
            raise ValueError("Categorical() is empty: give it at least one value")
        wrong = [value for value in values if not isinstance(value, bool | int | float | str)]
        if wrong:
            raise ValueError(f"Categorical: {wrong[0]!r} is no plain number, string or bool")
        object.__setattr__(self, "values", values)

    def draw(self, generator: np.random.Generator) -> Value:
        return self.values[generator.integers(len(self.values))]


Parameter = Float | LogFloat | Int | Categorical


@dataclass(frozen=True)
class Space:
    """Hyperparameters by name: `Space({"train.learning_rate": LogFloat(1e-5, 1e-2)})`."""

    parameters: Mapping[str, Parameter]

    def __post_init__(self) -> None:
        if not self.parameters:
            raise ValueError("the search space is empty: name at least one hyperparameter")
        for name, parameter in self.parameters.items():
            if not isinstance(parameter, Parameter):
                raise ValueError(f"{name}: {parameter!r} is no Float, LogFloat, Int or Categorical")
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def draw(self, generator: np.random.Generator) -> Configuration:
        """One configuration. Independent of the order in which the names were given."""
        return {name: self.parameters[name].draw(generator) for name in sorted(self.parameters)}

    @property
    def settings(self) -> dict[str, list[Any]]:
        """The space as JSON."""
        return {name: _parameter_json(p) for name, p in sorted(self.parameters.items())}


def _parameter_json(parameter: Parameter) -> list[Any]:
    if isinstance(parameter, Categorical):
        return ["Categorical", *parameter.values]
    return [type(parameter).__name__, parameter.low, parameter.high]
