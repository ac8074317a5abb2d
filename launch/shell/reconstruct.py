"""A saved model applied to elements: rows of particles in, nothing else touched."""

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.batches import rows_of, sequential
from datasets.events import Samples
from launch.objectives.training import make_batch_plan
from launch.shell.compilation import keep_compilations
from launch.shell.runs import Run

Rows = Float[np.ndarray, "elements targets"]
Reconstruct = Callable[[Samples, Callable[[int], None]], Rows]


def reconstructor(run: Run) -> Reconstruct:
    """Loads the run's model and returns what applies it.

    The returned function makes a row of schema.TARGET_FEATURES for every element, in the order of
    the samples, and calls its second argument with the number of events done so far. It raises
    ValueError where an input is not finite.
    """
    import jax

    from mlpf_jax.model.heads import particles
    from mlpf_jax.model.mlpf import MLPF
    from mlpf_jax.model.statistics import check_elements
    from mlpf_jax.training import checkpoint

    keep_compilations(run)
    config, variables = checkpoint.load_model(run.folder / "model")
    settings = run.config.fit

    @partial(jax.jit, static_argnums=3)
    def apply(variables, X, segment, segments):
        return particles(MLPF(config, segments).apply(variables, X, segment), X, segment > 0)

    def reconstruct(samples: Samples, progressed: Callable[[int], None]) -> Rows:
        check_elements(np.asarray(samples.X))
        plan = make_batch_plan(np.diff(samples.offsets), settings, config.bin_size)
        rows = np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)
        done = 0
        for batch in sequential(samples, plan):
            predicted = np.asarray(apply(variables, batch.X, batch.segment, batch.segments))
            rows[rows_of(batch, samples.offsets)] = predicted[batch.mask]
            done += int((batch.event >= 0).sum())
            progressed(done)
        return rows

    return reconstruct
