"""`QSVR`: support vector regression solved as a QUBO, as a scikit-learn estimator."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from qsvr import kernels
from qsvr.combine import COMBINATIONS, Combination, Expansion, Fitted, evaluate
from qsvr.encoding import Encoding
from qsvr.problem import Problem
from qsvr.samplers.catalogue import capacity, sampler_of
from qsvr.samplers.sampleset import Sampler, SampleSet
from qsvr.scaling import scaling_of

ROWS = 300  # of one QUBO, where the sampler has no limit of its own


class Member(NamedTuple):
    """One QUBO's result: its rows, the regression over them, and what was sampled."""

    index: Int[np.ndarray, " rows"]  # in the training set
    rows: Float[np.ndarray, "rows features"]  # scaled
    problem: Problem
    expansion: Expansion
    samples: SampleSet


class QSVR(RegressorMixin, BaseEstimator):
    """Support vector regression whose dual is minimised by sampling a QUBO.

    Features and targets are scaled inside, so `box` and `epsilon` count in standard deviations of
    y. Up to `max_rows` rows make one QUBO of 2 x rows x `bits` binaries. More rows are dealt at
    random into the fewest equal subsets that fit; the subsets' models are averaged with weights
    max(R2, 0), R2 measured on the rows a model has not seen (equal weights where no model has a
    positive R2). The time of a fit is proportional to the number of subsets.

    kernel        "rbf", "linear", "polynomial", "precomputed" (X is k(X, X) in `fit` and
                  k(X_new, X) in `predict`), or a callable (X, Z) -> matrix of scaled rows
    gamma         of rbf and polynomial, or "scale": 1 / (features x variance of scaled X). Values
                  of the kernel should be of order 1, or the levels of beta are too coarse
    degree, coef0 of polynomial
    box           C', the largest |beta|
    bits, base    K binaries to base B for each alpha and alphahat
    epsilon       half width of the tube without loss
    penalty       xi, the price of (sum beta)^2; None: 5 where the sampler moves betas in pairs
                  (`level_gibbs`), else 0.05. A small one shrinks the bias of the regression, a
                  large one stalls samplers that flip bits
    scaling       of the features: "minmax", "standard" or "none"
    target_scaling  of y; "standard" centres it, which a small penalty needs (see `qsvr.qubo`)
    sampler       a name of `qsvr.samplers.SAMPLERS`, made with `reads` and `sweeps`; or a sampler
    combine       a name of `qsvr.combine.COMBINATIONS`, or a combination
    max_rows      the most rows of one QUBO; None: what the sampler's hardware takes, else 300
    random_state  seed of the subsets and of the sampler

    After `fit`: `members_`, `weights_`, `encoding_`, `penalty_`, `n_features_in_`, and `calls_`,
    one record for each call of the sampler. Constant targets are predicted as that constant; equal
    rows are allowed. Fewer than two rows, NaN, infinity and an indefinite kernel are refused.
    """

    def __init__(
        self,
        kernel="rbf",
        gamma="scale",
        degree=3,
        coef0=1.0,
        box=8.0,
        bits=5,
        base=2.0,
        epsilon=0.02,
        penalty=None,
        scaling="minmax",
        target_scaling="standard",
        sampler="level_gibbs",
        reads=64,
        sweeps=200,
        combine="mean_of_best",
        max_rows=None,
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
        self.target_scaling = target_scaling
        self.sampler = sampler
        self.reads = reads
        self.sweeps = sweeps
        self.combine = combine
        self.max_rows = max_rows
        self.random_state = random_state

    @classmethod
    def published(cls, **changes) -> "QSVR":
        """The settings of the published study of learning curves on a D-Wave annealer.

        Base 1/2, three bits, k0 = 0.005 (C' = 1.76), 20 rows in a QUBO of 120 binaries, seven
        weightings of the four lowest energies. Simulated annealing stands in for the annealer.
        """
        settings = {
            "gamma": 0.1,
            "box": Encoding(0.5, 3, 0.005).box,
            "bits": 3,
            "base": 0.5,
            "epsilon": 0.02,
            "penalty": 0.01,
            "target_scaling": "minmax",
            "sampler": "simulated_annealing",
            "reads": 50,
            "sweeps": 400,
            "combine": "published",
            "max_rows": 20,
        }
        return cls(**(settings | changes))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

    def fit(self, X, y) -> "QSVR":
        """X (rows, features) and y (rows,), at least two rows, all finite."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        y = y.astype(np.float64)
        if self.kernel == "precomputed" and X.shape[0] != X.shape[1]:
            raise ValueError(f"a precomputed kernel is a square matrix, not {X.shape}")
        random, sampler = check_random_state(self.random_state), self._sampler()
        self.penalty_ = _penalty(sampler) if self.penalty is None else self.penalty
        self.encoding_ = Encoding.from_box(self.box, self.bits, self.base)
        self.x_scaling_ = scaling_of(X, "none" if self.kernel == "precomputed" else self.scaling)
        self.y_scaling_ = scaling_of(y, self.target_scaling)
        X, y = self.x_scaling_(X), self.y_scaling_(y)
        self.gamma_ = kernels.scale_gamma(X) if self.gamma == "scale" else self.gamma
        most = self._rows_of_one(sampler, len(y))
        subsets = np.array_split(random.permutation(len(y)), -(-len(y) // most))
        self.members_ = tuple(
            self._fit_member(sampler, X, y, np.sort(index), random.randint(2**31 - 1))
            for index in subsets
        )
        self.weights_ = self._weights(X, y)
        self.calls_ = tuple(_call(member.samples) for member in self.members_)
        return self

    def predict(self, X, return_std=False):
        """f(X) (points,); with `return_std` also the standard deviation among samples and subsets.

        That spread says how far the samples agree, and knows nothing of the noise in y: on real
        learning curves the root mean square error is many times larger.
        """
        check_is_fitted(self)
        X = self.x_scaling_(validate_data(self, X, dtype=np.float64, reset=False))
        moments = np.array([self._evaluate(member, X) for member in self.members_])
        means, variances = moments[:, 0], moments[:, 1]
        mean = self.weights_ @ means
        if not return_std:
            return self.y_scaling_.back(mean)
        spread = np.sqrt(self.weights_ @ (variances + (means - mean) ** 2))
        return self.y_scaling_.back(mean), spread * self.y_scaling_.width

    def classical(self) -> Any:
        """scikit-learn's SVR with the same C, epsilon, kernel and scaling, not yet fitted."""
        from sklearn.compose import TransformedTargetRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
        from sklearn.svm import SVR

        kind = "none" if self.kernel == "precomputed" else self.scaling
        scalers = {"minmax": MinMaxScaler, "standard": StandardScaler, "none": FunctionTransformer}
        kernel = {"polynomial": "poly"}.get(self.kernel, self.kernel)
        machine = SVR(
            kernel=kernel, gamma=self.gamma, degree=self.degree, coef0=self.coef0, C=self.box,
            epsilon=self.epsilon,
        )  # fmt: skip
        return TransformedTargetRegressor(
            make_pipeline(scalers[kind](), machine), transformer=scalers[self.target_scaling]()
        )

    def _fit_member(
        self, sampler: Sampler, X: np.ndarray, y: np.ndarray, index: np.ndarray, seed: int
    ) -> Member:
        y = y[index]
        matrix = (
            X[np.ix_(index, index)]
            if self.kernel == "precomputed"
            else self._kernel(X[index], X[index])
        )
        problem = Problem(
            kernels.checked(matrix, len(y)), y, self.encoding_, self.epsilon, self.penalty_
        )
        samples = sampler(problem, seed)
        fitted = Fitted(
            samples.betas,
            samples.energies,
            problem.kernel_matrix,
            y,
            self.epsilon,
            self.encoding_.box,
        )
        return Member(index, X[index], problem, self._combination()(fitted), samples)

    def _evaluate(self, member: Member, X: np.ndarray):
        if self.kernel == "precomputed":
            return evaluate(member.expansion, X[:, member.index])
        return evaluate(member.expansion, self._kernel(X, member.rows))

    def _weights(self, X: np.ndarray, y: np.ndarray) -> Float[np.ndarray, " members"]:
        if len(self.members_) == 1:
            return np.ones(1)
        scores = np.zeros(len(self.members_))
        for i, member in enumerate(self.members_):
            unseen = np.delete(np.arange(len(y)), member.index)
            scores[i] = max(r2_score(y[unseen], self._evaluate(member, X[unseen])[0]), 0)
        return scores / scores.sum() if scores.any() else np.full(len(scores), 1 / len(scores))

    def _rows_of_one(self, sampler: Sampler, rows: int) -> int:
        """The most rows of one QUBO."""
        if self.max_rows is not None:
            if self.max_rows < 3:
                raise ValueError(f"max_rows must be at least 3, not {self.max_rows}")
            return self.max_rows
        if rows <= 3:
            return 3
        limit = capacity(sampler)
        if limit is None:
            return ROWS
        most = limit // (2 * self.bits)
        if most < 3:
            raise ValueError(
                f"{sampler!r} takes {limit} variables: {most} rows of {self.bits} bits, and a "
                "subset needs three; take fewer bits"
            )
        return most

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
            f"unknown kernel {self.kernel!r}: choose rbf, linear, polynomial, precomputed or give "
            "a callable"
        )

    def _sampler(self) -> Sampler:
        if callable(self.sampler):
            return self.sampler
        return sampler_of(self.sampler, self.reads, self.sweeps)

    def _combination(self) -> Combination:
        if callable(self.combine):
            return self.combine
        if self.combine not in COMBINATIONS:
            raise ValueError(
                f"unknown combination {self.combine!r}: choose from {', '.join(COMBINATIONS)}"
            )
        return COMBINATIONS[self.combine]


def _penalty(sampler: Sampler) -> float:
    return 5.0 if getattr(sampler, "pair_steps", False) else 0.05


def _call(samples: SampleSet) -> Mapping[str, Any]:
    """What a log should keep of one call, in plain values."""
    return {
        "sampler": samples.sampler,
        "seed": samples.seed,
        "seconds": samples.seconds,
        "cpu_seconds": samples.cpu_seconds,
        "best_energy": float(samples.energies[0]),
        **samples.details,
    }
