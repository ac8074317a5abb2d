"""States and models on disk.

A training keeps its last states by epoch in an orbax folder: a state that a kill interrupts is
not seen again, since orbax writes beside and renames. A model is a folder of two files that
anything can read: `config.json` (architecture, schema) and `arrays.npz` (no pickle).
"""

import errno
import gc
import inspect
import json
import logging
import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from flax import serialization, traverse_util
from jaxtyping import PyTree

from mlpf_jax.model.config import ModelConfig
from mlpf_jax.training import averaging, compatibility, parallel
from mlpf_jax.training.train import TrainState

LATE_S = 0.3  # in which arrays fail that were under way when the first one did
NO_ROOM = errno.ENOSPC, errno.EDQUOT, errno.EFBIG


class OtherModel(ValueError):
    """A state of another model, or another optimiser."""


class DamagedState(ValueError):
    """A state that cannot be read: what to do is said."""


def save_state(folder: str | os.PathLike, epoch: int, state: TrainState, keep: int = 2) -> None:
    """Writes the state after `epoch` epochs; keeps the last `keep`. On the disk when it returns.

    A state of that epoch that is there already is replaced. In a group of processes all of them
    call it, and each writes what it holds. Raises OSError in one line where it cannot be written
    (a full disk, a quota); the states of epochs before are as they were.
    """
    _forget(folder, {epoch})
    folder = Path(folder)
    try:
        _check_room(folder, state)
        with _told_once(), _manager(folder, keep) as manager:
            manager.save(epoch, args=ocp.args.StandardSave(_tree(state)), force=True)
            manager.wait_until_finished()
        if jax.process_index() == 0:
            _sync(folder, epoch)
    except (OSError, ValueError, jax.errors.JaxRuntimeError) as error:
        if (code := _code_of(error)) is None:
            raise
        for partial in folder.glob(f"{epoch}.orbax-checkpoint-tmp*"):
            shutil.rmtree(partial, ignore_errors=True)
        raise OSError(
            code,
            f"the state of epoch {epoch} cannot be written in {folder}: {os.strerror(code)}; that "
            f"of epoch {latest_epoch(folder) or 0} is whole: make room, and start the same again",
        ) from error


