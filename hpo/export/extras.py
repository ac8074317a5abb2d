"""Libraries that are extras: asked for by name where one is missing."""

import importlib
from typing import Any


def needed(module: str, extra: str) -> Any:
    """The module. Raises ImportError that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} is not installed: pip install 'mlpf-jax[{extra}]', or {module} alone"
        ) from error
