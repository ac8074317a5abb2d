"""Figures of all reconstructions of a process, from what was observed in its events.

Responses have a median and a width (IQR over median), each with an error from a bootstrap over
events. The gap closed is how far a model comes from the rule-based reconstruction to the floor,
(1 - w_mlpf / w_baseline) / (1 - w_floor / w_baseline). Figures are plain values; what there is
nothing to count for is None.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from datasets import schema
from mlpf_jax.physics.bootstrap import Spread, half_of_68, resample, spread
from mlpf_jax.physics.evaluation import MET_MIN, PT_EDGES
from mlpf_jax.physics.observables import ELEMENT_WISE, JETS, Columns, Observed, names_of
from mlpf_jax.physics.particles import confusion, rates

ANGLE_EDGES = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)  # |cos theta| of the generated jet
PARTICLE_PT_EDGES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # GeV, the last has no end
PEAKS = {"zh": 125.25, "ww": 80.38, "ww_fullhad": 80.38}  # GeV: H and W (PDG Review)
PEAK_WINDOW = 15.0  # GeV, of the generated jets' mass around it
BINNED = "jets_r07"


def compare(observed: Observed, process: str, seed: int = 0) -> dict[str, Any]:
    """All figures; `seed` is that of the resamples.

    jets_r04, jets_r07, jets_glow, met, visible, and where the process has a peak dijet_mass (GeV)
    and dijet (its response): by reconstruction `entries`, `matched`, `median`, `median_error`,
    `width`, `width_error`, of jets also `jets` and `fakes`; `jets_r07_by_pt`, `jets_r07_by_angle`:
    a list of such, with the edges of each bin (the last of pt has None for an end);
    `closed`: by group, the gap closed and its error; `particles`; `pulls`, or None.
    """
    counts = resample(len(observed["events"]["event"]), seed)
    spreads = {
        group: {name: spread(values, event, counts) for name, values in columns.items()}
        for group, (event, columns) in _groups(observed, process).items()
    }
    out: dict[str, Any] = {"events": counts.shape[1]}
    for group, (_, columns) in _groups(observed, process).items():
        out[group] = {n: _figures(values, spreads[group][n]) for n, values in columns.items()}
        if group in JETS:
            for name, of_name in out[group].items():
                of_name |= _fakes(observed[group.replace("jets", "fakes", 1)], name)
    out[f"{BINNED}_by_pt"] = _by_pt(observed, counts)
    out[f"{BINNED}_by_angle"] = _by_angle(observed, counts)
    out["closed"] = {group: gap_closed(of_group) for group, of_group in spreads.items()}
    out["particles"] = {name: _particles(observed["particles"], name) for name in ELEMENT_WISE}
    out["pulls"] = _pulls(observed["particles"])
    return plain(out)


def gap_closed(spreads: Mapping[str, Spread]) -> dict[str, float] | None:
    """The share of the gap between baseline and floor that the model closes, and its error.

    None where no floor is known. The error is half of what holds the central 68% of the resamples,
    the same ones for all three: where there is hardly a gap, a ratio to it has no variance.
    """
    if "floor" not in spreads:
        return None

    def share(width) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            own, best = (1 - np.divide(width[n], width["baseline"]) for n in ("mlpf", "floor"))
            return np.where(best != 0, np.divide(own, best), np.nan)

    value = share({name: each.width for name, each in spreads.items()})
    of_resamples = share({name: each.widths for name, each in spreads.items()})
    return {"share": float(value), "error": half_of_68(of_resamples)}


def plain(value: Any) -> Any:
    """The same with None for what is not finite, and no numpy in it."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _groups(observed: Observed, process: str) -> dict[str, tuple[np.ndarray, Columns]]:
    """By group the event of each entry, and of each reconstruction the values."""
    names, events = names_of(observed), observed["events"]
    out = {g: (observed[g]["event"], {n: observed[g][n] for n in names}) for g in JETS}
    missing = events["met"] > MET_MIN
    peaked = np.abs(events["mass"] - PEAKS.get(process, np.nan)) < PEAK_WINDOW
    for group, quantity, chosen, ratio in (
        ("met", "met", missing, True),
        ("visible", "visible", events["visible"] > 0, True),
        ("dijet", "mass", peaked, True),
        ("dijet_mass", "mass", peaked, False),
    ):
        if group.startswith("dijet") and process not in PEAKS:
            continue
        scale = events[quantity][chosen] if ratio else 1.0
        values = {name: events[f"{quantity}_{name}"][chosen] / scale for name in names}
        out[group] = (events["event"][chosen], values)
    return out


