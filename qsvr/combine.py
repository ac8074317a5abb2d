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
    box: float


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
        bias = median_bias(residuals, fitted.epsilon)
        members = len(betas)
        return Expansion(betas, np.full(members, bias), np.full(members, 1 / members))


@dataclass(frozen=True)
class LowestEnergy:
    """The published combination: the `count` lowest reads, each with the bias of its own support
    vectors, weighted by energy.

    weighting   "softmax": exp(-E), normalised; "energy": proportional to how far E lies below
                zero; "equal"
    """

    count: int = 4
    weighting: str = "softmax"

    def __call__(self, fitted: Fitted) -> Expansion:
        if self.weighting not in WEIGHTINGS:
            raise ValueError(
                f"unknown weighting {self.weighting!r}: choose from {', '.join(WEIGHTINGS)}"
            )
        betas = fitted.betas[: self.count]
        residuals = fitted.targets - betas @ fitted.kernel_matrix
        biases = [
            support_vector_bias(*row, fitted.epsilon, fitted.box)
            for row in zip(residuals, betas, strict=True)
        ]
        weights = WEIGHTINGS[self.weighting](fitted.energies[: self.count])
        return Expansion(betas, np.array(biases), weights / weights.sum())


def median_bias(residuals: Float[np.ndarray, " rows"], epsilon: float) -> float:
    """The b that minimises sum_n max(|r_n - b| - epsilon, 0), r_n = y_n - sum_m beta_m k_nm.

    Each term is (|b - r_n - epsilon| + |b - r_n + epsilon|) / 2 - epsilon, so the minimisers are
    the medians of the points r_n -+ epsilon; the middle of that interval is returned.
    """
    return float(np.median(np.concatenate([residuals - epsilon, residuals + epsilon])))


def support_vector_bias(
    residuals: Float[np.ndarray, " rows"],
    beta: Float[np.ndarray, " rows"],
    epsilon: float,
    box: float,
) -> float:
    """Mean over rows strictly inside the box of r_n - epsilon (beta_n > 0) or r_n + epsilon (< 0).

    These agree at the exact optimum (equations in `qsvr.qubo`); in samples they differ. Where no
    row is inside the box, none of them fixes b, and the loss's own minimiser stands in.
    """
    inside = (beta != 0) & (np.abs(beta) < box * (1 - 1e-9))
    if not inside.any():
        return median_bias(residuals, epsilon)
    return float((residuals - epsilon * np.sign(beta))[inside].mean())


def _softmax(energies: np.ndarray) -> np.ndarray:
    return np.exp(energies.min() - energies)


def _below_zero(energies: np.ndarray) -> np.ndarray:
    """beta = 0 has energy 0: a sample that is no better has no say, unless all are like that."""
    depth = np.maximum(-energies, 0)
    return depth if depth.any() else np.ones_like(energies)


WEIGHTINGS = MappingProxyType(
    {"softmax": _softmax, "energy": _below_zero, "equal": np.ones_like},
)
COMBINATIONS: Mapping[str, Combination] = MappingProxyType(
    {"mean_of_best": MeanOfBest(), "lowest_energy": LowestEnergy()}
)
"""Combinations by name, for configurations."""
