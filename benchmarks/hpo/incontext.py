"""Trains the network of `hpo.forecasting.incontext` on drawn studies, and saves its weights.

python -m benchmarks.hpo.incontext --weights=incontext.npz [--minutes=14] [--seed=1]

The same network in JAX, on padded arrays with masks; `tests/hpo/forecasting/test_incontext.py`
holds both together. The loss is -log of the density of Student's distribution at the loss that
came, in the regression's units and cut as high as it cuts; printed beside what the regression alone
gets.
"""

import argparse
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import random
from jaxtyping import Array, Bool, Float, Int

from benchmarks.hpo.incontext_prior import KNOWN, LONGEST, Task, task
from hpo.forecasting.incontext import HEADS, SHARES
from hpo.forecasting.regression import DECAY, HIGH
from hpo.forecasting.trend import TREND

FEATURES, WIDTH, LAYERS, INNER = 25, 64, 4, 160
BATCH, RATE, WARM = 24, 1.5e-3, 150
Weights = Mapping[str, Array]


class Regressed(NamedTuple):
    """`regression.learned` and `Line.ahead` of every row, in their units."""

    mean: Float[Array, " rows"]
    spread: Float[Array, " rows"]
    degrees: Float[Array, ""]
    high: Float[Array, ""]
    unit: Float[Array, ""]
    low: Float[Array, ""]


def level(y: Array, epoch: Int[Array, ""]) -> Float[Array, " rows"]:
    """`trend.level` of curves of so many epochs."""
    last, one, two = (jnp.take(y, jnp.maximum(epoch - k, 0), axis=1) for k in (1, 2, 3))
    return jnp.where(epoch < 3, last, jnp.minimum(last, jnp.maximum(one, two)))


def regressed(q: Task, targets: Array, known: Bool[Array, " rows"]) -> Regressed:
    before = jnp.maximum(1, jnp.round(q.epoch / 2)).astype(int)
    last = level(q.curves, q.epoch)
    change = jnp.minimum(last - level(q.curves, before), 0.0)
    doublings = jnp.where(q.epoch > 1, jnp.log2(q.epoch / before), 1.0)
    ahead = jnp.log2(q.horizon / q.epoch)
    ordered, count = jnp.sort(jnp.where(q.real, last, jnp.inf)), q.real.sum()
    high = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    least = jnp.minimum(ordered[0], jnp.min(jnp.where(known, targets, jnp.inf)))
    unit = jnp.maximum(high - least, 1e-9 * jnp.maximum(jnp.abs(high), jnp.abs(q.lowest)) + 1e-30)
    y = jnp.minimum((last - high) / unit, HIGH)
    x = jnp.stack([jnp.ones_like(y), y, jnp.clip(change / unit, -HIGH, HIGH) / doublings], 1)
    ends = jnp.minimum((jnp.where(known, targets, high) - high) / unit, HIGH)
    powers, whole = DECAY ** jnp.arange(1, 9), jnp.arange(8)
    centre = jnp.array([0.0, 0.0, 1.0]) * jnp.sum(powers * jnp.clip(ahead - whole, 0, 1))
    precision = jnp.diag(jnp.array(TREND.precision))
    covariance = jnp.linalg.inv((x * known[:, None]).T @ x + precision)
    gained = jnp.where(known, ends - y, 0.0)
    coefficients = covariance @ (x.T @ gained + precision @ centre)
    residuals = jnp.where(known, gained - x @ coefficients, 0.0)
    degrees = TREND.strength + jnp.maximum(known.sum() - 1, 0)
    doubt = jnp.hypot(TREND.noise, TREND.growth * ahead)
    doubt = doubt * jnp.maximum(high - q.lowest, unit) / unit
    variance = (residuals @ residuals + TREND.strength * doubt**2) / degrees
    leverage = jnp.einsum("ij,jk,ik->i", x, covariance, x)
    low = (q.lowest - high) / unit
    mean = jnp.maximum(x @ coefficients + y, low)
    return Regressed(mean, jnp.sqrt(variance * (1 + leverage)), degrees, high, unit, low)