def _check_room(folder: Path, state: TrainState) -> None:
    """Raises OSError where the disk has no room for the state, before anything is written."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < sum(x.nbytes for x in jax.tree.leaves(state)):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def _told_once() -> Iterator[None]:
    """Orbax logs, with tracebacks, what it raises as well, and the writes or reads of other arrays,
    which fail too or later, find that nobody waits for them."""
    logger, hook = logging.getLogger("absl"), sys.unraisablehook
    before = logger.level

    def but_unawaited(told: Any) -> None:
        if not inspect.iscoroutine(told.object) and str(told.exc_value) != "Event loop is closed":
            hook(told)

    logger.setLevel(logging.CRITICAL)
    sys.unraisablehook = but_unawaited
    try:
        yield
    except BaseException as error:
        time.sleep(LATE_S)
        traceback.clear_frames(error.__traceback__)  # they hold reads that nobody waits for
        gc.collect()
        raise
    finally:
        logger.setLevel(before)
        sys.unraisablehook = hook


def _code_of(error: BaseException) -> int | None:
    """The number of what the system said, which libraries hand on in words."""
    known = getattr(error, "errno", None)
    told = (code for code in NO_ROOM if os.strerror(code) in str(error))
    return known if known is not None else next(told, None)


def _sync(folder: Path, epoch: int) -> None:
    """Orbax brings arrays to the disk, but not what says which they are, nor names of folders: a
    machine that loses its power must find them, too."""
    inside = [folder / str(epoch), *(folder / str(epoch)).rglob("*")]
    for path in (*inside[::-1], folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def saved_epochs(folder: str | os.PathLike) -> set[int]:
    """All epochs of which there is a state."""
    if not Path(folder).is_dir():
        return set()
    return {int(path.name) for path in Path(folder).iterdir() if path.name.isdecimal()}


def latest_epoch(folder: str | os.PathLike) -> int | None:
    """The last epoch saved, None if there is none."""
    return max(saved_epochs(folder), default=None)


def forget_others(folder: str | os.PathLike, *epochs: int) -> None:
    """Deletes all states but those of `epochs`: a training that starts there makes them anew."""
    _forget(folder, saved_epochs(folder) - set(epochs))


def _forget(folder: str | os.PathLike, epochs: set[int]) -> None:
    """By the first process of a group, while the others wait. A state is renamed before it is
    deleted: half of one is none."""
    if jax.process_index() == 0:
        for epoch in epochs:
            gone = Path(folder) / f"{epoch}.deleted"
            if gone.with_suffix("").is_dir():
                shutil.rmtree(gone, ignore_errors=True)
                gone.with_suffix("").rename(gone)
        for gone in Path(folder).glob("*.deleted"):
            shutil.rmtree(gone)
    parallel.wait("forget")


def restore_state(
    folder: str | os.PathLike, template: TrainState, epoch: int | None = None
) -> TrainState:
    """The state saved after `epoch` (default: the last). `template`: a state of the same model.

    Raises `FileNotFoundError` where nothing was saved, `OtherModel` where another model was, and
    `DamagedState` where it cannot be read: names the last one that can.
    """
    epoch = latest_epoch(folder) if epoch is None else epoch
    if epoch is None or not (Path(folder) / str(epoch)).is_dir():
        raise FileNotFoundError(f"no state of epoch {epoch or 'any'} in {folder}")
    try:
        with _told_once():
            return _restored(folder, template, epoch)
    except OtherModel:
        raise
    except Exception as error:  # orbax and its storage raise any kind
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    others = sorted(saved_epochs(folder) - {epoch}, reverse=True)
    good = next((other for other in others if _opens(folder, template, other)), None)
    goes_on = "no other one can be read: the same command then begins anew"
    if good is not None:
        goes_on = f"that of epoch {good} is whole: the same command then goes on from there"
    raise DamagedState(
        f"the state of epoch {epoch} in {folder} is damaged ({reason}): get it again, or delete "
        f"{Path(folder) / str(epoch)}; {goes_on}"
    )


def _opens(folder: str | os.PathLike, template: TrainState, epoch: int) -> bool:
    try:
        with _told_once():
            _restored(folder, template, epoch)
    except Exception:
        return False
    return True


def _restored(folder: str | os.PathLike, template: TrainState, epoch: int) -> TrainState:
    tree = traverse_util.flatten_dict(_tree(template))
    with _manager(folder, None) as manager:
        stored = _shapes(manager.item_metadata(epoch))
        if not stored:
            raise ValueError("it does not say what it holds: _METADATA is missing")
        # A number that is younger than the state is as the template has it; an average that is
        # starts as the parameters.
        known = {p: x for p, x in tree.items() if p in stored or p[0] not in ("hyper", "average")}
        wanted = traverse_util.unflatten_dict(known)
        wanted = jax.tree.map(ocp.utils.to_shape_dtype_struct, wanted)
        if stored != _shapes(wanted):
            raise OtherModel(
                f"the state in {folder} belongs to another model or optimiser than "
                f"{template.config}, {template.rules.optimiser}"
            )
        restored = manager.restore(epoch, args=ocp.args.StandardRestore(wanted))
    restored = jax.tree.map(_placed_like, restored, traverse_util.unflatten_dict(known))
    found = traverse_util.flatten_dict(restored)
    if ("average",) not in found:
        found["average",] = averaging.start(restored["params"])
    restored = traverse_util.unflatten_dict(tree | found)
    return serialization.from_state_dict(template, restored)


def _placed_like(value: jax.Array, template: Any) -> jax.Array:
    """Bound to devices only where the template is: else every step would be compiled again."""
    bound = getattr(template, "committed", False)
    return value if bound else jax.numpy.asarray(np.asarray(value))


def _manager(folder, keep) -> ocp.CheckpointManager:
    options = ocp.CheckpointManagerOptions(
        max_to_keep=keep, enable_async_checkpointing=False, create=True
    )
    return ocp.CheckpointManager(
        Path(folder).resolve(), options=options, item_handlers=ocp.StandardCheckpointHandler()
    )


def _tree(state: TrainState) -> dict[str, Any]:
    return serialization.to_state_dict(state)


def _shapes(tree) -> dict[tuple, tuple]:
    flat, _ = jax.tree.flatten_with_path(tree, is_leaf=lambda x: hasattr(x, "shape"))
    return {tuple(str(key.key) for key in path): tuple(leaf.shape) for path, leaf in flat}


def save_model(
    folder: str | os.PathLike, config: ModelConfig, variables: dict[str, PyTree]
) -> None:
    """`variables` as `TrainState.variables` gives them: parameters, codebook, statistics."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = traverse_util.flatten_dict(jax.tree.map(np.asarray, variables), sep="/")
    description = {
        "format": compatibility.FORMAT,
        "model": asdict(config),
        "schema": compatibility.current_schema(config.elements),
    }
    # The description comes last: a folder that has one is whole.
    _replace(folder / "arrays.npz", lambda file: np.savez(file, **arrays))
    _replace(
        folder / "config.json", lambda file: file.write(json.dumps(description, indent=2).encode())
    )


def load_model(folder: str | os.PathLike) -> tuple[ModelConfig, dict[str, PyTree]]:
    """Config and variables for `MLPF(config).apply(variables, X, mask)`.

    Raises `FileNotFoundError` where no model is, `ValueError` where one cannot be used.
    """
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise FileNotFoundError(f"no model in {folder}: config.json is missing")
    try:
        description = json.loads((folder / "config.json").read_text())
        with (
            (folder / "arrays.npz").open("rb") as raw,
            np.load(raw, allow_pickle=False) as file,
        ):
            arrays = {name: file[name] for name in file.files}
        description = {key: description[key] for key in ("format", "model", "schema")}
    except Exception as error:  # numpy and zipfile meet damage with any kind
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ValueError(f"the model in {folder} is damaged: {reason}") from error
    try:
        config = compatibility.checked_config(description)
        compatibility.check_arrays(config, arrays)
    except ValueError as error:
        raise ValueError(f"the model in {folder} is not one of this version: {error}") from error
    return config, traverse_util.unflatten_dict(arrays, sep="/")


def _replace(path: Path, write) -> None:
    """Writes beside, then renames: a reader sees the old file or the new one, never half."""
    beside = path.with_name(path.name + ".part")
    with open(beside, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
