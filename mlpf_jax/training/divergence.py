"""A training that breaks down is stopped at the step that broke, and the batch is kept.

Metrics are read a few steps behind the step that is computed: by then they are there, and reading
them holds nothing up. The step they belong to is known, and a batch is made again by its number.
"""

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from datasets.schema import Batch, Shares
from mlpf_jax.training import losses

BEHIND = 4  # steps that may be under way
WEIGHT = {"class": "classification"}  # of terms whose weight has another name
ORDER = (*losses.Weights._fields, "loss", "gradient_norm")  # in which what broke is looked for


class Diverged(RuntimeError):
    """Something is not finite any more.

    `step` counts the updates of the whole training from 0; None: it was found in validation.
    `saved` says where the batches of that update are.
    """

    def __init__(self, epoch: int, step: int | None, term: str, saved: str = ""):
        at = "" if step is None else f", step {step + 1}"
        kept = f" Its batch is in {saved}." if saved else ""
        super().__init__(
            f"training diverged in epoch {epoch}{at}: the {term.replace('_', ' ')} is not finite."
            f"{kept} Lower the learning rate or the gradient clip."
        )
        self.epoch, self.step, self.term, self.saved = epoch, step, term, saved

    def __reduce__(self):
        return Diverged, (self.epoch, self.step, self.term, self.saved)


def first_not_finite(metrics: Mapping[str, float]) -> str | None:
    """What broke first: the terms of the loss, the loss, the gradient; None if nothing did."""
    broken = [name for name, value in metrics.items() if not np.isfinite(value)]
    if not broken:
        return None
    name = min(broken, key=lambda name: ORDER.index(WEIGHT.get(name, name)))
    return name if name in ("loss", "gradient_norm") else f"{name} loss"


class Behind:
    """Metrics of an epoch's steps, read `BEHIND` steps after they were asked for."""

    def __init__(self, epoch: int, watch: Callable[[int, Sequence[Batch]], None] | None = None):
        self._epoch, self._watch = epoch, watch
        self._waiting: deque[tuple[int, Any, Sequence[Batch]]] = deque()
        self._history: list[dict[str, float]] = []

    def add(self, step: int, metrics: Mapping[str, jax.Array], batches: Sequence[Batch]) -> None:
        """Raises `Diverged` for the first step that broke, once it is far enough behind."""
        self._waiting.append((step, metrics, batches))
        if len(self._waiting) > BEHIND:
            self._read()

    def finish(self) -> list[dict[str, float]]:
        """The metrics of all steps. Raises `Diverged`."""
        while self._waiting:
            self._read()
        return self._history

    def _read(self) -> None:
        step, metrics, batches = self._waiting.popleft()
        values = {name: float(value) for name, value in jax.device_get(dict(metrics)).items()}
        if (term := first_not_finite(values)) is not None:
            raise Diverged(self._epoch, step, term)
        self._history.append(values)
        if self._watch is not None:
            self._watch(step, batches)


def save_batches(path: str | os.PathLike, batches: Sequence[Batch]) -> None:
    """The arrays of batches in one .npz file (no pickle), named "0/X", "0/ytarget", ..."""
    arrays = {}
    for number, batch in enumerate(batches):
        parts = batch._asdict()
        shares = parts.pop("shares")
        parts |= {} if shares is None else {f"shares/{k}": v for k, v in shares._asdict().items()}
        parts = {name: value for name, value in parts.items() if value is not None}
        arrays |= {f"{number}/{name}": np.asarray(value) for name, value in parts.items()}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **arrays)


def load_batches(path: str | os.PathLike) -> list[Batch]:
    """What `save_batches` wrote."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    batches = []
    for number in range(len({name.split("/")[0] for name in arrays})):
        own = {n.split("/", 1)[1]: v for n, v in arrays.items() if n.startswith(f"{number}/")}
        shares = {k: own.pop(f"shares/{k}") for k in Shares._fields if f"shares/{k}" in own}
        batches.append(Batch(**own, shares=Shares(**shares) if shares else None))
    return batches
