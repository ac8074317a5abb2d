"""LKGP: all learning curves of a study, finished or not, as one Gaussian process."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Float

from hpo.core.types import Configuration
from hpo.forecasting.predictors.base import (
    Curves,
    Extrapolate,
    Known,
    Losses,
    Predictor,
    unit_of,
)
from hpo.space import Space
from mlpf_install import extras

if TYPE_CHECKING:  # it imports JAX
    from hpo.forecasting.predictors.kronecker import Gaps, Hyper, Problem

_ENOUGH = 1e-5  # an ascent ends where a step gains less than this share of the log posterior
MARGIN = 0.1  # between the extreme values and the ends of their scale, of the way to the median


def lkgp(space: Space | None = None, columns: int = 24) -> Predictor:
    """A joint Gaussian process over configurations x epochs with latent Kronecker structure.

    space     what configurations are drawn from; without it curves alone are looked at
    columns   epochs, spaced evenly in the logarithm, that the process sees of each curve

    The formulas stand in `kronecker`. Hyperparameters maximise the posterior. Raises ImportError
    where JAX is not installed.
    """
    extras.require("mlpf", "the predictor lkgp", "jax")
    if columns < 4:
        raise ValueError(f"columns must be at least 4, got {columns}")

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        raise ValueError("lkgp needs whole curves and configurations: call its `joint`")

    def joint(known: Known, seed: int) -> tuple[Losses, Losses]:
        configurations = [*known.finished_configurations, *known.partial_configurations]
        rung, epoch = known.finished.shape[1], known.partial.shape[1]
        epochs = seen_epochs(epoch, rung, columns)
        values = np.full((len(configurations), len(epochs)), np.nan)
        values[: len(known.finished)] = known.finished[:, epochs - 1]
        before = epochs <= epoch
        values[len(known.finished) :, before] = known.partial[:, epochs[before] - 1]
        rows = np.arange(len(known.finished), len(values))
        times = np.log(epochs) / np.log(max(rung, 2))
        return extrapolate(_features(space, configurations), times, values, rows)

    settings = {"predictor": "lkgp", "columns": columns}
    return Predictor(fit, settings | {"space": space.settings if space else None}, joint)


def extrapolate(
    features: Float[np.ndarray, "configurations features"],
    times: Float[np.ndarray, " epochs"],
    values: Float[np.ndarray, "configurations epochs"],
    rows: np.ndarray,
) -> tuple[Losses, Losses]:
    """Mean and spread of the rows' next measurement in the last column, where they have none yet;
    NaN is not observed."""
    import jax

    from hpo.forecasting.predictors import kronecker

    seen = ~np.isnan(values)
    unit = unit_of(values[seen])
    values = values / unit
    scale = scale_of(values[seen])
    with jax.enable_x64(True):
        problem = _padded(features, times, np.where(seen, scale.to(values), np.nan))
        mean, variance = map(np.asarray, kronecker.posterior(_fitted(problem), problem))
    place = np.searchsorted(np.flatnonzero(~seen.all(1)), rows)
    last = (~seen).any(0).sum() - 1
    mean, spread = mean[place, last], np.sqrt(variance[place, last])
    return unit * scale.back(mean), unit * scale.spread(mean, spread)


class Scale(NamedTuple):
    """A monotonic map from losses to numbers that a Gaussian process may be put on.

    Piecewise linear through (`values`, `places`); nothing is ever predicted beyond the ends.
    """

    values: Float[np.ndarray, " knots"]
    places: Float[np.ndarray, " knots"]

    def to(self, values: np.ndarray) -> np.ndarray:
        return np.interp(values, self.values, self.places)

    def back(self, places: np.ndarray) -> np.ndarray:
        return np.interp(places, self.places, self.values)

    def spread(self, places: np.ndarray, widths: np.ndarray) -> np.ndarray:
        """Half of what lies between one width below and one above, or half of that for two widths
        where it is more: next to a crowd one width says too little."""
        inside = np.clip(places, self.places[0], self.places[-1])
        near, far = (
            self.back(inside + k * widths) - self.back(inside - k * widths) for k in (1, 2)
        )
        return np.maximum(near / 2, far / 4)


def scale_of(values: Losses) -> Scale:
    """Half logistic, which spreads out the ends where good losses crowd, half normal scores, which
    spread out any crowd: without these, trainings that never left the start blur each other's
    ranks; without the former, what lies between crowds is not told apart."""
    from scipy import stats

    knots, counts = np.unique(values, return_counts=True)
    extent = knots[-1] - knots[0] or 1e-6 * abs(knots[0]) or 1e-9
    below, above = (MARGIN * abs(np.median(values) - end) for end in (knots[0], knots[-1]))
    # or the ends would be at the extreme values themselves, where the logistic scale is infinite
    least = 4 * np.spacing(np.abs(knots[[0, -1]]).max())
    low = knots[0] - max(below if below > 1e-12 * extent else 1e-3 * extent, least)
    high = knots[-1] + max(above if above > 1e-12 * extent else 1e-3 * extent, least)
    logistic = np.log((knots - low) / (high - knots))
    mean = np.average(logistic, weights=counts)
    width = np.sqrt(np.average((logistic - mean) ** 2, weights=counts)) or 1.0
    scores = stats.norm.ppf((np.cumsum(counts) - counts / 2) / len(values))
    places = (scores + (logistic - mean) / width) / 2
    return Scale(
        np.concatenate([[low], knots, [high]]),
        np.concatenate([[places[0] - 1], places, [places[-1] + 1]]),
    )


def seen_epochs(epoch: int, rung: int, columns: int) -> np.ndarray:
    """At most `columns` epochs: most of them up to `epoch`, which is one, the last is `rung`."""
    ahead = max(columns // 4, 1)
    past = np.unique(np.round(np.geomspace(1, epoch, columns - ahead)).astype(int))
    future = np.unique(np.round(np.geomspace(epoch, rung, ahead + 1)).astype(int))
    return np.union1d(past, future)


def _features(space: Space | None, configurations: Sequence[Configuration]) -> np.ndarray:
    if space is None:
        return np.zeros((len(configurations), 1))
    # a table's configurations also name their row, which says nothing
    known = [{n: v for n, v in c.items() if n in space.parameters} for c in configurations]
    return np.array([space.features(c) for c in known])


def _rounded(number: int, step: int) -> int:
    return -(-number // step) * step


def _padded(features: np.ndarray, times: np.ndarray, values: np.ndarray) -> "Problem":
    """The problem, with rows, columns and gaps added that are none."""
    import jax.numpy as jnp

    from hpo.forecasting.predictors.kronecker import Problem

    rows, columns = len(features), len(times)
    n, m = _rounded(rows, 32), _rounded(columns, 8)
    return Problem(
        jnp.asarray(np.pad(features, ((0, n - rows), (0, 0)))),
        jnp.asarray(np.pad(times, (0, m - columns))),
        jnp.asarray(np.pad(np.nan_to_num(values), ((0, n - rows), (0, m - columns)))),
        jnp.arange(n) < rows,
        jnp.arange(m) < columns,
        _gaps(np.isnan(values)),
    )


def _gaps(unknown: np.ndarray) -> "Gaps":
    """Rows and columns that miss something, each in order, and more of them where nothing is."""
    import jax.numpy as jnp

    from hpo.forecasting.predictors.kronecker import Gaps

    rows, columns = np.flatnonzero(unknown.any(1)), np.flatnonzero(unknown.any(0))
    more_rows = _rounded(max(len(rows), 1), 16) - len(rows)
    more_columns = _rounded(max(len(columns), 1), 2) - len(columns)
    missing = np.pad(unknown[np.ix_(rows, columns)], ((0, more_rows), (0, more_columns)))
    return Gaps(
        jnp.asarray(np.pad(rows, (0, more_rows))),
        jnp.asarray(np.pad(columns, (0, more_columns))),
        jnp.asarray(missing),
    )


def _fitted(problem: "Problem") -> "Hyper":
    """Hyperparameters of the largest posterior density."""
    import jax
    from jax.flatten_util import ravel_pytree
    from scipy.optimize import minimize

    from hpo.forecasting.predictors import kronecker

    flat, unravel = ravel_pytree(kronecker.start(problem.features.shape[1]))

    def loss(vector: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = kronecker.loss_and_gradient(unravel(jax.numpy.asarray(vector)), problem)
        return float(value), np.asarray(ravel_pytree(gradient)[0])

    bounds = [(value - 5, value + 5) for value in np.asarray(flat)]
    options = {"maxiter": 50, "ftol": _ENOUGH}
    best = minimize(loss, flat, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return jax.tree.map(jax.numpy.asarray, unravel(best.x))
