"""Search spaces: hyperparameters by name, configurations drawn from them and in a unit cube."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float as FloatArray

from hpo.core.types import Configuration, Value
from hpo.space.parameters import (
    KINDS,
    Categorical,
    Float,
    Int,
    LogFloat,
    LogInt,
    Parameter,
    When,
    parameter_from_json,
    parameter_json,
    plain,
    position,
)


@dataclass(frozen=True)
class Space:
    """Hyperparameters by name: `Space({"train.learning_rate": LogFloat(1e-5, 1e-2)})`.

    A name is the path of a field of an ml_collections configuration. `unit cube` below means one
    coordinate on [0, 1] for every hyperparameter, in the order of `names`.
    """

    parameters: Mapping[str, Parameter]

    def __post_init__(self) -> None:
        if not self.parameters:
            raise ValueError("the search space is empty: name at least one hyperparameter")
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        for name, parameter in self.parameters.items():
            if not isinstance(name, str) or not all(name.split(".")):
                raise ValueError(f"{name!r} is no name: give a path like train.learning_rate")
            if not isinstance(parameter, Parameter):
                raise ValueError(f"{name}: {parameter!r} is no {KINDS}, nor one of them in When")
            if isinstance(parameter, When):
                self._check_condition(name, parameter)

    def _check_condition(self, name: str, condition: When) -> None:
        seen = {name}
        above: Parameter = condition
        while isinstance(above, When):
            condition = above
            parent = condition.parent
            if parent not in self.parameters:
                raise ValueError(f"{name}: its condition names {parent}, which is not in the space")
            if parent in seen:
                raise ValueError(f"{name}: its condition leads back to {parent}")
            seen.add(parent)
            above = self.parameters[parent]
            for value in condition.values:
                try:
                    plain(above).check(value)
                except (ValueError, AttributeError) as error:
                    raise ValueError(f"{name}: {parent} can never be {value!r}: {error}") from None

    @property
    def names(self) -> tuple[str, ...]:
        """The hyperparameters in the order of their names."""
        return tuple(sorted(self.parameters))

    def draw(self, generator: np.random.Generator) -> Configuration:
        """One configuration. Independent of the order in which the names were given."""
        return self._active({n: plain(self.parameters[n]).draw(generator) for n in self.names})

    def decode(self, units: Sequence[float] | np.ndarray) -> Configuration:
        """The configuration at a point of the unit cube."""
        if len(units) != len(self.parameters):
            raise ValueError(f"{len(units)} coordinates for {len(self.parameters)} hyperparameters")
        pairs = zip(self.names, units, strict=True)
        return self._active({n: plain(self.parameters[n]).at(float(u)) for n, u in pairs})

    def encode(self, configuration: Configuration) -> FloatArray[np.ndarray, " hyperparameters"]:
        """The point of a configuration in the unit cube; 0.5 for what plays no part in it.

        `decode` leads back to the configuration. Raises ValueError that names the field.
        """
        self.check(configuration)
        return np.array(
            [self._unit(n, configuration[n]) if n in configuration else 0.5 for n in self.names]
        )

    def _unit(self, name: str, value: Any) -> float:
        return plain(self.parameters[name]).unit(value)

    def features(self, configuration: Configuration) -> FloatArray[np.ndarray, " features"]:
        """What a model sees: as `encode`, but a place of its own for every categorical value, so
        that any two of them are equally far apart (1, as the ends of a number's range)."""
        columns: list[float] = []
        for name, unit in zip(self.names, self.encode(configuration), strict=True):
            parameter = plain(self.parameters[name])
            if isinstance(parameter, Categorical):
                known = name in configuration  # None can be a value
                here = position(parameter.values, configuration[name]) if known else None
                columns += [math.sqrt(0.5) * (i == here) for i in range(len(parameter.values))]
            else:
                columns.append(unit)
        return np.array(columns)

    def check(self, configuration: Configuration) -> None:
        """Raises ValueError, naming the field, where this is no configuration of the space."""
        unknown = sorted(set(configuration) - set(self.parameters))
        if unknown:
            raise ValueError(f"{unknown[0]} is not in the space ({', '.join(self.names)})")
        for name in self.names:
            expected = self._is_active(name, configuration)
            if expected != (name in configuration):
                raise ValueError(f"{name} {'is missing' if expected else 'plays no part here'}")
            if expected:
                try:
                    plain(self.parameters[name]).check(configuration[name])
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None

    def _active(self, values: dict[str, Value]) -> Configuration:
        return {name: value for name, value in values.items() if self._is_active(name, values)}

    def _is_active(self, name: str, values: Configuration) -> bool:
        parameter = self.parameters[name]
        if not isinstance(parameter, When):
            return True
        parent = parameter.parent
        return (
            parent in values
            and position(parameter.values, values[parent]) is not None
            and self._is_active(parent, values)
        )

    @property
    def settings(self) -> dict[str, list[Any]]:
        """The space as JSON; `space_from_settings` reads it."""
        return {name: parameter_json(self.parameters[name]) for name in self.names}


def space_from_settings(settings: Mapping[str, Sequence[Any]]) -> Space:
    """The inverse of `Space.settings`. Raises ValueError that names the field."""
    if not isinstance(settings, Mapping):
        raise ValueError(f"{settings!r} is no search space: give names with their kinds and ranges")
    return Space({name: _named(name, entry) for name, entry in settings.items()})


def space_around(configurations: Sequence[Configuration]) -> Space:
    """The smallest space that holds these configurations, as a table of trainings has them.

    Positive numbers that span a factor of 30 or more are taken to be logarithmic. Raises
    ValueError where configurations name different hyperparameters.
    """
    if not configurations:
        raise ValueError("there are no configurations to lay a space around")
    names = set(configurations[0])
    odd = next((c for c in configurations if set(c) != names), None)
    if odd is not None:
        name = sorted(names ^ set(odd))[0]
        raise ValueError(f"{name} is named by some configurations, by others not")
    return Space({name: _around([c[name] for c in configurations]) for name in sorted(names)})


def _around(values: Sequence[Value]) -> Parameter:
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        # By type too: False is not 0, which a dictionary of the values alone would say.
        return Categorical(*{(type(value), value): value for value in values}.values())
    numbers = [v for v in values if isinstance(v, int | float)]
    low, high = min(numbers), max(numbers)
    logarithmic = low > 0 and high >= 30 * low
    if all(isinstance(value, int) for value in values):
        return (LogInt if logarithmic else Int)(low, high)
    return (LogFloat if logarithmic else Float)(float(low), float(high))


def _named(name: str, entry: Sequence[Any]) -> Parameter:
    try:
        return parameter_from_json(entry)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from None
