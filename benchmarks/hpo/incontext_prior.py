"""Drawn studies: what the network of `hpo.forecasting.incontext` has learned all it knows from.

A study is TRIALS curves of LONGEST epochs whose parameters (where a curve ends, how fast and in
which shape it falls, how it overfits, how noisy it is) are a smooth random function of three
hyperparameters, plus a part that is each trial's own. The learning rate's schedule, the metric's
scale, spikes, trials that never learn and trials that fall back are drawn by study. All numbers
below were chosen by looking at pictures of drawn studies beside the tables of the zoo, once; no
table was ever trained on, and nothing was fitted.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import random
from jaxtyping import Array, Bool, Float, Int

LONGEST, TRIALS, KNOWN, ASKED = 100, 96, 40, 16
PARAMETERS = 8


class Draws:
    """Random numbers, one key after another."""

    def __init__(self, key: Array, most: int = 64):
        self._keys = iter(random.split(key, most))

    def key(self) -> Array:
        return next(self._keys)

    def uniform(self, low: Any, high: Any, shape: tuple[int, ...] = ()) -> Array:
        return random.uniform(self.key(), shape, minval=low, maxval=high)

    def normal(self, shape: tuple[int, ...]) -> Array:
        return random.normal(self.key(), shape)

    def happens(self, chance: float) -> Array:
        return random.bernoulli(self.key(), chance)


class Task(NamedTuple):
    """A question about a study: the first KNOWN rows (as far as `real`) have come to `horizon`,
    the other ASKED ones to `epoch`; `lowest` is the lowest loss that anybody has seen."""

    curves: Float[Array, "rows epochs"]
    real: Bool[Array, " rows"]
    epoch: Int[Array, ""]
    horizon: Int[Array, ""]
    lowest: Float[Array, ""]


def study(key: Array) -> tuple[Float[Array, "trials epochs"], Float[Array, ""]]:
    """Curves, and the epochs of a whole training, from 12 to LONGEST."""
    draw, t = Draws(key), jnp.arange(1, LONGEST + 1) * 1.0
    whole = jnp.exp(draw.uniform(jnp.log(12.0), jnp.log(1.0 * LONGEST)))
    z = _parameters(draw)
    clean, ends, stuck = _falling(draw, z, t, whole)
    unit = jnp.std(jnp.minimum(ends, 3 * jnp.median(ends) - 2 * ends.min())) + 1e-3
    onset = jnp.exp(jnp.log(whole) * draw.uniform(0.2, 1.0) + 0.7 * z[:, 5:6])
    over = draw.happens(0.35) * unit * jnp.exp(draw.uniform(-3, 0.3) + z[:, 6:7])
    y = clean + over * jnp.maximum(jnp.log(t / onset), 0)
    rate = _schedule(draw, t / whole)
    hot = unit * jnp.exp(draw.uniform(-3.5, 0.0) + draw.uniform(0.3, 1.2) * z[:, 7:8])
    y = y + draw.happens(0.5) * hot * rate
    return _noisy(draw, y, z, rate, unit, ends.min(), stuck), whole


def _parameters(draw: Draws) -> Float[Array, "trials parameters"]:
    """Of about unit variance: a smooth function of the hyperparameters, and the rest."""
    x = draw.uniform(-1, 1, (TRIALS, 3))
    rough, explained = draw.uniform(0.5, 3.0), draw.uniform(0.5, 1.0)
    waves = jnp.cos(x @ (rough * draw.normal((3, 32))) + draw.uniform(0, 2 * jnp.pi, (32,)))
    smooth = waves @ draw.normal((32, PARAMETERS)) / 4
    own = draw.normal((TRIALS, PARAMETERS))
    return jnp.sqrt(explained) * smooth + jnp.sqrt(1 - explained) * own


def _falling(
    draw: Draws, z: Array, t: Array, whole: Array
) -> tuple[Float[Array, "trials epochs"], Float[Array, " trials"], Float[Array, " trials"]]:
    """Curves without noise, where they end, and where those stay that never learn."""
    crossing = draw.uniform(-0.9, 0.9)
    ends = jnp.exp(draw.uniform(0.3, 2.0) * z[:, 0])
    ends = ends - (1 - draw.uniform(0.0, 0.3)) * ends.min()
    middle = jnp.median(ends)
    common = jnp.exp(draw.uniform(0.0, 3.0)) * middle
    start = common * jnp.exp(draw.uniform(0.0, 0.3) * z[:, 1]) + ends * draw.happens(0.3)
    first = _shape(draw, z[:, 0], z[:, 2], z[:, 3], crossing, t, whole)
    second = _shape(draw, z[:, 0], z[:, 4], z[:, 5], draw.uniform(-0.9, 0.9), t, whole)
    share = draw.uniform(0.0, 0.6) * draw.happens(0.5) * jax.nn.sigmoid(2 * z[:, 6:7])
    gap = jnp.maximum(start - ends, 0.0)[:, None]
    y = ends[:, None] + gap * ((1 - share) * first + share * second)
    logarithmic, bent = draw.happens(0.35), draw.happens(0.1)

    def scaled(v: Array) -> Array:
        v = jnp.where(logarithmic, jnp.log(jnp.maximum(v, 0) + 0.02 * middle), v)
        return jnp.where(bent, -jnp.exp(-jnp.clip(v, -3, 50 * middle) / (3 * middle)), v)

    return scaled(y), scaled(ends), scaled(start * (1 + 0.02 * z[:, 3]))


def _shape(
    draw: Draws, end: Array, fast: Array, sharp: Array, crossing: Array, t: Array, whole: Array
) -> Float[Array, "trials epochs"]:
    """From about 1 to 0: flat and then falling, a stretched exponential, or a power law. How fast,
    has to do with the `end` as far as `crossing` says."""
    mixed = crossing * end + jnp.sqrt(1 - crossing**2) * fast
    middle = jnp.log(whole) * draw.uniform(-0.3, 1.0)
    s = t / jnp.exp(middle + draw.uniform(0.2, 1.8) * mixed)[:, None]
    a = jnp.exp(draw.uniform(-1.0, 0.9) + draw.uniform(0.0, 0.4) * sharp)[:, None]
    kind = random.categorical(draw.key(), jnp.log(jnp.array([0.35, 0.35, 0.3])))
    return jnp.stack([1 / (1 + s**a), jnp.exp(-(s**a)), (1 + t) ** (-0.6 * a)])[kind]


def _schedule(draw: Draws, share: Float[Array, " epochs"]) -> Float[Array, " epochs"]:
    """The learning rate: constant, a cosine, or one step down."""
    step = jnp.where(share < draw.uniform(0.3, 0.9), 1.0, draw.uniform(0.0, 0.4))
    cosine = 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(share, 0, 1)))
    some = [draw.happens(0.4), draw.happens(0.5)]
    return jnp.select(some, [jnp.ones_like(share), cosine], step)


def _noisy(
    draw: Draws, y: Array, z: Array, rate: Array, unit: Array, best: Array, stuck: Array
) -> Float[Array, "trials epochs"]:
    """With noise from epoch to epoch, spikes, trials that stay `stuck` and some that fall back."""
    size = 0.5 * z[:, 7:8] + draw.normal((TRIALS, 1))
    sd = unit * jnp.exp(draw.uniform(-6.0, -1.0) + draw.uniform(0.1, 1.2) * size)
    above = jnp.sqrt(jnp.clip((y - best) / (3 * unit), 0, 30) + 0.05)
    sd = sd * jnp.where(draw.happens(0.5), rate, 1.0) * jnp.where(draw.happens(0.5), above, 1.0)
    rho, e = draw.uniform(0.0, 0.8) * draw.happens(0.5), draw.normal(y.shape)
    new = jnp.sqrt(1 - rho**2)
    e = jax.lax.scan(lambda a, v: (rho * a + new * v,) * 2, e[:, 0], e.T)[1].T
    spikes = draw.uniform(0, 1, y.shape) < draw.uniform(0.0, 0.15) * draw.happens(0.5)
    height = random.exponential(draw.key(), y.shape) * draw.uniform(1, 8)
    flat = stuck[:, None] + 0.3 * sd * e
    y = y + sd * (e + spikes * height)
    dead = draw.uniform(0, 1, (TRIALS, 1)) < 0.95 * draw.uniform(0, 1) ** 2 * draw.happens(0.5)
    falls_back = draw.uniform(0, 1, (TRIALS, 1)) < 0.08 * draw.happens(0.3)
    later = jnp.arange(1, LONGEST + 1) > draw.uniform(1, LONGEST, (TRIALS, 1))
    y = jnp.where(dead, flat, y)
    return jnp.where(falls_back & later, flat + unit * draw.uniform(-0.5, 1.0), y)


def task(key: Array) -> Task:
    """A decision in a drawn study: at a tenth of a round or at any epoch, among the best so far or
    among all, from few curves or up to KNOWN, which may be those that were best."""
    draw, size = Draws(key), KNOWN + ASKED
    y, whole = study(draw.key())
    horizon, epoch = _epochs(draw, whole)
    early = jnp.clip(jnp.round(epoch * draw.uniform(0, 1)), 1, epoch).astype(int)
    among = random.randint(draw.key(), (), size, TRIALS + 1)
    among = jnp.where(draw.happens(0.4), size, among)
    here = jnp.argsort(jnp.where(jnp.arange(TRIALS) < among, y[:, early - 1], jnp.inf))[:size]
    y = y[random.permutation(draw.key(), here)]
    count = jnp.round(jnp.exp(draw.uniform(jnp.log(3.0), jnp.log(1.0 * KNOWN)))).astype(int)
    ahead = jnp.arange(size) < count + count // 2 + 4
    best = jnp.argsort(jnp.where(ahead, y[:, epoch - 1], jnp.inf))
    y = jnp.where(draw.happens(0.3), y[best], y)
    others = count + random.permutation(draw.key(), ASKED)
    y = y[jnp.concatenate([jnp.arange(KNOWN), others])]
    real = jnp.concatenate([jnp.arange(KNOWN) < count, jnp.ones(ASKED, bool)])
    last = jnp.where(jnp.arange(size) < KNOWN, horizon, epoch)[:, None]
    seen = real[:, None] & (jnp.arange(1, LONGEST + 1) <= last)
    return Task(y, real, epoch, horizon, jnp.min(jnp.where(seen, y, jnp.inf)))


def _epochs(draw: Draws, whole: Array) -> tuple[Int[Array, ""], Int[Array, ""]]:
    """A horizon, half of the time the end, and an epoch before it."""
    any_rung = jnp.exp(draw.uniform(jnp.log(3.0), jnp.log(whole)))
    horizon = jnp.where(draw.happens(0.5), whole, any_rung)
    horizon = jnp.clip(jnp.round(horizon), 3, LONGEST).astype(int)
    start = jnp.where(draw.happens(0.5), 0, jnp.round(horizon / 2)).astype(int)
    point = start + jnp.ceil(random.randint(draw.key(), (), 1, 10) / 10 * (horizon - start))
    anywhere = jnp.round(jnp.exp(draw.uniform(0, 1) * jnp.log(horizon - 1.0)))
    epoch = jnp.where(draw.happens(0.6), point, anywhere)
    return horizon, jnp.clip(epoch, 1, horizon - 1).astype(int)
