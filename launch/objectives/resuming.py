"""What the small trainings share: a trial played from any epoch on, without a file for each.

Epochs depend on the state before them and on their number alone, so a state that was not kept is
made again: a trial whose worker was killed trains its lost epochs anew and goes on with the same
numbers. That costs a second or two here; writing every epoch down would cost more in all.
"""

import math
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from hpo.core.types import Trial

METRIC = "validation_loss"
LIMIT = 1e3  # nats; chance is ln(classes), and nothing comes back from here

Advance = Callable[[PyTree, int], tuple[PyTree, Any]]


class Diverged(RuntimeError):
    """The validation loss is not finite any more, or beyond all use."""


def play(trial: Trial, start: PyTree, advance: Advance, horizon: int) -> Iterator[Mapping]:
    """The metrics of the trial's epochs; `advance(state, epochs done)` trains one more.

    The state is kept at the job's end, unless that is the horizon, where nothing follows. Raises
    Diverged.
    """
    epoch, state = _nearest(trial, start)
    while epoch < trial.last_epoch:
        state, loss = advance(state, epoch)
        epoch += 1
        if epoch <= trial.first_epoch:
            continue  # reported before
        if not (math.isfinite(loss) and loss < LIMIT):
            raise Diverged(f"training diverged in epoch {epoch}: the loss is {float(loss):.3g}")
        if epoch == trial.last_epoch < horizon:
            _keep(trial.folder, epoch, state)
        yield {METRIC: float(loss)}


def _nearest(trial: Trial, start: PyTree) -> tuple[int, PyTree]:
    """(epochs done, state) of the last state kept that is not beyond the trial's first epoch."""
    kept = [int(path.stem) for path in trial.folder.glob("*.npz") if path.stem.isdecimal()]
    for epoch in sorted((e for e in kept if e <= trial.first_epoch), reverse=True):
        try:
            return epoch, _read(trial.folder / f"{epoch}.npz", start)
        except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile):
            continue  # damaged: it is made again
    return 0, start


def _read(path: Path, like: PyTree) -> PyTree:
    leaves, structure = jax.tree.flatten(like)
    with np.load(path) as arrays:  # no pickle
        found = [arrays[str(i)] for i in range(len(leaves))]
    for leaf, array in zip(leaves, found, strict=True):
        if np.shape(leaf) != array.shape or leaf.dtype != array.dtype:
            raise ValueError(f"{path} holds the state of another model")
    alike = [  # JAX would make doubles singles
        array if isinstance(leaf, np.ndarray) else jax.numpy.asarray(array)
        for leaf, array in zip(leaves, found, strict=True)
    ]
    return jax.tree.unflatten(structure, alike)


def _keep(folder: Path, epoch: int, state: PyTree) -> None:
    """Writes the state whole or not at all, and forgets the ones before it."""
    partial = folder / f".{epoch}.partial"
    with partial.open("wb") as file:
        np.savez(file, **{str(i): leaf for i, leaf in enumerate(jax.tree.leaves(state))})
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / f"{epoch}.npz")
    for path in folder.glob("*.npz"):
        if path.stem.isdecimal() and int(path.stem) < epoch:
            path.unlink()
