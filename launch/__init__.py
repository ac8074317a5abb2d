"""Programs: the only place where flags, files, processes and the screen meet."""

import sys

from mlpf_install import extras, names

__distribution__ = "mlpf-jax"

try:
    extras.require("mlpf", "launch")
    names.require("datasets", "launch")
except ImportError as error:
    if sys.argv[0] == "-m":  # `python -m launch.tune`: a person reads it
        sys.exit(f"error: {error}")
    raise
