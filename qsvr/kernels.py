"""Kernels k(x, z) as pure functions on rows, in float64 numpy."""

import numpy as np
from jaxtyping import Float


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
