"""Kernels k(x, z) as pure functions on rows, in float64 numpy."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

Kernel = Callable[
    [Float[np.ndarray, "rows features"], Float[np.ndarray, "others features"]],
    Float[np.ndarray, "rows others"],
]


def kernel_of(kind: str | Kernel, gamma: float, degree: int, coef0: float) -> Kernel | None:
    """A kernel by name, a callable as it is; None for a precomputed one. Raises ValueError."""
    if callable(kind):
        return kind
    known = {
        "precomputed": None,
        "rbf": partial(rbf, gamma=gamma),
        "linear": linear,
        "poly": partial(polynomial, gamma=gamma, degree=degree, coef0=coef0),
    }
    known["polynomial"] = known["poly"]
    if kind not in known:
        raise ValueError(
            f"unknown kernel {kind!r}: choose rbf, linear, poly, precomputed or give a callable"
        )
    return known[kind]


def linear(
    X: Float[np.ndarray, "rows features"], Z: Float[np.ndarray, "others features"]
) -> Float[np.ndarray, "rows others"]:
    """k(x, z) = x . z"""
    return X @ Z.T


def polynomial(
    X: Float[np.ndarray, "rows features"],
    Z: Float[np.ndarray, "others features"],
    gamma: float = 1.0,
    degree: int = 3,
    coef0: float = 1.0,
) -> Float[np.ndarray, "rows others"]:
    """k(x, z) = (gamma x . z + coef0)^degree"""
    return (gamma * (X @ Z.T) + coef0) ** degree


def rbf(
    X: Float[np.ndarray, "rows features"],
    Z: Float[np.ndarray, "others features"],
    gamma: float = 1.0,
) -> Float[np.ndarray, "rows others"]:
    """k(x, z) = exp(-gamma |x - z|^2)"""
    from scipy.spatial.distance import cdist

    return np.exp(-gamma * cdist(X, Z, "sqeuclidean"))


def gamma_of(gamma: float | str, X: Float[np.ndarray, "rows features"]) -> float:
    """The number that "scale", "auto" (1 / features) or the number itself stands for, for rows X.
    Raises ValueError."""
    if gamma == "scale":
        return scale_gamma(X)
    if gamma == "auto":
        return 1 / X.shape[1]
    if isinstance(gamma, str) or not gamma > 0:
        raise ValueError(f"gamma is {gamma!r}: choose scale, auto or a number above 0")
    return gamma


def scale_gamma(X: Float[np.ndarray, "rows features"]) -> float:
    """1 / (features x variance of X), as scikit-learn's gamma="scale"; 1 where nothing varies.

    Raises ValueError where no number holds the variance.
    """
    with np.errstate(over="ignore"):
        variance = X.var()
    if not np.isfinite(variance) or (variance == 0 and (X.flat[0] != X).any()):
        raise ValueError(
            f"no number holds the variance of features of up to {np.abs(X).max():.3g}, which "
            'gamma="scale" needs: give a gamma, or scale the features'
        )
    return 1 / (X.shape[1] * variance) if variance > 0 else 1.0


def checked(matrix: Any, rows: int) -> Float[np.ndarray, "rows rows"]:
    """k(X, X) as a float64 matrix. Raises ValueError where it is no kernel.

    An indefinite matrix has no regression behind it: its dual is not convex, and neither the bias
    nor the comparison with a classical solver would mean anything.
    """
    matrix = np.asarray(matrix, float)
    if matrix.shape != (rows, rows):
        raise ValueError(f"the kernel of {rows} rows gave an array of shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("the kernel matrix holds NaN or infinity: check the kernel and its gamma")
    if not np.allclose(matrix, matrix.T, rtol=1e-9, atol=1e-12):
        raise ValueError("the kernel matrix is not symmetric: give k(X, X) of one set of rows")
    lowest = np.linalg.eigvalsh(matrix)[0]
    if lowest < -1e-8 * max(np.trace(matrix), 1e-300):
        raise ValueError(
            f"the kernel matrix is indefinite (eigenvalue {lowest:.3g}): clip its spectrum at "
            f"zero, or add {-lowest:.3g} to its diagonal"
        )
    return matrix
