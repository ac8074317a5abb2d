"""Experiments: one get_config() a file. Change a value with --config.key=value."""

__distribution__ = "mlpf-jax"
