"""Malformed models and states of trainings: (how, what makes the files, the line)."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzz.readers import models
from tests.malformed.making import Make, Rows, as_json, edited, gone, half, with_item

_MODEL = "the model in MODEL is "


def model(name: str, change: Callable) -> Make:
    """A model, of which one file is changed."""
    return edited(_shipped, name, change)


def _shipped() -> dict[str, bytes]:
    """The files of the model that comes with the package, which nobody has to make."""
    from mlpf_jax.training import shipped

    folder = shipped.SHIPPED / "clic_small"
    return {name: (folder / name).read_bytes() for name in models.NAMES}


def _with_objects(folder: Path) -> None:
    model("arrays.npz", gone)(folder)
    np.savez(folder / "arrays.npz", codebook=np.array([{}], object))


MODEL: Rows = {
    "no description": (
        model("config.json", gone),
        "no model in MODEL: neither it nor its model/ has config.json and arrays.npz",
    ),
    "a damaged description": (model("config.json", half), _MODEL + "damaged: ..."),
    "a description that is a list": (
        model("config.json", lambda _: b"[]"),
        _MODEL + "damaged: ...",
    ),
    "another format": (
        model("config.json", with_item("format", 2)),
        _MODEL + "not one of this version: its format is 2, expected 1",
    ),
    "an unknown key": (
        model("config.json", with_item("model", "depth", 3)),
        _MODEL + "not one of this version: unknown ModelConfig key(s) depth; known: ...",
    ),
    "a value of another type": (
        model("config.json", with_item("model", "width", "wide")),
        _MODEL + "not one of this version: width = 'wide' is not of type int",
    ),
    "features in another order": (
        model("config.json", as_json(lambda d: d["schema"]["track"].reverse())),
        _MODEL + "not one of this version: track name 0 is ...",
    ),
    "arrays cut short": (model("arrays.npz", half), _MODEL + "damaged: File is not a zip file"),
    "arrays that are none": (model("arrays.npz", lambda _: b"no"), _MODEL + "damaged: ..."),
    "arrays of objects": (_with_objects, _MODEL + "damaged: ..."),
    "arrays of another width": (
        model("config.json", with_item("model", "head_width", 8)),
        _MODEL + "not one of this version: array params/...",
    ),
    "seeds that are none": (
        model("training.json", lambda _: b"[1]"),
        'MODEL/training.json is no {"process": [seeds]}: ...',
    ),
}


def _state(change: Callable[[bytes], bytes | None], name: str = "_METADATA") -> Make:
    def make(folder: Path) -> None:
        for each, data in models.checkpoint().items():
            new = change(data) if each.endswith(name) else data
            (folder / each).parent.mkdir(parents=True, exist_ok=True)
            if new is not None:
                (folder / each).write_bytes(new)

    return make


_STATE = (
    "the state of epoch 1 in STATES is damaged (...): get it again, or delete STATES/1; no other "
    "one can be read: the same command then begins anew"
)
CHECKPOINT: Rows = {
    "no description of the state": (_state(gone), _STATE),
    "a description cut short": (_state(half), _STATE),
    "arrays of zeros": (_state(lambda data: bytes(len(data)), "manifest.ocdbt"), _STATE),
    "nothing saved": (lambda folder: None, "no state of epoch any in STATES"),
}
