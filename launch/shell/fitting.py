"""What `config.fit` asks of the final training beside its size: where it starts, what it leaves
alone, how many batches an update takes, which epoch's model is kept, and when it ends early.

Absent values are those of runs from before there was a choice, but `select`, which is "loss".
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from launch.shell.runs import RunError

SELECT = ("loss", "jets", "last")
# Fields of ModelConfig that parameters do not depend on, beside those of a calibration.
FREE = ("dropout", "remat", "precision")


@dataclass(frozen=True)
class Fitting:
    """The values; see docs/training.md."""

    select: str = "loss"
    patience: int = 0  # epochs; 0: never ends early
    accumulate: int = 1  # batches in an update
    calibrate: bool = False  # what clusters become, by jets (`physics.calibration`)
    start: str = ""  # a model's folder, a run's, or its name in runs/ or the package; "": none
    frozen: tuple[str, ...] = ()  # parts of the model, by the beginning of their paths


def fitting_of(settings: ConfigDict) -> Fitting:
    """The values of `config.fit`. Raises RunError for one that cannot be."""
    known = {f.name: settings[f.name] for f in fields(Fitting) if f.name in settings}
    if isinstance(known.get("frozen"), str):
        raise RunError(f"fit.frozen = {known['frozen']!r}: write a tuple, ({known['frozen']!r},)")
    found = Fitting(**known | {"frozen": tuple(known.get("frozen", ()))})
    if found.select not in SELECT:
        raise RunError(f"fit.select = {found.select!r}: choose among {', '.join(SELECT)}")
    for name, least in (("patience", 0), ("accumulate", 1)):
        if getattr(found, name) < least:
            raise RunError(f"fit.{name} = {getattr(found, name)} must be at least {least}")
    return found


def check(config: ConfigDict) -> None:
    """Raises RunError or ValueError for what would only fail when the final training begins."""
    fitting = fitting_of(config.get("fit", ConfigDict()))
    if fitting.start:
        # An architecture that tuning chooses is not known yet.
        tuned = any(path.startswith("model.") for path, *_ in config.tune.space)
        start_model(fitting.start, {} if tuned else config.model.to_dict())
    if fitting.frozen:
        _check_frozen(config, fitting.frozen)


def start_model(start: str, model: Mapping[str, Any]) -> dict[str, Any]:
    """Variables of the model that a training starts from. Raises RunError in one line where there
    is none, or where it is of another architecture than `model`, fields of ModelConfig."""
    from mlpf_jax.model.config import ModelConfig, from_mapping
    from mlpf_jax.physics.calibration import Calibration
    from mlpf_jax.training import checkpoint

    folder = start_folder(start)
    config, variables = checkpoint.load_model(folder)
    if model:
        wanted = from_mapping(ModelConfig, model)
        other = [
            f"{f.name} {getattr(config, f.name)!r} (here {getattr(wanted, f.name)!r})"
            for f in fields(ModelConfig)
            if f.name not in (*FREE, *Calibration._fields)
            and getattr(config, f.name) != getattr(wanted, f.name)
        ]
        if other:
            raise RunError(
                f"fit.start = {start}: the model in {folder} has another architecture: "
                f"{', '.join(other)}; set config.model to its values"
            )
    return variables


def start_folder(start: str) -> Path:
    """Where the model lies that a training starts from. Raises RunError where there is none."""
    from mlpf_jax.training import shipped

    places = [Path(start), Path(start) / "model", Path("runs") / start / "model"]
    places.append(shipped.SHIPPED / start)
    for folder in places:  # a run has a config.json, too
        if (folder / "config.json").is_file() and (folder / "arrays.npz").is_file():
            return folder
    looked = ", ".join(map(str, places[:-1]))
    raise RunError(f"fit.start = {start}: no model there; looked in {looked} and in the package")


def _check_frozen(config: ConfigDict, frozen: tuple[str, ...]) -> None:
    import jax
    import jax.numpy as jnp

    from datasets.schema import ELEMENTS
    from mlpf_jax.model.config import ModelConfig, from_mapping
    from mlpf_jax.model.mlpf import MLPF
    from mlpf_jax.training import freezing

    model = from_mapping(ModelConfig, config.model.to_dict())
    width = ELEMENTS[model.elements].width
    X = jax.ShapeDtypeStruct((1, 2 * model.bin_size, width), jnp.float32)
    mask = jax.ShapeDtypeStruct(X.shape[:2], bool)
    key = jax.eval_shape(lambda: jax.random.key(0))
    freezing.check(jax.eval_shape(MLPF(model).init, key, X, mask)["params"], frozen)
