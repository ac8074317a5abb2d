"""`QSVR`: support vector regression solved as a QUBO, as a scikit-learn estimator."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from qsvr import kernels
from qsvr.combine import COMBINATIONS, Combination, Expansion, Fitted, evaluate
from qsvr.encoding import Encoding, decode
from qsvr.qubo import build_qubo
from qsvr.samplers import sampler_of
from qsvr.sampleset import Sampler, SampleSet


class Scaling(NamedTuple):
    """x -> (x - center) / width, by column; a constant column has width 0 and is only centred."""

    center: Float[np.ndarray, "*columns"]
    width: Float[np.ndarray, "*columns"]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return (x - self.center) / np.where(self.width > 0, self.width, 1)


class Member(NamedTuple):
    """One QUBO's result: its rows (scaled), the regression over them, and what was sampled."""

    rows: Float[np.ndarray, "rows features"]
    expansion: Expansion
    samples: SampleSet


class QSVR(RegressorMixin, BaseEstimator):
    """Support vector regression whose dual is minimised by sampling a QUBO.

    Features are scaled and targets standardised inside, so `box` and `epsilon` count in standard
    deviations of y. Up to `max_rows` rows make one QUBO of 2 x rows x `bits` binaries (a Pegasus
    P16 holds 180, fully connected). More rows are dealt at random into the fewest equal subsets
    that fit; the subsets' models are averaged with weights max(R2, 0), R2 measured on the rows
    a model has not seen (equal weights where no model has a positive R2). The time of a fit is
    proportional to the number of subsets.

    kernel        "rbf", "linear", "polynomial", or a callable (X, Z) -> matrix of scaled rows
    gamma         of rbf and polynomial, or "scale": 1 / (features x variance of scaled X). Values
                  of the kernel should be of order 1, or the levels of beta are too coarse
    degree, coef0 of polynomial
    box           C', the largest |beta|
    bits, base    K binaries to base B for each alpha and alphahat
    epsilon       half width of the tube without loss
    penalty       xi, the price of (sum beta)^2
    scaling       of the features: "minmax", "standard" or "none"
    sampler       a name of `qsvr.samplers.SAMPLERS`, made with `reads` and `sweeps`; or a sampler
    combine       a name of `qsvr.combine.COMBINATIONS`, or a combination
    max_rows      the most rows of one QUBO
    random_state  seed of the subsets and of the sampler

    The defaults were chosen on learning curves of a particle-flow network, by the R2 of the last
    loss predicted from the first 5 to 50 of 100 epochs, trained on 20 and 60 curves.

    After `fit`: `members_`, `weights_`, `encoding_`, `n_features_in_`. Constant targets are
    predicted as that constant. Fewer than two rows, NaN and infinity are refused.
    """

    def __init__(
        self,
        kernel="rbf",
        gamma="scale",
        degree=3,
        coef0=1.0,
        box=4.0,
        bits=4,
        base=2.0,
        epsilon=0.02,
        penalty=0.05,
        scaling="minmax",
        sampler="level_gibbs",
        reads=64,
        sweeps=200,
        combine="mean_of_best",
        max_rows=30,
        random_state=None,
    ):
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.box = box
        self.bits = bits
        self.base = base
        self.epsilon = epsilon
        self.penalty = penalty
        self.scaling = scaling
        self.sampler = sampler
        self.reads = reads
        self.sweeps = sweeps
        self.combine = combine
        self.max_rows = max_rows
        self.random_state = random_state

    @classmethod
    def published(cls, **changes) -> "QSVR":
        """The settings of the published study of learning curves on a D-Wave annealer.

        Base 1/2, three bits, k0 = 0.005 (C' = 1.76), 20 rows in a QUBO of 120 binaries, the four
        lowest energies of the reads. Simulated annealing stands in for the annealer.
        """
        settings = {
            "gamma": 0.1,
            "box": Encoding(0.5, 3, 0.005).box,
            "bits": 3,
            "base": 0.5,
            "epsilon": 0.02,
            "penalty": 0.01,
            "sampler": "simulated_annealing",
            "reads": 50,
            "sweeps": 400,
            "combine": "lowest_energy",
            "max_rows": 20,
        }
        return cls(**(settings | changes))

    def fit(self, X, y) -> "QSVR":
        """X (rows, features) and y (rows,), at least two rows, all finite."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        y = y.astype(np.float64)
        if self.max_rows < 3:
            raise ValueError(f"max_rows must be at least 3, not {self.max_rows}")
        random = check_random_state(self.random_state)
        self.encoding_ = Encoding.from_box(self.box, self.bits, self.base)
        self.x_scaling_ = _scaling(X, self.scaling)
        self.y_scaling_ = _scaling(y, "standard")
        X, y = self.x_scaling_(X), self.y_scaling_(y)
        self.gamma_ = _gamma(X) if self.gamma == "scale" else self.gamma
        subsets = np.array_split(random.permutation(len(y)), -(-len(y) // self.max_rows))
        self.members_ = tuple(
            self._fit_member(X[rows], y[rows], random.randint(2**31 - 1)) for rows in subsets
        )
        self.weights_ = self._weights(X, y, subsets)
        return self

    def predict(self, X, return_std=False):
        """f(X) (points,); with `return_std` also the standard deviation among samples and subsets.

        That spread says how far the samples agree, and knows nothing of the noise in y: on real
        learning curves the root mean square error is 5 to 10 times larger (3 with two subsets).
        """
        check_is_fitted(self)
        X = self.x_scaling_(validate_data(self, X, dtype=np.float64, reset=False))
        moments = np.array([self._evaluate(member, X) for member in self.members_])
        means, variances = moments[:, 0], moments[:, 1]
        mean = self.weights_ @ means
        center, width = self.y_scaling_
        if not return_std:
            return mean * width + center
        spread = np.sqrt(self.weights_ @ (variances + (means - mean) ** 2))
        return mean * width + center, spread * width

    def _fit_member(self, X: np.ndarray, y: np.ndarray, seed: int) -> Member:
        kernel_matrix = self._kernel(X, X)
        Q = build_qubo(kernel_matrix, y, self.encoding_, self.epsilon, self.penalty)
        samples = self._sampler()(Q, seed)
        betas = decode(samples.bits, self.encoding_)
        fitted = Fitted(betas, samples.energies, kernel_matrix, y, self.epsilon, self.encoding_.box)
        return Member(X, self._combination()(fitted), samples)

    def _evaluate(self, member: Member, X: np.ndarray):
        return evaluate(member.expansion, self._kernel(X, member.rows))

    def _weights(self, X: np.ndarray, y: np.ndarray, subsets) -> Float[np.ndarray, " members"]:
        if len(subsets) == 1:
            return np.ones(1)
        scores = np.zeros(len(subsets))
        for i, (member, rows) in enumerate(zip(self.members_, subsets, strict=True)):
            unseen = np.delete(np.arange(len(y)), rows)
            scores[i] = max(r2_score(y[unseen], self._evaluate(member, X[unseen])[0]), 0)
        return scores / scores.sum() if scores.any() else np.full(len(scores), 1 / len(scores))

    def _kernel(self, X: np.ndarray, Z: np.ndarray) -> Float[np.ndarray, "rows others"]:
        if callable(self.kernel):
            return self.kernel(X, Z)
        if self.kernel == "rbf":
            return kernels.rbf(X, Z, self.gamma_)
        if self.kernel == "linear":
            return kernels.linear(X, Z)
        if self.kernel == "polynomial":
            return kernels.polynomial(X, Z, self.gamma_, self.degree, self.coef0)
        raise ValueError(
            f"unknown kernel {self.kernel!r}: choose rbf, linear, polynomial or give a callable"
        )

    def _sampler(self) -> Sampler:
        if callable(self.sampler):
            return self.sampler
        return sampler_of(self.sampler, self.reads, self.sweeps, self.bits)

    def _combination(self) -> Combination:
        if callable(self.combine):
            return self.combine
        if self.combine not in COMBINATIONS:
            raise ValueError(
                f"unknown combination {self.combine!r}: choose from {', '.join(COMBINATIONS)}"
            )
        return COMBINATIONS[self.combine]


def _scaling(x: Float[np.ndarray, "rows *columns"], kind: str) -> Scaling:
    if kind == "minmax":
        center, width = x.min(0), x.max(0) - x.min(0)
    elif kind == "standard":
        center, width = x.mean(0), x.std(0)
    elif kind == "none":
        center, width = np.zeros(x.shape[1:]), np.ones(x.shape[1:])
    else:
        raise ValueError(f"unknown scaling {kind!r}: choose minmax, standard or none")
    # A constant column's computed deviation is rounding, not width.
    return Scaling(center, np.where(width <= 1e-12 * np.abs(center), 0.0, width))


def _gamma(X: Float[np.ndarray, "rows features"]) -> float:
    variance = X.var()
    return 1 / (X.shape[1] * variance) if variance > 0 else 1.0
