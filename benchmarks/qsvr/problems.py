"""The problems that the parts of `benchmarks.qsvr` share."""

from qsvr import Encoding, Problem
from qsvr.kernels import rbf, scale_gamma
from qsvr.scaling import scaling_of
from qsvr.study.curves import Curves, make_task


def regression(
    curves: Curves, rows: int, box: float, bits: int, split: int, penalty: float = 0.05
) -> Problem:
    """The QUBO of one split, as `QSVR` with the study's settings makes it."""
    task = make_task(curves, 0.25, rows, split, "proper", True)
    X = scaling_of(task.train_X, "minmax")(task.train_X)
    y = scaling_of(task.train_y, "standard")(task.train_y)
    return Problem(rbf(X, X, scale_gamma(X)), y, Encoding.from_box(box, bits), 0.02, penalty)
