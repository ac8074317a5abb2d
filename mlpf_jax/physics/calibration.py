"""The last touch of a trained model: when a cluster counts as a particle, and how large that is.

A network that is trained for the right class of each element is not the one with the best jets. A
neutral hadron that is missed and a fluctuation that is taken for one cost a jet differently, and
the most likely class knows nothing of it. So the logits of neutral hadrons and of photons get a
bias each, and all neutral momenta a factor, at which the jets of validation events are narrowest
and their median is right. Tracks are right as they are.
"""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from datasets import jets, schema
from datasets.events import Samples, Table
from mlpf_jax.physics.evaluation import (
    JET_MIN_PT,
    JET_RADIUS,
    WIDE_MIN_PT,
    WIDE_RADIUS,
    row_momenta,
)
from mlpf_jax.physics.response import Summary, summarise

HADRON_BIASES = (-0.1, 0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
PHOTON_BIASES = (-0.1, -0.05, 0.0, 0.05, 0.1, 0.15)
ALIKE = 0.01  # of a width: what the jets of some thousand events cannot tell apart
LARGEST = 1.25  # factor either way; a model that needs more is not calibrated, but untrained
PRECISION = 2e-4  # of the factor
KINDS = tuple(schema.CLASSES.index(name) for name in ("neutral hadron", "photon"))


class Calibration(NamedTuple):
    """What is added to logits of clusters, and by what neutral momenta are multiplied."""

    hadron_bias: float = 0.0
    photon_bias: float = 0.0
    neutral_scale: float = 1.0


class Candidates(NamedTuple):
    """What a model, not yet calibrated, says of the elements of some samples."""

    logits: Float[np.ndarray, "elements classes"]
    rows: Float[np.ndarray, "elements targets"]  # as if all of them were particles


def calibrate(samples: Samples, candidates: Candidates) -> Calibration | None:
    """The calibration at which jets, R = 0.4 and R = 0.7 of the evaluation protocol, are narrowest
    and have a median response of 1, both as means of the two.

    Of biases that cannot be told apart by widths, within ALIKE, those that find most neutral
    particles. None where no jet is matched, or no factor within LARGEST makes the median right.
    """
    measure = _measure_of(samples)

    def width(biases: tuple[float, float]) -> float:
        return float(np.mean([s.width for s in measure(decided(candidates, *biases))]))

    widths = {biases: width(biases) for biases in product(HADRON_BIASES, PHOTON_BIASES)}
    widths = {biases: w for biases, w in widths.items() if np.isfinite(w)}
    if not widths:
        return None
    alike = [b for b, w in widths.items() if w <= (1 + ALIKE) * min(widths.values())]
    best = max(alike, key=lambda biases: (_found(samples, decided(candidates, *biases)), biases))
    rows = decided(candidates, *best)
    scale = _scale(lambda factor: measure(scaled(rows, factor)))
    return None if scale is None else Calibration(*best, scale)


def decided(
    candidates: Candidates, hadron_bias: float, photon_bias: float
) -> Float[np.ndarray, "elements targets"]:
    """Particles of the likeliest classes, zero where there is none."""
    logits, rows = candidates.logits.copy(), candidates.rows.copy()
    logits[:, KINDS] += (hadron_bias, photon_bias)
    kind = logits.argmax(axis=1)
    rows[:, schema.target("PDG")] = kind
    rows[kind == 0] = 0
    return rows


def scaled(
    rows: Float[np.ndarray, "elements targets"], factor: float
) -> Float[np.ndarray, "elements targets"]:
    """The same particles, pt and energy of the neutral ones times `factor`."""
    neutral = np.isin(rows[:, schema.target("PDG")], KINDS)
    rows = rows.copy()
    for name in ("pt", "energy"):
        rows[neutral, schema.target(name)] *= factor
    return rows


def _found(samples: Samples, rows: np.ndarray) -> int:
    """Neutral particles of the truth that are found as such."""
    kind = schema.target("PDG")
    true, made = (np.isin(y[:, kind], KINDS) for y in (np.asarray(samples.ytarget), rows))
    return int((true & made).sum())


def _measure_of(samples: Samples) -> Callable[[np.ndarray], list[Summary]]:
    """What measures the response of particles' jets, R = 0.4 and R = 0.7."""
    offsets = np.asarray(samples.offsets)

    def clustered(y: np.ndarray, radius: float, min_pt: float) -> Table:
        p = row_momenta(y)
        return jets.cluster(p.pt, p.eta, p.phi, p.energy, offsets, radius, min_pt)[0]

    wide = clustered(np.asarray(samples.ytarget), WIDE_RADIUS, WIDE_MIN_PT)
    wanted = ((samples.genjets, JET_RADIUS), (wide, WIDE_RADIUS))

    def measure(rows: np.ndarray) -> list[Summary]:
        return [
            summarise(jets.jet_response(true, clustered(rows, radius, JET_MIN_PT)))
            for true, radius in wanted
        ]

    return measure


def _scale(measure: Callable[[float], list[Summary]]) -> float | None:
    """The factor at which the mean of the medians is 1."""
    from scipy.optimize import root_scalar

    def excess(log_factor: float) -> float:
        return float(np.mean([s.median for s in measure(float(np.exp(log_factor)))])) - 1

    first = excess(0.0)
    if not np.isfinite(first):
        return None
    if abs(first) < PRECISION:
        return 1.0
    guess = float(np.clip(-3 * first, -0.1, 0.1))  # neutral particles are a third of a jet
    found = root_scalar(excess, x0=0.0, x1=guess, method="secant", xtol=PRECISION, maxiter=12)
    fits = found.converged and abs(found.root) <= np.log(LARGEST)
    return float(np.exp(found.root)) if fits else None
