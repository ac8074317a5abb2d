"""Which epoch's state becomes the model, and when a training that gets no better ends."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from datasets import schema
from datasets.batches import rows_of
from datasets.events import Samples
from datasets.schema import Batch
from launch.shell.runs import RunError

Scores = Mapping[int, float]  # by epoch; the lowest is the best
Measure = Callable[[Any], float | None]


def score(record: Mapping[str, Any], select: str) -> float:
    """What an epoch is judged by, of its line in metrics.jsonl; infinite where it has no value."""
    if select == "last":
        return -float(record["epoch"])
    value = record.get({"loss": "validation_loss", "jets": "jets"}[select])
    return math.inf if value is None or not math.isfinite(value) else float(value)


def best(scores: Scores) -> int:
    """The epoch of the lowest score, the earliest of equal ones; the last if none has any."""
    if all(math.isinf(value) and value > 0 for value in scores.values()):
        return max(scores)
    return min(scores, key=lambda epoch: (scores[epoch], epoch))


def ended(scores: Scores, patience: int) -> bool:
    """Whether the best epoch lies `patience` epochs back; 0: never."""
    return bool(patience and scores) and max(scores) - best(scores) >= patience


def candidates_of(state: Any, samples: Samples, batches: Sequence[Batch], mesh: Any = None) -> Any:
    """What a state says of the elements (`physics.calibration.Candidates`), in the order of the
    samples that `batches` are made of."""
    from mlpf_jax.physics.calibration import Candidates
    from mlpf_jax.training import train

    logits = np.zeros((len(samples.X), len(schema.CLASSES)), np.float32)
    rows = np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)
    for batch in batches:
        where = rows_of(batch, samples.offsets)
        found = train.candidates_step(state, batch, mesh)
        logits[where], rows[where] = (x[batch.mask] for x in found)
    return Candidates(logits, rows)


def jets_measure(samples: Samples, batches: Sequence[Batch], mesh: Any = None) -> Measure:
    """Judges a state by the widths of jets (R = 0.4 and 0.7) in samples, of which `batches` are
    made: the mean of their ratios to the rule-based ones; None where no jet of the model's is
    matched.

    Raises RunError where the baseline's do not. Clustering costs some ms an event, each time.
    """
    from mlpf_jax.physics import evaluation
    from mlpf_jax.physics.response import summarise
    from mlpf_jax.training import train

    def widths(rows: np.ndarray) -> np.ndarray:
        made = {"rows": rows, "target": np.asarray(samples.ytarget)}
        momenta = {name: evaluation.row_momenta(y) for name, y in made.items()}
        found = evaluation.measure_responses(samples, momenta)
        return np.array([summarise(found[f"{kind}_rows"]).width for kind in ("jet", "wide")])

    baseline = widths(np.asarray(samples.ycand))
    if not (np.isfinite(baseline).all() and (baseline > 0).all()):
        raise RunError(
            "jets cannot be judged: the rule-based particles of the validation events make too "
            "few jets to measure a width; take more events (data.events.validation, or "
            "tune.validation_events), or select by the loss"
        )

    def measure(state: Any) -> float | None:
        rows = np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)
        for batch in batches:
            made = train.reconstruct_step(state, batch, mesh)
            rows[rows_of(batch, samples.offsets)] = made[batch.mask]
        ratio = float(np.mean(widths(rows) / baseline))
        return ratio if math.isfinite(ratio) else None

    return measure
