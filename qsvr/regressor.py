"""`QSVR`: support vector regression solved as a QUBO, as a scikit-learn estimator."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from mlpf_install.wording import counted
from qsvr import kernels
from qsvr.combine import COMBINATIONS, Combination
from qsvr.encoding import Encoding
from qsvr.ensemble import Question, blocks, fit_member, rows_of_one, weights
from qsvr.samplers.catalogue import sampler_of
from qsvr.samplers.sampleset import Sampler, SampleSet
from qsvr.scaling import scaling_of


class QSVR(RegressorMixin, BaseEstimator):
    """Support vector regression whose dual is minimised by sampling a QUBO.

    Features and targets are scaled inside, so `C` and `epsilon` count in standard deviations of
    y. Up to `max_rows` rows make one QUBO of 2 x rows x `bits` binaries. Of more rows the fewest
    random blocks of `max_rows` that hold them all are made, which overlap where they must; the
    blocks' models, `members_`, are averaged with weights max(R2, 0), R2 measured on the rows a
    model has not seen (equal weights where no model has a positive R2, or there are less than two
    such rows). The time of a fit is proportional to the number of blocks.

    kernel        "rbf", "linear", "poly", "precomputed" (X is k(X, X) in `fit` and
                  k(X_new, X) in `predict`), or a callable (X, Z) -> matrix of scaled rows
    gamma         of rbf and poly, or "scale": 1 / (features x variance of scaled X), or "auto":
                  1 / features. Values of the kernel should be of order 1, or the levels of beta
                  are too coarse
    degree, coef0 of poly
    C             the largest |beta|, the price of an error; its box in the QUBO
    bits, base    K binaries to base B for each alpha and alphahat
    epsilon       half width of the tube without loss
    penalty       xi, the price of (sum beta)^2; None: 5 where the sampler moves betas in pairs
                  (`level_gibbs`), else 0.05. A small one shrinks the bias of the regression, a
                  large one stalls samplers that flip bits
    scaling       of the features: "minmax", "standard" or "none"
    target_scaling  of y; "standard" centres it, which a small penalty needs (see `qsvr.qubo`)
    sampler       a name of `qsvr.SAMPLERS`, made with `reads` and `sweeps`; or a sampler
    combine       a name of `qsvr.combine.COMBINATIONS`, or a combination
    max_rows      the most rows of one QUBO; None: what the sampler's hardware takes, else 300
    random_state  seed of the subsets and of the sampler

    After `fit`: `members_`, one for each QUBO, with its rows, samples and, made again when asked
    for, `problem`; `weights_`, `encoding_`, `penalty_`, `n_features_in_`, and `calls_`, one record
    for each call of the sampler. What is kept, and pickled, grows with rows x (features + reads x
    bits), not with the square of the rows. Constant targets are predicted as that constant; equal
    rows are allowed. Fewer than two rows, NaN, infinity and an indefinite kernel are refused.
    """

    def __init__(
        self,
        kernel: str = "rbf",
        gamma: str | float = "scale",
        degree: int = 3,
        coef0: float = 1.0,
        C: float = 8.0,
        bits: int = 5,
        base: float = 2.0,
        epsilon: float = 0.02,
        penalty: float | None = None,
        scaling: Any = "minmax",
        target_scaling: Any = "standard",
        sampler: str | Sampler = "level_gibbs",
        reads: int = 64,
        sweeps: int = 200,
        combine: str | Combination = "mean_of_best",
        max_rows: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.gamma = gamma
        self.degree = degree
        self.coef0 = coef0
        self.C = C
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
    def published(cls, **changes: Any) -> "QSVR":
        """The settings of the published study of learning curves on a D-Wave annealer.

        Base 1/2, three bits, k0 = 0.005 (C' = 1.76), 20 rows in a QUBO of 120 binaries, seven
        weightings of the four lowest energies. Simulated annealing stands in for the annealer.
        """
        settings: dict[str, Any] = {
            "gamma": 0.1,
            "C": Encoding(0.5, 3, 0.005).box,
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "QSVR":
        """X (rows, features) and y (rows,), at least two rows, all finite; with sample_weight
        (rows,), a row's box is C times its weight, as in scikit-learn's SVR, and one that weighs
        nothing is left out."""
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        y = y.astype(np.float64)
        row_weights = _row_weights(sample_weight, len(y))
        if not self.C > 0:
            raise ValueError(f"C must be positive, not {self.C}")
        if self.kernel == "precomputed" and X.shape[0] != X.shape[1]:
            raise ValueError(f"a precomputed kernel is a square matrix, not {X.shape}")
        random, sampler = check_random_state(self.random_state), self._sampler()
        self.penalty_ = _penalty(sampler) if self.penalty is None else self.penalty
        self.encoding_ = Encoding.from_box(self.C, self.bits, self.base)
        self.x_scaling_ = scaling_of(X, "none" if self.kernel == "precomputed" else self.scaling)
        self.y_scaling_ = scaling_of(y, self.target_scaling)
        X, y = self.x_scaling_(X), self.y_scaling_(y)
        self.gamma_ = kernels.gamma_of(self.gamma, X)
        kernel = kernels.kernel_of(self.kernel, self.gamma_, self.degree, self.coef0)
        question = Question(kernel, self.encoding_, self.epsilon, self.penalty_)
        counted = np.flatnonzero(row_weights)
        most = rows_of_one(sampler, self.bits, len(counted), self.max_rows)
        combine = self._combination()
        self.members_ = tuple(
            fit_member(
                X, y, row_weights, index, question, sampler, combine, random.randint(2**31 - 1)
            )
            for index in blocks(random.permutation(counted), most)
        )
        self.weights_ = weights(self.members_, X, y, row_weights)
        self.calls_ = tuple(_call(member.samples) for member in self.members_)
        return self

    def predict(
        self, X: Any, return_std: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """f(X) (points,); with `return_std` also the standard deviation among samples and subsets.

        That spread says how far the samples agree, and knows nothing of the noise in y: on real
        learning curves the root mean square error is many times larger.
        """
        check_is_fitted(self)
        X = self.x_scaling_(validate_data(self, X, dtype=np.float64, reset=False))
        moments = np.array([member.evaluate(X) for member in self.members_])
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
            kernel=kernel, gamma=self.gamma, degree=self.degree, coef0=self.coef0, C=self.C,
            epsilon=self.epsilon,
        )  # fmt: skip
        return TransformedTargetRegressor(
            make_pipeline(scalers[kind](), machine), transformer=scalers[self.target_scaling]()
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


def _row_weights(given: Any, rows: int) -> np.ndarray:
    """One weight a row. Raises ValueError where they are no weights, or count less than two."""
    weights = np.ones(rows) if given is None else np.asarray(given, float)
    weights = np.full(rows, float(weights)) if weights.ndim == 0 else weights
    if weights.shape != (rows,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}: give one for each of {rows} rows"
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("sample_weight must be finite and not negative")
    if (weights > 0).sum() < 2:
        many = (weights > 0).sum()
        raise ValueError(
            f"sample_weight: a weight above zero have {counted(int(many), 'row')}, two are needed"
        )
    return weights


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
