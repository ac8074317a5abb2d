"""Models by name: those that come with the package, beside folders that anybody has made.

A model that ships lies in mlpf_jax/shipped/NAME: what `checkpoint.save_model` writes, CARD.md,
which says what it is, and training.json, the seeds of the events that it has learned from:
{"process": [seeds of shards]}.
"""

import json
import os
from pathlib import Path

from jaxtyping import PyTree

from mlpf_jax.model.config import ModelConfig
from mlpf_jax.training.checkpoint import load_model

SHIPPED = Path(__file__).parents[1] / "shipped"


def names() -> list[str]:
    """The models that come with the package."""
    return sorted(path.parent.name for path in SHIPPED.glob("*/config.json"))


def find(name_or_folder: str | os.PathLike) -> Path:
    """The folder of a model: that of the model, of the run that trained it, or its name.

    A folder goes before a name. Raises ValueError where there is neither.
    """
    folder = Path(name_or_folder)
    for place in (folder / "model", folder):
        if (place / "config.json").is_file() and (place / "arrays.npz").is_file():
            return place
    known = names()
    if str(name_or_folder) in known:
        return SHIPPED / str(name_or_folder)
    if folder.is_dir():
        raise ValueError(
            f"no model in {folder}: neither it nor its model/ has config.json and arrays.npz"
        )
    raise ValueError(
        f"no model {str(name_or_folder)!r}: it is no folder, and the models that come with the "
        f"package are: {', '.join(known) or 'none'}"
    )


def load(name_or_folder: str | os.PathLike) -> tuple[ModelConfig, dict[str, PyTree]]:
    """Config and variables for `MLPF(config).apply(variables, X, mask)`.

    Raises ValueError where no model is, or one that cannot be used.
    """
    return load_model(find(name_or_folder))


def training_seeds(folder: Path) -> dict[str, list[int]]:
    """Seeds of simulated events that the model in a folder was trained with, by process.

    Empty where it does not say. Raises ValueError where training.json is something else.
    """
    file = folder / "training.json"
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text())
        return {str(process): [int(seed) for seed in own] for process, own in found.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f'{file} is no {{"process": [seeds]}}: {error}') from None
