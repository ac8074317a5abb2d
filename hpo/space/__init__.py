"""Hyperparameters: of which kinds they are, and the space they span together."""

from hpo.space.parameters import Categorical, Float, Int, LogFloat, LogInt, Parameter, When
from hpo.space.space import Space, space_around, space_from_settings

__all__ = [
    "Categorical", "Float", "Int", "LogFloat", "LogInt", "Parameter", "Space", "When",
    "space_around", "space_from_settings",
]  # fmt: skip
