"""QUBOs over parts of the rows: which rows each has, what is kept of it, what it weighs."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from qsvr.combine import Combination, Expansion, Fitted, evaluate
from qsvr.encoding import Encoding
from qsvr.kernels import Kernel, checked
from qsvr.problem import Problem
from qsvr.samplers.sampleset import Sampler, SampleSet
from qsvr.samplers.zoom import capacity

ROWS = 300  # of one QUBO, where the sampler has no limit of its own


class Question(NamedTuple):
    """What a regression over some rows is made of, beside the rows.

    kernel  None: it is precomputed, and a row is its values with all training rows
    """

    kernel: Kernel | None
    encoding: Encoding
    epsilon: float
    penalty: float

    def between(
        self,
        X: Float[np.ndarray, "points features"],
        index: Int[np.ndarray, " rows"],
        rows: Float[np.ndarray, "rows features"],
    ) -> Float[np.ndarray, "points rows"]:
        """The kernel of points with the rows, which stand at `index` in the training set."""
        return X[:, index] if self.kernel is None else self.kernel(X, rows)

    def among(
        self, index: Int[np.ndarray, " rows"], rows: Float[np.ndarray, "rows features"]
    ) -> Float[np.ndarray, "rows rows"]:
        """The kernel of the rows with themselves."""
        # a copy, because a matrix times itself is rounded in another way than times its like
        return self.between(rows.copy(), index, rows)

    def problem(
        self,
        matrix: np.ndarray,
        targets: Float[np.ndarray, " rows"],
        weights: Float[np.ndarray, " rows"],
    ) -> Problem:
        """What a sampler is asked about rows whose kernel is `matrix`.

        A row that counts w has a box w times as large (scikit-learn's SVR). Its bits are those of
        the others, so what they say is gamma = beta / w: with W = diag(w) the energy of beta is
        that of gamma with the kernel W (k + 2 xi) W - 2 xi, targets W y and a tube of W epsilon.
        """
        if (weights == 1).all():
            return Problem(matrix, targets, self.encoding, self.epsilon, self.penalty)
        pairs = np.outer(weights, weights)
        weighed = matrix * pairs + 2 * self.penalty * (pairs - 1)
        return Problem(
            weighed, weights * targets, self.encoding, weights * self.epsilon, self.penalty
        )


class Member(NamedTuple):
    """One QUBO's result: its rows, the regression over them, and what was sampled.

    What grows as the square of the rows, the matrices of `problem`, is made again when asked for.
    """

    # In the training set; a tuple has a method of that name, which nobody calls.
    index: Int[np.ndarray, " rows"]  # type: ignore[assignment]
    rows: Float[np.ndarray, "rows features"]  # scaled
    targets: Float[np.ndarray, " rows"]  # scaled
    question: Question
    row_weights: Float[np.ndarray, " rows"]
    expansion: Expansion
    samples: SampleSet

    @property
    def problem(self) -> Problem:
        """What the sampler was asked."""
        matrix = self.question.among(self.index, self.rows)
        return self.question.problem(matrix, self.targets, self.row_weights)

    def evaluate(
        self, X: Float[np.ndarray, "points features"]
    ) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
        """Mean and variance of the scaled prediction at scaled points."""
        return evaluate(self.expansion, self.question.between(X, self.index, self.rows))


def fit_member(
    X: Float[np.ndarray, "training features"],
    y: Float[np.ndarray, " training"],
    row_weights: Float[np.ndarray, " training"],
    index: Int[np.ndarray, " rows"],
    question: Question,
    sampler: Sampler,
    combine: Combination,
    seed: int,
) -> Member:
    """The regression over the rows `index`. Raises ValueError where the kernel is none."""
    rows, targets, counts = X[index], y[index], row_weights[index]
    matrix = checked(question.among(index, rows), len(index))
    samples = sampler(question.problem(matrix, targets, counts), seed)
    fitted = Fitted(
        counts * samples.betas,
        samples.energies,
        matrix,
        targets,
        question.epsilon,
        counts * question.encoding.box,
        counts,
    )
    return Member(index, rows, targets, question, counts, combine(fitted), samples)


def blocks(order: Int[np.ndarray, " training"], most: int) -> tuple[Int[np.ndarray, " rows"], ...]:
    """The fewest blocks of `most` rows that hold all, evenly spaced in `order`, each sorted.

    Where the rows are no multiple of `most` they overlap: one row more than a QUBO takes makes two
    models of nearly all rows, and not two of half of them.
    """
    count, size = -(-len(order) // most), min(most, len(order))
    starts = [k * (len(order) - size) // max(count - 1, 1) for k in range(count)]
    return tuple(np.sort(order[start : start + size]) for start in starts)


def weights(
    members: tuple[Member, ...],
    X: Float[np.ndarray, "training features"],
    y: Float[np.ndarray, " training"],
    row_weights: Float[np.ndarray, " training"],
) -> Float[np.ndarray, " members"]:
    """max(R2, 0) on the rows that a model has not seen, in shares of the sum; equal weights where
    no model has a positive R2, or there are less than two such rows."""
    from sklearn.metrics import r2_score

    scores = np.zeros(len(members))
    for i, member in enumerate(members):
        unseen = np.setdiff1d(np.flatnonzero(row_weights), member.index)
        if len(unseen) > 1:
            found = member.evaluate(X[unseen])[0]
            scores[i] = max(r2_score(y[unseen], found, sample_weight=row_weights[unseen]), 0)
    return scores / scores.sum() if scores.any() else np.full(len(scores), 1 / len(scores))


def rows_of_one(sampler: Sampler, bits: int, rows: int, max_rows: int | None) -> int:
    """The most of `rows` rows that one QUBO takes. Raises ValueError where that is under three."""
    if max_rows is not None:
        if max_rows < 3:
            raise ValueError(f"max_rows must be at least 3, not {max_rows}")
        return max_rows
    if rows <= 3:
        return 3
    limit = capacity(sampler)
    if limit is None:
        return ROWS
    most = limit // (2 * bits)
    if most < 3:
        raise ValueError(
            f"{sampler!r} takes {limit} variables: {most} rows of {bits} bits, and a subset needs "
            "three; take fewer bits"
        )
    return most
