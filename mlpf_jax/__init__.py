"""Machine-learned particle flow: models, training and physics as pure functions over pytrees."""

from typing import Any

from mlpf_install import extras, names

extras.require("mlpf", "mlpf_jax")
names.require("datasets", "mlpf_jax")


def load(name_or_folder: str) -> tuple[Any, dict[str, Any]]:
    """A trained model: config and variables for `MLPF(config).apply(variables, X, mask)`.

    It is given by its folder, by that of a run, or by the name of one that comes with the package.
    Raises ValueError where there is none, or one that cannot be used.
    """
    from mlpf_jax.training import shipped  # JAX is loaded only by whom it is needed

    return shipped.load(name_or_folder)
