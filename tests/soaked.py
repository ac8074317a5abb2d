"""Values of a test's parameter that `make soak` tries, and every day's tests do not."""

from typing import Any

import pytest


def soaked(*values: Any) -> list[Any]:
    """To be put among the values of `pytest.mark.parametrize`, as `[1, *soaked(2, 3)]`."""
    return [pytest.param(value, marks=pytest.mark.soak) for value in values]
