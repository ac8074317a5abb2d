"""What a sampler is asked: one regression's dual over its bits."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from qsvr.encoding import Encoding, decode
from qsvr.qubo import build_qubo, check


@dataclass(frozen=True, eq=False)
class Problem:
    """Minimise over the bits of `encoding` (equation 2 of `qsvr.qubo`):

        1/2 beta' k beta + xi (sum beta)^2 + sum_n epsilon_n (alpha_n + alphahat_n) - y' beta

    kernel_matrix  k(x_n, x_m), symmetric
    targets        y, centred
    encoding       what a bit is worth
    epsilon        half width of the tube, one number or one per row
    penalty        xi

    Arrays are float64. Raises ValueError where `build_qubo` would.
    """

    kernel_matrix: Float[np.ndarray, "rows rows"]
    targets: Float[np.ndarray, " rows"]
    encoding: Encoding
    epsilon: float | Float[np.ndarray, " rows"]
    penalty: float

    def __post_init__(self) -> None:
        set_field = object.__setattr__  # the fields are frozen for everybody else
        set_field(self, "kernel_matrix", np.asarray(self.kernel_matrix, float))
        set_field(self, "targets", np.asarray(self.targets, float))
        check(self.kernel_matrix, self.targets, self.epsilon, self.penalty)

    @property
    def rows(self) -> int:
        return len(self.targets)

    @property
    def variables(self) -> int:
        """Binaries of the QUBO."""
        return self.encoding.variables(self.rows)

    @property
    def epsilons(self) -> Float[np.ndarray, " rows"]:
        """epsilon of every row."""
        return np.broadcast_to(np.asarray(self.epsilon, float), self.targets.shape)

    @cached_property
    def Q(self) -> Float[np.ndarray, "variables variables"]:
        """The upper-triangular QUBO; built when first asked for."""
        return build_qubo(
            self.kernel_matrix, self.targets, self.encoding, self.epsilon, self.penalty
        )

    @cached_property
    def penalised_kernel(self) -> Float[np.ndarray, "rows rows"]:
        """k + 2 xi: the energy is that of a regression with this kernel and no constraint."""
        return self.kernel_matrix + 2 * self.penalty

    def decode(self, bits: Int[np.ndarray, "*reads variables"]) -> Float[np.ndarray, "*reads rows"]:
        """beta of every read."""
        return decode(bits, self.encoding)

    def energy(self, betas: Float[np.ndarray, "*reads rows"]) -> Float[np.ndarray, "*reads"]:
        """Energy of every beta with alpha alphahat = 0: the least among its bit patterns."""
        quadratic = ((betas @ self.penalised_kernel) * betas).sum(-1) / 2
        return quadratic + np.abs(betas) @ self.epsilons - betas @ self.targets
