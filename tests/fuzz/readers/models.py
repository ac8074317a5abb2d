"""Saved models, and the states of trainings."""

import tempfile
from functools import cache
from pathlib import Path

from tests.fuzz.reader import PARTED, Reader


@cache
def _config():
    from mlpf_jax.model.config import ModelConfig

    return ModelConfig(
        width=4, layers_id=1, layers_regression=1, bin_size=4, max_bins=2, distance_width=2,
        distance_hidden=2, head_width=4, neighbour_features=False, shapes=False,
    )  # fmt: skip


@cache
def _state():
    import jax
    import numpy as np

    from datasets.schema import ELEMENTS
    from mlpf_jax.model.config import TrainConfig
    from mlpf_jax.model.statistics import measure
    from mlpf_jax.training import train

    X = np.zeros((4, ELEMENTS["clusters"].width), np.float32)
    X[:, 0] = 1
    return train.create_state(jax.random.key(0), _config(), TrainConfig(), measure(X))


@cache
def model() -> dict[str, bytes]:
    """The files of a small model, and of one that comes with the package the seeds."""
    from mlpf_jax.training.checkpoint import save_model

    with tempfile.TemporaryDirectory() as folder:
        save_model(folder, _config(), _state().variables)
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    return files | {"training.json": b'{"ttbar": [1, 2, 3]}'}


NAMES = ("config.json", "training.json", "arrays.npz")


def files_of_a_model() -> list[bytes]:
    return [PARTED.join(model()[name] for name in NAMES)]


def read_model(data: bytes, folder: Path) -> None:
    from mlpf_jax.training import shipped

    files = data.split(PARTED, len(NAMES) - 1)
    for name, content in zip(NAMES, files, strict=False):
        (folder / name).write_bytes(content)
    shipped.training_seeds(folder)
    shipped.load(folder)


@cache
def checkpoint() -> dict[str, bytes]:
    from mlpf_jax.training.checkpoint import save_state

    with tempfile.TemporaryDirectory() as folder:
        save_state(folder, 1, _state())
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def read_checkpoint(data: bytes, folder: Path) -> None:
    """The state of epoch 2: one file of it, the first byte says which, is anything."""
    from mlpf_jax.training.checkpoint import restore_state

    files = dict(checkpoint())
    chosen = sorted(files)[data[0] % len(files) if data else 0]
    files[chosen] = data[1:]
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    restore_state(folder, _state())


def checkpoints() -> list[bytes]:
    return [bytes([number]) + content for number, (_, content) in enumerate(checkpoint().items())]


def readers() -> tuple[Reader, ...]:
    from mlpf_jax.training.checkpoint import DamagedState, OtherModel

    return (
        Reader("model", files_of_a_model, read_model, (ValueError,)),
        Reader("checkpoint", checkpoints, read_checkpoint, (DamagedState, OtherModel)),
    )