def squash(v: Array) -> Array:
    """`incontext.squash`, with a slope everywhere."""
    return jnp.clip(v, -3, 3) + jnp.sign(v) * jnp.log1p(jnp.maximum(jnp.abs(v) - 3, 0))


def tokens(
    q: Task, targets: Array, known: Bool[Array, " rows"], plain: Regressed
) -> Float[Array, "rows features"]:
    """`incontext.tokens`."""
    places = jnp.clip(jnp.round(q.epoch * jnp.array(SHARES)), 1, q.epoch).astype(int) - 1
    seen = (q.curves - plain.high) / plain.unit
    shape = seen[:, places]
    last, at = shape[:, 0], jnp.arange(LONGEST)
    late = (at >= jnp.maximum(1, jnp.round(q.epoch / 2)) - 1) & (at < q.epoch)
    steps = jnp.where(late[1:] & late[:-1], jnp.diff(seen, axis=1), 0.0)
    count = jnp.maximum((late[1:] & late[:-1]).sum(), 1)
    ends = (jnp.where(known, targets, plain.high) - plain.high) / plain.unit
    missed = (jnp.minimum(ends, HIGH) - plain.mean) / plain.spread
    common = jnp.stack(
        [
            jnp.log2(q.horizon / q.epoch),
            jnp.log2(q.epoch) / 3,
            jnp.log(known.sum()) / 2,
            jnp.maximum(plain.low, -6.0),
            (q.epoch == 1) * 1.0,
        ]
    )
    columns = [
        squash(jnp.concatenate([last[:, None], shape[:, 1:] - last[:, None]], 1)),
        squash(jnp.maximum(steps.max(1), 0)),
        jnp.log(jnp.sqrt((steps**2).sum(1) / count) + 1e-3),
        squash(jnp.min(jnp.where(at < q.epoch, seen, jnp.inf), 1) - last),
        squash(plain.mean - last),
        jnp.log(plain.spread),
        known * 1.0,
        jnp.where(known, squash(ends - last), 0.0),
        jnp.where(known, squash(missed), 0.0),
        jnp.broadcast_to(common, (len(last), len(common))),
    ]
    return jnp.column_stack(columns)


def outputs(w: Weights, x: Array, known: Bool[Array, " rows"]) -> Float[Array, "rows 2"]:
    """`incontext.outputs`."""

    def normed(h: Array, gain: Array) -> Array:
        return h * jax.lax.rsqrt(jnp.mean(h**2, -1, keepdims=True) + 1e-6) * gain

    h = x @ w["inp"] + w["inb"]
    for k in range(LAYERS):
        z = normed(h, w["g1"][k])
        query, key, value = ((z @ w[n][k]).reshape(len(z), HEADS, -1) for n in "qkv")
        scores = jnp.einsum("ihd,jhd->hij", query, key) / jnp.sqrt(WIDTH / HEADS)
        attention = jax.nn.softmax(jnp.where(known, scores, -1e9), -1)
        h = h + jnp.einsum("hij,jhd->ihd", attention, value).reshape(h.shape) @ w["o"][k]
        inner = jax.nn.gelu(normed(h, w["g2"][k]) @ w["a"][k] + w["ba"][k])
        h = h + inner @ w["b"][k] + w["bb"][k]
    return normed(h, w["g"]) @ w["out"] + w["outb"]


def surprise(truth: Array, mean: Array, spread: Array, degrees: Array) -> Array:
    """-log of Student's density, cut at both ends."""
    z = jax.scipy.stats.t.logpdf(truth, degrees, mean, spread)
    return jnp.clip(-z, -8, 12)


