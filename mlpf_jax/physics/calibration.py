"""Jets of the right size: one factor for all neutral particles, found on validation events.

A model that takes the most likely class loses the neutral particles it is not sure of, and one that
fits medians of logs loses the tails: both make jets a percent or two too small. Tracks are right as
they are, so what is missing is put where the uncertainty is.
"""

import numpy as np
from jaxtyping import Float

from datasets import jets, schema
from datasets.events import Samples
from mlpf_jax.physics.evaluation import (
    JET_MIN_PT,
    JET_RADIUS,
    WIDE_MIN_PT,
    WIDE_RADIUS,
    row_momenta,
)
from mlpf_jax.physics.response import summarise

LARGEST = 1.25  # factor either way; a model that needs more is not calibrated, but untrained
PRECISION = 2e-4  # of the factor


def neutral_scale(samples: Samples, rows: Float[np.ndarray, "elements targets"]) -> float | None:
    """The factor of photons' and neutral hadrons' momenta in `rows`, a model's particles, at which
    the medians of the jets' response, R = 0.4 and R = 0.7 of the evaluation protocol, are 1 on
    average. None where there is none within LARGEST, or no jet is matched.
    """
    from scipy.optimize import root_scalar

    offsets = np.asarray(samples.offsets)

    def clustered(y, radius, min_pt):
        p = row_momenta(y)
        return jets.cluster(p.pt, p.eta, p.phi, p.energy, offsets, radius, min_pt)[0]

    wide = clustered(np.asarray(samples.ytarget), WIDE_RADIUS, WIDE_MIN_PT)
    wanted = ((samples.genjets, JET_RADIUS), (wide, WIDE_RADIUS))

    def excess(log_factor: float) -> float:
        made = scaled(rows, float(np.exp(log_factor)))
        responses = [
            jets.jet_response(true, clustered(made, radius, JET_MIN_PT)) for true, radius in wanted
        ]
        return float(np.mean([summarise(response).median for response in responses])) - 1

    first = excess(0.0)
    if not np.isfinite(first):
        return None
    if abs(first) < PRECISION:
        return 1.0
    # Neutral particles are a third of a jet.
    guess = float(np.clip(-3 * first, -0.1, 0.1)) or 0.01
    found = root_scalar(excess, x0=0.0, x1=guess, method="secant", xtol=PRECISION, maxiter=12)
    fits = found.converged and abs(found.root) <= np.log(LARGEST)
    return float(np.exp(found.root)) if fits else None


def scaled(
    rows: Float[np.ndarray, "elements targets"], factor: float
) -> Float[np.ndarray, "elements targets"]:
    """The same particles, pt and energy of the neutral ones times `factor`."""
    kinds = [schema.CLASSES.index(name) for name in ("neutral hadron", "photon")]
    neutral = np.isin(rows[:, schema.target("PDG")], kinds)
    rows = rows.copy()
    for name in ("pt", "energy"):
        rows[neutral, schema.target(name)] *= factor
    return rows
