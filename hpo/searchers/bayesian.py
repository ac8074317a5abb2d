"""Bayesian optimisation: a Gaussian process over the space, and the best expected improvement.

Snoek, Larochelle and Adams (NeurIPS 2012), on normal scores instead of losses, at the highest rung
that enough trials have come to, so that it can be used under any scheduler.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from hpo.core import streams
from hpo.core.searcher import Observed, Searcher
from hpo.core.types import Configuration
from hpo.searchers.base import quasi_random_search
from hpo.searchers.evidence import gather, scores
from hpo.space import Space

_STEPS = 12
_LARGEST = 128  # trials that a process is fitted to: its cost grows as their third power


def bayesian_search(space: Space, startup: int | None = None, candidates: int = 256) -> Searcher:
    """Gaussian process and expected improvement, after `startup` quasi-random trials.

    startup      trials that must have come to a rung before a model of it is made; two more than
                 there are hyperparameters unless given
    candidates   uniform draws among which, and near the best of which, the next is chosen; Sobol'
                 points in their place found nothing better (docs/hpo_searchers.md)

    Trials that have not reported yet are taken to be of average quality ("constant liar":
    Ginsbourger, Le Riche and Carraro, 2010), so that workers that ask at the same time are sent
    to different places.
    """
    enough = len(space.parameters) + 2 if startup is None else startup
    if enough < 2 or candidates < 1:
        raise ValueError(f"startup must be at least 2, candidates 1; got {enough}, {candidates}")
    design = quasi_random_search(space)

    def suggest(seed: int, number: int, observed: tuple[Observed, ...]) -> Configuration:
        evidence = gather(observed, enough)
        if evidence is None:
            return design.propose(seed, number)
        generator = np.random.default_rng(streams.improvement(seed, number))
        known = ~np.isnan(evidence.losses)
        targets = np.zeros(len(observed))  # the average, for those that have not reported
        targets[known] = scores(evidence.losses[known])
        kept = _kept(targets, known)
        rows = np.array([space.features(observed[i].configuration) for i in kept])
        model = _fit(rows, targets[kept])
        best = float(targets[known].min())
        points = generator.random((candidates, len(space.parameters)))
        incumbents = [
            space.encode(observed[i].configuration) for i in np.argsort(targets, kind="stable")[:3]
        ]
        points = np.concatenate([points, *_near(generator, incumbents)])
        chosen = _best_of(space, model, best, points, observed)
        refined = np.concatenate(_near(generator, [chosen]))
        return space.decode(_best_of(space, model, best, np.vstack([chosen, refined]), observed))

    settings = {
        "searcher": "bayesian",
        "startup": enough,
        "candidates": candidates,
        "space": space.settings,
    }
    return Searcher(design.propose, settings, suggest)


def expected_improvement(
    mean: Float[np.ndarray, " points"], spread: Float[np.ndarray, " points"], best: float
) -> Float[np.ndarray, " points"]:
    """E[max(best - f, 0)] for f normal: (best - mean) Phi(z) + spread phi(z), z = (best - mean) /
    spread (Jones, Schonlau and Welch 1998, equation 15)."""
    from scipy import stats

    gain = best - mean
    z = gain / np.maximum(spread, 1e-12)
    return gain * stats.norm.cdf(z) + spread * stats.norm.pdf(z)


def _kept(targets: np.ndarray, known: np.ndarray) -> np.ndarray:
    """At most _LARGEST trials: half of them the best known, the others the latest."""
    if len(targets) <= _LARGEST:
        return np.arange(len(targets))
    best = np.argsort(np.where(known, targets, np.inf), kind="stable")[: _LARGEST // 2]
    others = np.setdiff1d(np.arange(len(targets)), best)
    return np.sort(np.concatenate([best, others[-(_LARGEST - len(best)) :]]))


def _fit(rows: Float[np.ndarray, "trials features"], targets: Float[np.ndarray, " trials"]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels

    scales = np.full(rows.shape[1], 0.5)
    kernel = kernels.ConstantKernel(1.0, (0.1, 10)) * kernels.Matern(scales, (0.05, 10), nu=2.5)
    kernel += kernels.WhiteKernel(0.1, (1e-3, 1))
    model = GaussianProcessRegressor(kernel, optimizer=_some_steps)
    with warnings.catch_warnings():
        # A length scale at its bound is a hyperparameter that does not matter: no defect.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows, targets)


def _some_steps(
    loss: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, float]:
    """L-BFGS, stopped early: the last digits of a length scale do not move the next trial."""
    from scipy.optimize import minimize

    options = {"maxiter": _STEPS}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return found.x, found.fun


def _near(generator: np.random.Generator, centres: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Points around each centre, at two distances; one coordinate moves, or all of them."""
    out = []
    for centre in centres:
        for width in (0.15, 0.03):
            moves = generator.normal(0, width, (32, len(centre)))
            lone = np.eye(len(centre), dtype=bool)[generator.integers(len(centre), size=16)]
            moves[:16] *= lone
            out.append(np.clip(centre + moves, 0, 1))
    return out


def _best_of(
    space: Space, model: Any, best: float, points: np.ndarray, observed: tuple[Observed, ...]
) -> np.ndarray:
    """The point of the largest expected improvement; one that was tried only if all were."""
    tried = {_key(t.configuration) for t in observed}
    places = [space.decode(point) for point in points]
    new = [i for i, place in enumerate(places) if _key(place) not in tried]
    if new:
        points, places = points[new], [places[i] for i in new]
    mean, deviation = model.predict(np.array([space.features(p) for p in places]), return_std=True)
    variance = np.maximum(deviation**2 - model.kernel_.k2.noise_level, 0)  # of f, not of its noise
    return points[np.argmax(expected_improvement(mean, np.sqrt(variance), best))]


def _key(configuration: Configuration) -> tuple[Any, ...]:
    return tuple(sorted(configuration.items()))