def foreseen(
    w: Weights, q: Task, targets: Array, known: Bool[Array, " rows"]
) -> tuple[Float[Array, " rows"], Float[Array, " rows"], Regressed]:
    """Mean and spread of every row in the regression's units, and the regression."""
    plain = regressed(q, targets, known)
    shift, width = 3 * jnp.tanh(outputs(w, tokens(q, targets, known, plain), known) / 3).T
    mean = jnp.maximum(plain.mean + plain.spread * shift, plain.low - 1)
    return mean, plain.spread * jnp.exp(width) + 1e-4, plain


def losses(w: Weights, q: Task) -> Float[Array, "2"]:
    """Of the network and of the regression, a mean over who is asked about."""
    known = q.real & (jnp.arange(len(q.real)) < KNOWN)
    ends = jnp.take(q.curves, q.horizon - 1, axis=1)
    mean, spread, plain = foreseen(w, q, ends, known)
    truth = jnp.minimum((ends - plain.high) / plain.unit, HIGH)
    pairs = (mean, spread), (plain.mean, plain.spread + 1e-4)
    both = jnp.stack([surprise(truth, m, s, plain.degrees) for m, s in pairs])
    return both[:, KNOWN:].mean(1)


def drawn(key: Array) -> Weights:
    """Weights to begin with."""
    keys = iter(random.split(key, 8))

    def normal(*shape: int, size: float = 1.0) -> Array:
        return random.normal(next(keys), shape) * size / jnp.sqrt(shape[-2])

    square = (LAYERS, WIDTH, WIDTH)
    return {
        "inp": normal(FEATURES, WIDTH),
        "inb": jnp.zeros(WIDTH),
        **{name: normal(*square) for name in "qkv"},
        "o": normal(*square, size=0.3),
        "a": normal(LAYERS, WIDTH, INNER),
        "b": normal(LAYERS, INNER, WIDTH, size=0.3),
        "ba": jnp.zeros((LAYERS, INNER)),
        "bb": jnp.zeros((LAYERS, WIDTH)),
        "g1": jnp.ones((LAYERS, WIDTH)),
        "g2": jnp.ones((LAYERS, WIDTH)),
        "g": jnp.ones(WIDTH),
        "out": normal(WIDTH, 2, size=0.01),
        "outb": jnp.zeros(2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, required=True, help="the file to write")
    parser.add_argument("--minutes", type=float, default=14.0, help="of CPU time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # one thread: of small matrices more would wait for each other
    one = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", one)
    rule = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.scale_by_adam(b2=0.99),
        optax.add_decayed_weights(1e-2),
    )

    @jax.jit
    def step(w, state, number, rate):
        keys = random.split(random.fold_in(random.key(10000 + options.seed), number), BATCH)
        tasks = jax.vmap(task)(keys)

        def mean(w):
            both = jax.vmap(losses, (None, 0))(w, tasks)
            both = jnp.where(jnp.isfinite(both).all(1, keepdims=True), both, 0.0).mean(0)
            return both[0], both

        gradient, both = jax.grad(mean, has_aux=True)(w)
        moves, state = rule.update(jax.tree.map(jnp.nan_to_num, gradient), state, w)
        return jax.tree.map(lambda a, b: a - rate * b, w, moves), state, both

    w = drawn(random.key(options.seed))
    state, number, seen = rule.init(w), 0, list[np.ndarray]()
    step(w, state, 0, np.float32(0))  # compiled before the clock runs
    start = time.process_time()
    while (share := (time.process_time() - start) / (60 * options.minutes)) < 1:
        cosine = 0.5 * (1 + np.cos(np.pi * share)) * 0.99 + 0.01
        rate = np.float32(RATE * min(1, (number + 1) / WARM) * cosine)
        w, state, both = step(w, state, number, rate)
        seen, number = [*seen[-99:], np.asarray(both)], number + 1
        if number % 100 == 0:
            ours, plain = np.mean(seen, 0)
            print(f"{number} steps: {ours:.3f} nats, the regression {plain:.3f}", flush=True)
    print(f"ended after {number} steps: {np.mean(seen, 0)} nats")
    np.savez_compressed(options.weights, **{k: np.asarray(v, np.float16) for k, v in w.items()})


if __name__ == "__main__":
    main()
