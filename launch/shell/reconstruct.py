"""A model applied to samples, in batches as its run makes them, or of a few shapes."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from datasets import schema
from datasets.batches import Plan, rows_of, sequential
from datasets.events import Samples
from datasets.schema import Batch
from launch.parts.dealing import ARRAY, dealt
from launch.parts.meeting import ALONE, Group
from launch.shell import data
from launch.shell.compilation import keep_compilations
from launch.shell.runs import Run

Rows = Float[np.ndarray, "elements targets"]
Reconstruct = Callable[[Samples, Callable[[int], None]], Rows]
# Batches of a model without a run: few shapes, whatever the events are.
SHORTEST, ELEMENTS, SEGMENTS = 512, 8192, 16


def reconstructor(run: Run, mesh: Any = None, group: Group = ALONE) -> Reconstruct:
    """Loads the run's model and returns what applies it.

    The returned function makes a row of schema.TARGET_FEATURES for every element, in the order of
    the samples, and calls its second argument with the number of events done so far. The devices of
    a mesh share the rows of every batch, the processes of a group the batches: the first one has
    all rows then. It raises ValueError where an input is not finite.
    """
    from mlpf_jax.training import checkpoint

    keep_compilations(run)
    config, variables = checkpoint.load_model(run.folder / "model")
    settings = run.config.fit

    def plan_of(counts: np.ndarray) -> Plan:
        return data.make_batch_plan(counts, settings, config.bin_size)

    return _applied(config, variables, plan_of, spreads=False, mesh=mesh, group=group)


def of_model(
    config: Any, variables: Mapping[str, Any], spreads: bool = False, mesh: Any = None
) -> Reconstruct:
    """The same for a model as it was loaded. With `spreads` the rows have two more columns: the
    standard deviations of log(pt) and log(energy) of a model that predicts them.

    Portions of samples of all sizes share a few compiled programs.
    """

    from mlpf_jax.training import parallel

    def plan_of(counts: np.ndarray) -> Plan:
        plan = few_shapes(counts, config.bin_size, config.max_bins)
        return replace(plan, batch_size=plan.batch_size * parallel.size(mesh))

    return _applied(config, variables, plan_of, spreads, mesh)


def few_shapes(counts: np.ndarray, bin_size: int, max_bins: int) -> Plan:
    """Packed rows whose length is one of few: a power of two times SHORTEST, in whole bins; but no
    more bins than a model has, where the events need no more."""
    length = SHORTEST
    while length < counts.max(initial=0):
        length *= 2
    needed, bins = (-(-n // bin_size) for n in (counts.max(initial=0), length))
    length = max(needed, min(bins, max_bins)) * bin_size
    return Plan((length,), max(1, ELEMENTS // length), SEGMENTS, bin_size)


def _applied(
    config: Any,
    variables: Mapping[str, Any],
    plan_of: Callable[[np.ndarray], Plan],
    spreads: bool,
    mesh: Any,
    group: Group = ALONE,
) -> Reconstruct:
    from mlpf_jax.model import reconstruct as model
    from mlpf_jax.model.statistics import check_elements
    from mlpf_jax.training import parallel

    def by_rows(function: Callable, whole: Any, rows: Any) -> Any:
        return parallel.mapped(function, mesh, whole, rows)

    particles_of = model.reconstructor(config, variables, spreads, by_rows)

    def made_of(batch: Batch) -> Rows:
        return particles_of(parallel.share(batch, mesh))[: len(batch.X)][batch.mask]

    def reconstruct(samples: Samples, progressed: Callable[[int], None]) -> Rows:
        check_elements(np.asarray(samples.X))
        plan = plan_of(np.diff(samples.offsets))
        rows = np.zeros((len(samples.X), schema.TARGET_WIDTH + 2 * spreads), np.float32)
        done = 0
        batches = sequential(samples, plan)
        for batch, made in zip(
            batches, dealt(group, "rows", batches, made_of, ARRAY), strict=False
        ):
            rows[rows_of(batch, samples.offsets)] = made
            done += int((batch.event >= 0).sum())
            progressed(done)
        return rows

    return reconstruct
