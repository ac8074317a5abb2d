"""From many samples to one regression: which beta, which bias, in which proportions.

A combination is a value that, called with the decoded samples of one problem, returns an
`Expansion`: a weighted set of functions f(x) = sum_n beta_n k(x_n, x) + b. The weighted mean of
their values is the prediction, their weighted spread tells how far the samples disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float


class Expansion(NamedTuple):
    """Functions over the training rows; the weights sum to 1."""

    betas: Float[np.ndarray, "members rows"]
    biases: Float[np.ndarray, " members"]
    weights: Float[np.ndarray, " members"]


class Fitted(NamedTuple):
    """What a combination may look at: one problem's samples, lowest energy first."""

    betas: Float[np.ndarray, "reads rows"]
    energies: Float[np.ndarray, " reads"]
    kernel_matrix: Float[np.ndarray, "rows rows"]
    targets: Float[np.ndarray, " rows"]
    epsilon: float
    box: float | Float[np.ndarray, " rows"]
    weights: Float[np.ndarray, " rows"]  # what the loss of each row counts


@runtime_checkable
class Combination(Protocol):
    def __call__(self, fitted: Fitted) -> Expansion: ...


def evaluate(
    expansion: Expansion, kernel: Float[np.ndarray, "points rows"]
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """Mean and variance over the members, at points whose kernel with the rows is given."""
    values = expansion.betas @ kernel.T + expansion.biases[:, None]
    mean = expansion.weights @ values
    return mean, expansion.weights @ (values - mean) ** 2


@dataclass(frozen=True)
class MeanOfBest:
    """Mean beta of the `count` best distinct samples, then one bias for that mean.

    The members are the samples themselves under the common bias, so their mean is the prediction
    of the mean beta.
    """

    count: int = 20

    def __call__(self, fitted: Fitted) -> Expansion:
        _, first = np.unique(fitted.betas, axis=0, return_index=True)
        betas = fitted.betas[np.sort(first)[: self.count]]
        residuals = fitted.targets - fitted.kernel_matrix @ betas.mean(0)
        bias = median_bias(residuals, fitted.epsilon, fitted.weights)
        members = len(betas)
        return Expansion(betas, np.full(members, bias), np.full(members, 1 / members))


@dataclass(frozen=True)
class Published:
    """The published combination: weighted means of the beta of the `count` lowest reads, each mean
    with the bias of its own support vectors.

    `weighting` is one of WEIGHTINGS, or "all": the mean of the predictions of all seven, as in the
    published study. Weights are measured on the training rows, so they favour what overfits.
    """

    count: int = 4
    weighting: str = "all"

    def __call__(self, fitted: Fitted) -> Expansion:
        if self.weighting not in {*WEIGHTINGS, "all"}:
            raise ValueError(
                f"unknown weighting {self.weighting!r}: choose from all, {', '.join(WEIGHTINGS)}"
            )
        chosen = WEIGHTINGS if self.weighting == "all" else (self.weighting,)
        betas = fitted.betas[: self.count]
        shares = np.array([_shares(name, betas, fitted) for name in chosen])
        means = shares @ betas
        return Expansion(means, _own_biases(means, fitted), np.full(len(chosen), 1 / len(chosen)))


WEIGHTINGS = (
    "mse_normalised",  # proportional to 1 / mean square error
    "mse_softmax",  # proportional to exp(1 / mean square error)
    "log_cosh_normalised",  # the same two with the mean of log cosh(error)
    "log_cosh_softmax",
    "best",  # the sample of least mean square error alone
    "mean",
    "lowest_energy",  # the sample of lowest energy alone
)


def _shares(
    weighting: str, betas: Float[np.ndarray, "count rows"], fitted: Fitted
) -> Float[np.ndarray, " count"]:
    """Weights of the samples, which sum to 1."""
    if weighting == "mean":
        return np.full(len(betas), 1 / len(betas))
    if weighting == "lowest_energy":
        return np.eye(len(betas))[0]
    errors = betas @ fitted.kernel_matrix - fitted.targets
    errors += _own_biases(betas, fitted)[:, None]
    losses = (errors**2 if weighting in ("best", "mse_normalised", "mse_softmax")
              else np.logaddexp(errors, -errors) - np.log(2)) @ fitted.weights  # fmt: skip
    losses = losses / fitted.weights.sum()
    if weighting == "best":
        return np.eye(len(betas))[losses.argmin()]
    scores = 1 / np.maximum(losses, 1e-12)
    if weighting.endswith("softmax"):
        scores = np.exp(scores - scores.max())
    return scores / scores.sum()


def _own_biases(
    betas: Float[np.ndarray, "members rows"], fitted: Fitted
) -> Float[np.ndarray, " members"]:
    residuals = fitted.targets - betas @ fitted.kernel_matrix
    return np.array(
        [
            support_vector_bias(*row, fitted.epsilon, fitted.box, fitted.weights)
            for row in zip(residuals, betas, strict=True)
        ]
    )


def median_bias(
    residuals: Float[np.ndarray, " rows"], epsilon: float, weights: Float[np.ndarray, " rows"]
) -> float:
    """The b that minimises sum_n w_n max(|r_n - b| - epsilon, 0), r_n = y_n - sum_m beta_m k_nm.

    Each term is (|b - r_n - epsilon| + |b - r_n + epsilon|) / 2 - epsilon, so the minimisers are
    the weighted medians of the points r_n -+ epsilon; the middle of that interval is returned.
    """
    points = np.concatenate([residuals - epsilon, residuals + epsilon])
    order = np.argsort(points, kind="stable")
    below = np.cumsum(np.tile(weights, 2)[order])
    half = below[-1] / 2
    first = np.searchsorted(below, half * (1 - 1e-12))
    last = np.searchsorted(below, half * (1 + 1e-12))
    return float(points[order[[first, last]]].mean())


def support_vector_bias(
    residuals: Float[np.ndarray, " rows"],
    beta: Float[np.ndarray, " rows"],
    epsilon: float,
    box: float | Float[np.ndarray, " rows"],
    weights: Float[np.ndarray, " rows"],
) -> float:
    """Mean over rows strictly inside the box of r_n - epsilon (beta_n > 0) or r_n + epsilon (< 0).

    These agree at the exact optimum (equations in `qsvr.qubo`); in samples they differ. Where no
    row is inside the box, none of them fixes b, and the loss's own minimiser stands in.
    """
    inside = (beta != 0) & (np.abs(beta) < box * (1 - 1e-9))
    if not inside.any():
        return median_bias(residuals, epsilon, weights)
    return float((residuals - epsilon * np.sign(beta))[inside].mean())


COMBINATIONS: Mapping[str, Combination] = MappingProxyType(
    {
        "mean_of_best": MeanOfBest(),
        "published": Published(),
        **{f"published_{name}": Published(weighting=name) for name in WEIGHTINGS},
    }
)
"""Combinations by name, for configurations."""
