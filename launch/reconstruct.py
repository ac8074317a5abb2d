"""A saved model applied to elements: rows of particles in, nothing else touched."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.batches import make_plan, sequential
from datasets.events import Samples
from launch.compilation import keep_compilations
from launch.runs import Run

Rows = Float[np.ndarray, "elements targets"]
Reconstruct = Callable[[Samples, Callable[[int], None]], Rows]


def reconstructor(run: Run) -> Reconstruct:
    """Loads the run's model and returns what applies it.

    The returned function makes a row of schema.TARGET_FEATURES for every element, in the order of
    the samples, and calls its second argument with the number of events done so far.
    """
    import jax

    from mlpf_jax import checkpoint
    from mlpf_jax.model import MLPF, particles

    keep_compilations(run)
    config, variables = checkpoint.load_model(run.folder / "model")
    module = MLPF(config)
    apply = jax.jit(lambda v, X, mask: particles(module.apply(v, X, mask), X, mask))
    settings = run.config.fit

    def reconstruct(samples: Samples, progressed: Callable[[int], None]) -> Rows:
        plan = make_plan(np.diff(samples.offsets), settings.batch_size, settings.buckets)
        rows = np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)
        done = 0
        for batch in sequential(samples, plan):
            predicted = np.asarray(apply(variables, batch.X, batch.mask))
            real = batch.event >= 0
            for event, row in zip(batch.event[real], predicted[real], strict=True):
                start, stop = samples.offsets[event], samples.offsets[event + 1]
                rows[start:stop] = row[: stop - start]
            done += int(real.sum())
            progressed(done)
        return rows

    return reconstruct