def _figures(values: np.ndarray, found: Spread) -> dict[str, Any]:
    matched = np.isfinite(values)
    return {
        "entries": len(values),
        "matched": float(matched.mean()) if len(values) else np.nan,
        "median": found.median,
        "median_error": found.median_error,
        "width": found.width,
        "width_error": found.width_error,
    }


def _fakes(counts: Columns, name: str) -> dict[str, Any]:
    found, fakes = (int(counts[f"{what}_{name}"].sum()) for what in ("jets", "fakes"))
    return {"jets": found, "fakes": fakes / found if found else np.nan}


def _by_pt(observed: Observed, counts: np.ndarray) -> dict[str, list]:
    edges = [edge for edge in PT_EDGES if edge >= JETS[BINNED].min_pt]
    bins = list(pairwise([JETS[BINNED].min_pt, *edges, np.inf]))
    return _binned(observed, "pt", observed[BINNED]["pt"], bins, counts)


def _by_angle(observed: Observed, counts: np.ndarray) -> dict[str, list]:
    """|cos theta| = |tanh eta|."""
    bins = list(pairwise(ANGLE_EDGES))
    bins[-1] = (bins[-1][0], np.nextafter(1.0, 2.0))  # its end is in it
    found = _binned(observed, "angle", np.abs(np.tanh(observed[BINNED]["eta"])), bins, counts)
    return {name: [{**b, "angle": [round(edge, 9) for edge in b["angle"]]} for b in of_name]
            for name, of_name in found.items()}  # fmt: skip


def _binned(
    observed: Observed, label: str, values: np.ndarray, bins: Sequence, counts: np.ndarray
) -> dict[str, list]:
    jets = observed[BINNED]
    out = {}
    for name in names_of(observed):
        out[name] = []
        for low, high in bins:
            chosen = (values >= low) & (values < high)
            response = jets[name][chosen]
            found = spread(response, jets["event"][chosen], counts)
            out[name].append({label: [low, high], **_figures(response, found)})
    return out


def _particles(particles: Columns, name: str) -> dict[str, Any]:
    """Rates by class; `confusion` (row = true class); `energy`: response by true class and pt."""
    true, found = particles["class"], particles[f"class_{name}"]
    table = confusion(true, found, len(schema.CLASSES))
    response = particles[f"energy_{name}"]
    bins = list(pairwise((*PARTICLE_PT_EDGES, np.inf)))
    energy = {}
    for kind, label in enumerate(schema.CLASSES[1:], start=1):
        energy[label] = [
            {"pt": [low, high], **_plain_spread(response[chosen])}
            for low, high in bins
            for chosen in [(true == kind) & (particles["pt"] >= low) & (particles["pt"] < high)]
        ]
    labels = schema.CLASSES[1:]
    return {
        "rates": dict(zip(labels, [r._asdict() for r in rates(table)], strict=True)),
        "classes": list(schema.CLASSES),
        "confusion": table.tolist(),
        "energy": energy,
    }


def _plain_spread(values: np.ndarray) -> dict[str, Any]:
    found = spread(values, np.zeros(len(values), int), np.ones((1, 1), np.int32))
    return {"entries": len(values), "median": found.median, "width": found.width}


def _pulls(particles: Columns) -> dict[str, Any] | None:
    """(true - found) / spread of log pt and log energy: mean, and half of the central 68%, which is
    1 where predicted spreads are right and errors are normal. None: the model has no spreads."""
    if "pull_pt" not in particles:
        return None
    out = {}
    for name in ("pt", "energy"):
        pull = particles[f"pull_{name}"]
        pull = pull[np.isfinite(pull)]
        mean = float(pull.mean()) if len(pull) else np.nan
        out[name] = {"entries": len(pull), "mean": mean, "width": half_of_68(pull)}
    return out
