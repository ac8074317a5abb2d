"""The dual of epsilon-insensitive support vector regression as a QUBO.

With beta = alpha - alphahat and 0 <= alpha, alphahat <= C the dual is

    minimise  1/2 beta' k beta + epsilon sum(alpha + alphahat) - y' beta,   sum(beta) = 0     (1)

and its prediction f(x) = sum_n beta_n k(x_n, x) + b. (The source of the quantum formulation prints
(1) with -epsilon and +y. Those are the signs of the quantity to *maximise*, with the quadratic term
turned as well; beside "minimise" they reward large alpha and fit -y. The Lagrangian of the primal

    1/2 |w|^2 + C sum(s + shat),   y_n - f(x_n) <= epsilon + s_n,   f(x_n) - y_n <= epsilon + shat_n

gives w = sum_n beta_n phi(x_n) and, put back in, (1) with the signs as they stand here. In the same
way the bias is y_n - epsilon - sum_m beta_m k_nm where 0 < alpha_n < C, but y_n + epsilon - sum
where 0 < alphahat_n < C, with sums over all rows.)

The bits of `qsvr.encoding` replace alpha and alphahat, and the penalty xi sum(beta)^2 replaces the
constraint:

    E(a) = 1/2 beta' k beta + xi (sum beta)^2 + epsilon sum(alpha + alphahat) - y' beta        (2)

E is a form in the bits with no constant, so the QUBO's energy *is* the dual objective plus penalty.

Setting the derivative of (2) to zero at a row with 0 < alpha_n < C gives
y_n - epsilon - sum_m beta_m k_nm = 2 xi sum(beta): the penalised problem is the regression without
bias under the kernel k + 2 xi, and its bias is b = 2 xi sum(beta). Targets should therefore be
centred, and xi need not be large.

Source: Pasetto et al., quantum support vector regression on annealers; Willsch et al., Comput.
Phys. Commun. 248 (2020) 107006, for the encoding.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from qsvr.encoding import Encoding


def build_qubo(
    kernel_matrix: Float[np.ndarray, "rows rows"],
    targets: Float[np.ndarray, " rows"],
    encoding: Encoding,
    epsilon: float | Float[np.ndarray, " rows"],
    penalty: float,
) -> Float[np.ndarray, "variables variables"]:
    """Upper-triangular Q with a' Q a = E(a) of (2), in float64; variables = 2 rows bits.

    kernel_matrix  k(x_n, x_m), symmetric
    targets        y, centred; epsilon and the box of `encoding` are in their unit
    epsilon        half width of the tube in which errors cost nothing, one number or one per row
    penalty        xi, the price of sum(beta)^2

    Compiled once per shape. Errors: shapes that disagree, an asymmetric kernel matrix, values that
    are not finite.
    """
    kernel_matrix, targets = np.asarray(kernel_matrix, float), np.asarray(targets, float)
    check(kernel_matrix, targets, epsilon, penalty)
    with jax.enable_x64(True):
        blocks = _blocks(kernel_matrix, targets, encoding.weights, epsilon, penalty)
    own, cross, diagonal = (np.asarray(block) for block in blocks)
    half = len(own)
    # A third of the time of one compiled matrix: the quarter below is never touched, and memory of
    # 32 MB and more comes as new pages each time.
    Q = np.zeros((2 * half, 2 * half))
    Q[:half, :half] = own
    Q[half:, half:] = own
    Q[:half, half:] = cross
    np.fill_diagonal(Q, diagonal)
    return Q


@jax.jit
def _blocks(
    kernel_matrix: Float[Array, "rows rows"],
    targets: Float[Array, " rows"],
    weights: Float[Array, " bits"],
    epsilon: Float[Array, "*rows"],
    penalty: Float[Array, ""],
) -> tuple[Float[Array, "half half"], Float[Array, "half half"], Float[Array, " variables"]]:
    """alpha with alpha (and alphahat with alphahat), alpha with alphahat, and the diagonal.

    The index of a variable is (sign, row, bit), slowest first, so with S = (k / 2 + xi) x (w w'),
    a Kronecker product,

        Qtilde = [[1, -1], [-1, 1]] x S  +  diag([epsilon - y, epsilon + y] x w)
    """
    products = jnp.kron(kernel_matrix / 2 + penalty, jnp.outer(weights, weights))
    tilts = jnp.concatenate([epsilon - targets, epsilon + targets])
    diagonal = jnp.tile(jnp.diagonal(products), 2) + jnp.kron(tilts, weights)
    return 2 * jnp.triu(products, 1), -2 * products, diagonal


def energy(
    Q: Float[np.ndarray, "variables variables"], bits: Int[np.ndarray, "*reads variables"]
) -> Float[np.ndarray, "*reads"]:
    """a' Q a of every read."""
    bits = np.asarray(bits, float)
    return ((bits @ Q) * bits).sum(-1)


def dual_objective(
    duals: Float[np.ndarray, "*reads 2 rows"],
    kernel_matrix: Float[np.ndarray, "rows rows"],
    targets: Float[np.ndarray, " rows"],
    epsilon: float | Float[np.ndarray, " rows"],
) -> Float[np.ndarray, "*reads"]:
    """The objective (1) of alpha = duals[..., 0, :] and alphahat = duals[..., 1, :]."""
    beta = duals[..., 0, :] - duals[..., 1, :]
    quadratic = ((beta @ kernel_matrix) * beta).sum(-1) / 2
    return quadratic + (epsilon * duals.sum(-2)).sum(-1) - beta @ targets


def check(
    kernel_matrix: np.ndarray, targets: np.ndarray, epsilon: float | np.ndarray, penalty: float
) -> None:
    """Raises ValueError where the numbers of a regression are none."""
    rows = len(targets)
    if kernel_matrix.shape != (rows, rows) or targets.ndim != 1:
        raise ValueError(
            f"a kernel matrix {kernel_matrix.shape} does not fit targets {targets.shape}: "
            "needed are (rows, rows) and (rows,)"
        )
    if not (np.isfinite(kernel_matrix).all() and np.isfinite(targets).all()):
        raise ValueError("the kernel matrix or the targets hold NaN or infinity: drop those rows")
    if not np.allclose(kernel_matrix, kernel_matrix.T, rtol=1e-9, atol=1e-12):
        raise ValueError("the kernel matrix is not symmetric: give k(X, X) of one set of rows")
    if np.shape(epsilon) not in ((), (rows,)):
        raise ValueError(f"epsilon has shape {np.shape(epsilon)}: give one number, or one per row")
    if not (np.isfinite(epsilon).all() and np.min(epsilon) >= 0):
        raise ValueError(f"epsilon must be finite and not negative, not {epsilon}")
    if not (np.isfinite(penalty) and penalty >= 0):
        raise ValueError(f"penalty must be finite and not negative, not {penalty}")
