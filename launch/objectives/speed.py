"""How fast a training is: events/s, its share of what matrix products reach here, time left.

The FLOPs of an update are XLA's count of the lowered step, which is the program as it was written:
nothing is compiled for it. XLA counts the body of a loop once, and pieces of a batch are a loop.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from datasets.schema import Batch

WINDOW = 64  # updates that figures are means of
Clock = Callable[[], float]


def matmul_rate(precision: str = "float32", seconds: float = 0.3) -> float:
    """FLOP/s of a product of square matrices on one device: the most that a step can hope for."""
    import jax
    import jax.numpy as jnp

    n = 1024 if jax.default_backend() == "cpu" else 8192
    a = jnp.ones((n, n), precision)
    product = jax.jit(jnp.matmul)
    product(a, a).block_until_ready()
    start, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - start) < seconds or not done:
        product(a, a).block_until_ready()
        done += 1
    return 2.0 * n**3 * done / spent


def step_flops(state: Any, batch: Batch) -> float:
    """FLOPs of a step on one batch, of whatever shape; 0 where XLA does not say."""
    from mlpf_jax.training import pieces, train

    cost = train.train_step.lower(state, batch).cost_analysis() or {}
    return float(cost.get("flops", 0.0)) * pieces.number(pieces.split(batch))


class Meter:
    """Told of every update (`train.Watch`), says how fast they are."""

    def __init__(
        self,
        updates: int,
        peak: float,
        flops_of: Callable[[Batch], float],
        clock: Clock = time.monotonic,
        processes: int = 1,
    ):
        """`updates`: of the whole training; `peak`: FLOP/s of all devices together. Every one of
        the `processes` is told of its own share of a batch, as large as that of the others."""
        self.updates, self._peak, self._flops_of, self._clock = updates, peak, flops_of, clock
        self._processes = processes
        self._of_shape: dict[tuple, float] = {}
        self._seen: deque[tuple[float, int, float]] = deque(maxlen=WINDOW)
        self.done = 0

    def __call__(self, update: int, batches: Sequence[Batch]) -> None:
        events = sum(int((np.asarray(batch.event) >= 0).sum()) for batch in batches)
        flops = sum(map(self._flops, batches))
        self._seen.append((self._clock(), *(self._processes * x for x in (events, flops))))
        self.done = update + 1

    def _flops(self, batch: Batch) -> float:
        shape = batch.X.shape
        if shape not in self._of_shape:
            self._of_shape[shape] = self._flops_of(batch)
        return self._of_shape[shape]

    def rest(self) -> None:
        """What comes until the next update is no part of it: validation, measures."""
        self._seen.clear()

    def note(self) -> str:
        """One phrase; "" as long as nothing can be said."""
        if len(self._seen) < 2 or not (spent := self._seen[-1][0] - self._seen[0][0]) > 0:
            return ""
        events, flops = (sum(each[i] for each in list(self._seen)[1:]) for i in (1, 2))
        parts = [f"{events / spent:.3g} events/s"]
        if flops and self._peak:
            parts.append(f"{flops / spent / self._peak:.2g} of a matrix product's FLOP/s")
        left = (self.updates - self.done) * spent / (len(self._seen) - 1)
        parts.append(f"{duration(left)} left")
        return ", ".join(parts)


def duration(seconds: float) -> str:
    """Roughly, as a person says it."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
