"""The improved rule's other forecast: a small network that has seen many studies corrects `trend`.

A prior-fitted network (Mueller et al. 2022, arXiv:2112.10510; for learning curves Adriaensen et al.
2023, arXiv:2310.20447, and Rakotoarison et al. 2024, arXiv:2404.16795): a Transformer whose context
are the curves of one study that have come to the horizon. It was trained on drawn studies alone,
which no training ever made (`benchmarks/hpo/incontext_prior.py`), so there is nothing to fit when
it is asked. What it says is the location of a Student variate in spreads of the regression, and its
scale as a multiple of theirs; where it has nothing to say, the regression stands.

Curves enter as what is seen of them at SHARES of their epochs, in the regression's units of losses,
so that losses may be moved and scaled; curves are a set. Everything is numpy, in 64 bits; weights
are kept in 16.
"""

import functools
import math
from collections.abc import Mapping
from importlib import resources

import numpy as np
from jaxtyping import Float

from hpo.forecasting.regression import HIGH, Curves, Forecast, Line, Losses, learned
from hpo.forecasting.scale import down, exponent_of, up
from hpo.forecasting.trend import TREND, falls, jumping

SHARES = (1.0, 0.93, 0.86, 0.78, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05)
MOST = 40  # curves that it was taught to learn from; of more, those at even ranks are taken
LONGEST = 100  # epochs that it was taught; of longer curves only the shape is known
HEADS = 4
FAR = 1e30  # units, beyond which all losses are equally far away
_LEAST = 1e-4  # spread, in units
_TINY = float(np.finfo(float).smallest_subnormal)

Weights = Mapping[str, np.ndarray]
Tokens = Float[np.ndarray, "curves features"]


def forecast(
    known: Curves,
    targets: Losses,
    partial: Curves,
    horizon: int,
    lowest: float,
    jumps: float = 0.0,
) -> Forecast:
    """The loss of the `partial` curves at epoch `horizon`, as `trend.forecast` has it."""
    exponent = exponent_of(known, targets, partial, lowest)
    degrees = TREND.degrees(len(known))
    kept = _at_even_ranks(known[:, -1])
    begun, ends = down(known[kept], exponent), down(targets[kept], exponent)
    mean, spread = _foreseen(
        begun, ends, down(partial, exponent), horizon, float(down(lowest, exponent))
    )
    mean = np.maximum(up(mean, exponent), lowest)
    found = Forecast(mean, np.maximum(up(spread, exponent), _TINY), degrees)
    return jumping(found, partial, jumps)


def _foreseen(
    known: Curves, targets: Losses, partial: Curves, horizon: int, lowest: float
) -> tuple[Losses, Losses]:
    """Mean and spread of losses between -1 and 1."""
    curves = np.concatenate([known, partial])
    ahead = math.log2(horizon / curves.shape[1])
    line = learned(falls(known), targets, falls(partial), ahead, lowest, TREND)
    plain = line.ahead(falls(curves))
    low = (lowest - line.high) / line.unit
    mean = np.maximum((plain.mean - line.high) / line.unit, low)
    spread = plain.spread / line.unit
    x = tokens(curves, targets, line, (mean, spread), ahead, low)
    shift, width = 3 * np.tanh(outputs(weights(), x, len(known)) / 3).T[:, len(known) :]
    mean, spread = mean[len(known) :], spread[len(known) :]
    located = np.maximum(mean + spread * shift, low - 1)
    return located * line.unit + line.high, (spread * np.exp(width) + _LEAST) * line.unit


def tokens(
    curves: Curves,
    targets: Losses,
    line: Line,
    plain: tuple[Losses, Losses],
    ahead: float,
    low: float,
) -> Tokens:
    """What the network sees of each curve: itself, what the regression says, and where it ended.

    `plain` are the regression's mean and spread and `low` the lowest loss ever, all in its units;
    the first of the curves are those whose `targets` are known.
    """
    epochs, (mean, spread) = curves.shape[1], plain
    shares = np.float32(epochs) * np.array(SHARES, np.float32)
    seen = np.clip((curves - line.high) / line.unit, -FAR, FAR)
    shape = seen[:, np.clip(np.round(shares).astype(int), 1, epochs) - 1]
    last = shape[:, :1]
    late = np.diff(seen[:, max(1, round(epochs / 2)) - 1 :], axis=1)
    rough = np.sqrt((late**2).sum(1) / max(late.shape[1], 1))
    count, known = len(targets), (np.arange(len(curves)) < len(targets)) * 1.0
    ended, missed = np.zeros((2, len(curves)))
    ends = (targets - line.high) / line.unit
    ended[:count] = squash(ends - last[:count, 0])
    missed[:count] = squash((np.minimum(ends, HIGH) - mean[:count]) / spread[:count])
    common = (
        min(ahead, math.log2(LONGEST)),
        math.log2(min(epochs, LONGEST)) / 3,
        math.log(count) / 2,
        max(low, -6.0),
        float(epochs == 1),
    )
    columns = [
        squash(np.concatenate([last, shape[:, 1:] - last], 1)),
        squash(late.max(1, initial=0.0)),
        np.log(rough + 1e-3),
        squash(seen.min(1) - last[:, 0]),
        squash(mean - last[:, 0]),
        np.log(spread),
        known,
        ended,
        missed,
        np.tile(common, (len(curves), 1)),
    ]
    return np.column_stack(columns)


def squash(values: np.ndarray) -> np.ndarray:
    """Linear up to 3 on both sides, logarithmic beyond."""
    far = np.maximum(np.abs(values) - 3, 0)
    return np.clip(values, -3, 3) + np.sign(values) * np.log1p(far)


def outputs(
    weights: Weights, tokens: Tokens, known: int, heads: int = HEADS
) -> Float[np.ndarray, "curves 2"]:
    """The Transformer: every curve attends to the first `known` ones. Layers before attention and
    sums after it (Xiong et al. 2020), root mean square norms, GELU by its tanh."""
    h = tokens @ weights["inp"] + weights["inb"]
    size = h.shape[1] // heads
    for block in range(len(weights["q"])):
        w = {name: weights[name][block] for name in _BLOCK}
        z = _normed(h, w["g1"])
        q, k, v = (
            (of @ w[name]).reshape(len(of), heads, size)
            for name, of in (("q", z), ("k", z[:known]), ("v", z[:known]))
        )
        scores = np.einsum("ihd,jhd->hij", q, k) / math.sqrt(size)
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        attention = scores / scores.sum(-1, keepdims=True)
        h = h + np.einsum("hij,jhd->ihd", attention, v).reshape(h.shape) @ w["o"]
        h = h + _gelu(_normed(h, w["g2"]) @ w["a"] + w["ba"]) @ w["b"] + w["bb"]
    return _normed(h, weights["g"]) @ weights["out"] + weights["outb"]


_BLOCK = ("q", "k", "v", "o", "a", "b", "ba", "bb", "g1", "g2")


@functools.cache
def weights() -> Weights:
    """The trained weights, those of all blocks stacked."""
    with (
        resources.files("hpo.forecasting").joinpath("incontext.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        return {name: arrays[name].astype(float) for name in arrays.files}


def _normed(h: np.ndarray, gain: np.ndarray) -> np.ndarray:
    return h / np.sqrt((h**2).mean(-1, keepdims=True) + 1e-6) * gain


def _gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _at_even_ranks(last: Losses) -> np.ndarray:
    """All curves, or MOST of them by the ranks of their last losses."""
    if len(last) <= MOST:
        return np.arange(len(last))
    return np.argsort(last, kind="stable")[np.linspace(0, len(last) - 1, MOST).astype(int)]
