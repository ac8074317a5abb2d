"""The model of a run applied to samples, as its configuration makes batches of them."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.batches import rows_of, sequential
from datasets.events import Samples
from launch.shell import data
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
    from mlpf_jax.model import reconstruct as model
    from mlpf_jax.model.statistics import check_elements
    from mlpf_jax.training import checkpoint

    keep_compilations(run)
    config, variables = checkpoint.load_model(run.folder / "model")
    settings, particles_of = run.config.fit, model.reconstructor(config, variables)

    def reconstruct(samples: Samples, progressed: Callable[[int], None]) -> Rows:
        check_elements(np.asarray(samples.X))
        plan = data.make_batch_plan(np.diff(samples.offsets), settings, config.bin_size)
        rows = np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)
        done = 0
        for batch in sequential(samples, plan):
            rows[rows_of(batch, samples.offsets)] = particles_of(batch)[batch.mask]
            done += int((batch.event >= 0).sum())
            progressed(done)
        return rows

    return reconstruct
