"""The extras of the distribution; a part whose extra is missing says so in one line.

The base install is what `hpo` needs. Everything else names its extra here, and asks for it where
it is entered, so that nobody meets a failing import deep inside.
"""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from types import MappingProxyType

from mlpf_install import DISTRIBUTION

MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mlpf": (
            "absl", "awkward", "flax", "google_crc32c", "importlib_resources", "jax", "matplotlib",
            "ml_collections", "optax", "orbax", "pyarrow", "rich", "tensorflow_datasets", "uproot",
        ),
        "anneal": ("dimod", "dwave", "jax"),
        "physics": ("fastjet", "pythia8mc"),
        "plot": ("matplotlib",),
        "ray": ("ray",),
        "export": ("optuna", "optuna_dashboard", "pandas", "pyarrow", "tensorboardX"),
        "deploy": ("flatbuffers", "onnx"),
    }
)  # fmt: skip
"""What is imported of each extra."""


def missing(modules: Iterable[str]) -> tuple[str, ...]:
    """Those that are not installed. Nothing is imported."""
    return tuple(module for module in modules if not _there(module))


def command(extra: str) -> str:
    """What installs an extra."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def require(extra: str, whom: str, *modules: str) -> None:
    """Raises ImportError, in one line, where `whom` cannot work for want of an extra.

    `modules` are those of them that it needs, where it does not need all.
    """
    if lacking := missing(modules or MODULES[extra]):
        raise ImportError(f"{whom} needs {_listed(lacking)}: {command(extra)}", name=lacking[0])


def _listed(modules: tuple[str, ...], shown: int = 3) -> str:
    named, further = ", ".join(modules[:shown]), len(modules) - shown
    if further > 0:
        return f"{named} and {further} more that are not installed"
    return f"{named}, not installed"


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # barred from being imported, or half imported
        return False
