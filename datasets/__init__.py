"""Events in, arrays out: detector files and simulated events, their truth, datasets, batches."""

from mlpf_install import extras

__distribution__ = "mlpf-jax"

extras.require("mlpf", "mlpf-jax's `datasets`")
