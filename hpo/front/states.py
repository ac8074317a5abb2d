"""What a trial keeps from epoch to epoch: trees of arrays and plain values, or bytes, in a file.

The file is numpy's .npz: arrays, and one text of JSON that says how they hang together. Nothing of
it is pickled, so nothing in it can act when it is read.
"""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_TREE = "tree"
_READABLE = "bytes, arrays, plain values, dicts, lists and tuples of these, and pytrees of JAX"


class StateError(RuntimeError):
    """A state cannot be saved or read; the message says which and what to do."""


class NothingSaved(StateError):
    """A trial that has reported nothing yet asks for a state that it has not saved: it can begin
    anew."""


def kept(folder: Path) -> list[int]:
    """The epochs whose states lie in a trial's folder."""
    names = (path.stem.removeprefix("state-") for path in folder.glob("state-*.npz"))
    return sorted(int(name) for name in names if name.isdecimal())


def path_of(folder: Path, epoch: int) -> Path:
    """Where the state after an epoch lies."""
    return folder / f"state-{epoch:06d}.npz"


def forget(folder: Path, epochs: list[int]) -> None:
    """Remove the states of these epochs."""
    for epoch in epochs:
        path_of(folder, epoch).unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Remove all states of a trial."""
    forget(folder, kept(folder))


def trim(folder: Path, done: int) -> None:
    """Remove those that a newer one makes useless to a trial that goes on after `done` epochs."""
    known = [epoch for epoch in kept(folder) if epoch <= done]
    forget(folder, known[:-1])


def write(path: Path, state: Any) -> None:
    """Write the state whole or not at all. Raises StateError where it has something unknown."""
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_encoded(state, arrays, "state"))
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **{_TREE: np.array(tree)}, **arrays)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path, like: Any = None) -> Any:
    """The state of a file; with `like`, a pytree of JAX, as one of that structure. Raises
    StateError."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            decoder = _Decoder(arrays)
            state = decoder(json.loads(arrays[_TREE].item()))
    except Exception as error:  # numpy and zipfile meet damage with any kind
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise StateError(f"{path} cannot be read: {reason}") from error
    if like is None:
        if decoder.needs_like:
            raise StateError(
                f"{path}: the saved state has parts that only JAX can put together: "
                "trial.load(like=state), with a new state of the same structure"
            )
        return state
    return _in_the_form_of(like, state, path)


def _in_the_form_of(like: Any, state: Any, path: Path) -> Any:
    import jax

    structure: Any = jax.tree.structure(like)
    leaves = jax.tree.leaves(state)
    if structure.num_leaves != len(leaves):
        raise StateError(
            f"{path} holds {len(leaves)} arrays and values, `like` has {structure.num_leaves}: "
            "it is the state of another model"
        )
    return jax.tree.unflatten(structure, leaves)


def _encoded(value: Any, arrays: dict[str, np.ndarray], at: str) -> Any:
    """JSON, with a number in the place of every array."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytes": _stored(np.frombuffer(value, np.uint8), arrays)}
    if type(value) in (list, tuple):
        items = [_encoded(item, arrays, f"{at}[{i}]") for i, item in enumerate(value)]
        return {type(value).__name__: items}
    if isinstance(value, Mapping) and _is_plain_mapping(value):
        items = [[key, _encoded(item, arrays, f"{at}[{key!r}]")] for key, item in value.items()]
        return {"dict": items}
    if hasattr(value, "__array__"):
        return _encoded_array(value, arrays, at)
    return {"pytree": [_encoded(leaf, arrays, at) for leaf in _leaves(value, at)]}


def _is_plain_mapping(value: Mapping[Any, Any]) -> bool:
    return all(type(key) in (str, int, float, bool) for key in value)


def _encoded_array(value: Any, arrays: dict[str, np.ndarray], at: str) -> Any:
    kind = "tensor" if hasattr(value, "detach") else "array"
    try:
        array = np.asarray(value.detach().cpu() if kind == "tensor" else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise StateError(f"{at} cannot be saved: {error}") from error
    if array.dtype.hasobject:
        raise StateError(f"{at} cannot be saved: an array of Python objects; save {_READABLE}")
    if array.dtype.kind == "V" and array.dtype.fields is None:  # bfloat16 and its like
        unsigned = np.dtype(f"u{array.dtype.itemsize}")
        return {kind: _stored(array.view(unsigned), arrays), "as": array.dtype.name}
    return {kind: _stored(array, arrays)}


def _stored(array: np.ndarray, arrays: dict[str, np.ndarray]) -> int:
    number = len(arrays)
    arrays[str(number)] = array
    return number


def _leaves(value: Any, at: str) -> list[Any]:
    """Of what only JAX knows how to take apart. Raises StateError where nobody does."""
    if "jax" in sys.modules:
        leaves, structure = sys.modules["jax"].tree.flatten(value)
        if structure.num_nodes != 1 or not leaves or leaves[0] is not value:
            return leaves
    raise StateError(
        f"{at} is a {type(value).__name__}, which cannot be saved: save {_READABLE}; of anything "
        "else bytes, as of pickle.dumps(...) or torch.save into io.BytesIO()"
    )


class _Decoder:
    """The inverse of `_encoded`; `needs_like` where it came upon a pytree of JAX."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self._arrays, self.needs_like = arrays, False

    def __call__(self, tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        kind, content = next(iter(tree.items()))
        if kind in ("list", "tuple"):
            items = [self(item) for item in content]
            return items if kind == "list" else tuple(items)
        if kind == "dict":
            return {key: self(item) for key, item in content}
        if kind == "pytree":
            self.needs_like = True
            return [self(item) for item in content]
        array = self._arrays[str(content)]
        if kind == "bytes":
            return array.tobytes()
        if "as" in tree:
            import ml_dtypes

            array = array.view(getattr(ml_dtypes, tree["as"]))
        if kind == "tensor":
            import torch

            return torch.from_numpy(array)
        return array
