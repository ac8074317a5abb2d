"""What a run's evaluation leaves without an error gets one here: from a bootstrap over events, the
same resamples for all that is compared."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from datasets.events import Samples
from mlpf_jax.physics import evaluation, response
from mlpf_jax.physics.bootstrap import Spread, deviation, resample, spread

Responses = Mapping[str, np.ndarray]


class Entries(NamedTuple):
    """Responses by reconstruction, NaN where nothing was matched; the event of each, of so many."""

    event: np.ndarray
    values: Responses
    events: int


def groups(samples: Samples, responses: Responses, names: tuple[str, ...]) -> dict[str, Entries]:
    """Jets and missing pt with their events, as `evaluation` measured them. Of wide jets the event
    is not kept: each counts as one of its own."""
    events = np.arange(samples.events)
    wide = {name: responses[f"wide_{name}"] for name in names}
    ratios = {
        name: response.met_response(
            responses[f"met_{name}"], responses["gen_met"], evaluation.MET_MIN
        )
        for name in names
    }
    jets = {name: responses[f"jet_{name}"] for name in names}
    return {
        "jets": Entries(np.repeat(events, samples.genjets.counts), jets, samples.events),
        "wide_jets": Entries(np.arange(len(wide[names[0]])), wide, len(wide[names[0]])),
        "met": Entries(events, ratios, samples.events),
    }


def spreads(entries: Entries, seed: int) -> dict[str, Spread]:
    """Median and width of each reconstruction, and of its resamples."""
    counts = resample(entries.events, seed)
    return {name: spread(v, entries.event, counts) for name, v in entries.values.items()}


def ratio(found: Spread, base: Spread) -> tuple[float, float]:
    """A width over another, and its error: both are of the same resamples."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = found.widths / base.widths
    return float(np.divide(found.width, base.width)), deviation(ratios)


def bins(
    by_pt: Mapping[str, Any], entries: Entries, pt: np.ndarray, seed: int
) -> dict[str, list[dict[str, Any]]]:
    """The bins of an evaluation with the errors of their widths."""
    counts = resample(entries.events, seed)
    return {
        name: [_with_error(b, entries, name, pt, counts) for b in by_pt[name]]
        for name in entries.values
    }


def _with_error(
    found: Mapping[str, Any], entries: Entries, name: str, pt: np.ndarray, counts: np.ndarray
) -> dict[str, Any]:
    low, high = found["pt"]
    chosen = (pt >= low) & (pt < (np.inf if high is None else high))
    error = spread(entries.values[name][chosen], entries.event[chosen], counts).width_error
    return {**found, "width_error": error if np.isfinite(error) else None}
