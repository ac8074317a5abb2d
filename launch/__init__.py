"""Programs: the only place where flags, files, processes and the screen meet."""

import sys
from pathlib import Path

from mlpf_install import extras, names

__distribution__ = "mlpf-jax"

try:
    extras.require("mlpf", "launch")
    names.require("datasets", "launch")
except ImportError as error:
    if sys.argv[0] == "-m" or Path(sys.argv[0]).stem == "mlpf":  # a person started a program
        sys.exit(f"error: {error}")
    raise
