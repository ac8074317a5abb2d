"""What all tests share: programs are compiled quickly, and each only once.

Nearly all the time of the tests of models is compiling. Nothing is asserted of how fast a program
runs, so XLA need not optimise it; what one process has compiled the others find on disk.
"""

import os
import tempfile

import pytest

QUICKLY = {
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    "XLA_FLAGS": "--xla_cpu_use_fusion_emitters=false",
}


def pytest_configure(config: pytest.Config) -> None:
    """Set before JAX is imported; xdist's workers and programs that tests start inherit it."""
    for name, value in QUICKLY.items():
        os.environ.setdefault(name, value)
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="compiled-")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = folder.name
        config.add_cleanup(folder.cleanup)
