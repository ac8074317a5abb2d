"""Losses at which arithmetic breaks, under every scheduler: zeros, ties, constants, the largest and
the smallest floats. Studies of them end, are the same each time, and none of their numbers is lost.

Where losses are multiplied by a power of two, or moved, nothing may be decided differently.
"""

import math
import random

import numpy as np
import pytest

from hpo.core.types import Job
from hpo.forecasting.predictors import Predictor
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.pricing import Price
from hpo.schedulers.swift import swift_hyperband
from hpo.study.journal import Entry
from hpo.study.run import fold
from tests.hpo.schedulers.laws import EVERY, SPACE, loss, play


def last():
    """A predictor of which only finite answers can come: the law is for those who ask it."""

    def fit(curves, targets, seed):
        spread = np.abs(targets / 4 - curves[:, -1] / 4).max()
        return lambda partial: (partial[:, -1], np.full(len(partial), spread))

    return Predictor(fit, {"predictor": "last"})


QUICK = {"min_curves": 4, "predictor": last()}
SCHEDULERS = {k: s for k, s in EVERY.items() if "predictor" not in s.settings} | {
    "fast hyperband": fast_hyperband(SPACE, 16, 2, confidence=0.6, **QUICK),
    "swift": swift_hyperband(SPACE, 16, 2, **QUICK),
    "swift, maximise": swift_hyperband(SPACE, 27, 3, mode="maximise", **QUICK),
}
every_scheduler = pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS.keys())


def falling(x, trial, epoch):
    return x + epoch ** -(0.3 + random.Random(f"rate {trial}").random())


HARD = {
    "0 until late": lambda x, t, e: max(0.0, (e - 10) / 17) * x,
    "0 for two epochs": lambda x, t, e: max(0.0, (e - 2) / 7) * x,
    "0 and then below": lambda x, t, e: 0.0 if e < 4 else -x * e,
    "0": lambda x, t, e: 0.0,
    "constant": lambda x, t, e: 0.7,
    "each constant": lambda x, t, e: x,
    "all trials equal": lambda x, t, e: 1 / e,
    "ties": lambda x, t, e: round(3 * falling(x, t, e)) / 3,
    "most are 0": lambda x, t, e: float(t % 3 == 0),
    "huge": lambda x, t, e: 5e299 * falling(x, t, e),
    "the largest": lambda x, t, e: 1.7e308 if x > 0.5 else -1.7e308,
    "tiny": lambda x, t, e: 1e-300 * falling(x, t, e),
    "denormal": lambda x, t, e: 1e-316 * falling(x, t, e),
    "a few of the smallest": lambda x, t, e: 5e-324 * round(4 * falling(x, t, e)),
    "one is huge": lambda x, t, e: 1e300 if t % 7 == 3 else falling(x, t, e),
    "most are the largest": lambda x, t, e: 1.7e308 if t % 5 else falling(x, t, e),
    "one epoch": lambda x, t, e: -1.7e308 if t % 7 == 0 and e == 3 else falling(x, t, e),
    "far from 0": lambda x, t, e: 1e17 + falling(x, t, e),
    "nearly equal": lambda x, t, e: 1 + 1e-13 * falling(x, t, e),
    "of two scales": lambda x, t, e: 1e300 if e < 4 else 1e-300 * falling(x, t, e),
}


@pytest.mark.parametrize("hard", HARD.values(), ids=HARD.keys())
@every_scheduler
def test_studies_of_hard_losses_end_and_replay(scheduler, hard):
    """Upside down for every other scheduler, and the next loss the other way round."""
    places = list(SCHEDULERS.values()).index(scheduler), list(HARD.values()).index(hard)
    sign = (-1) ** sum(places)

    def curve(trial, configuration, epoch):
        return sign * hard(configuration["x"], trial, epoch)

    state, finished, log, _ = play(scheduler, 1, 2, curve=curve)
    assert {t.status for t in state.trials} <= {"completed", "stopped", "not promoted"}
    assert finished.best is not None
    for p in state.predictions:
        assert math.isfinite(p.mean)
        assert 0 <= p.spread < math.inf
        assert p.threshold is None or math.isfinite(p.threshold)
    assert play(scheduler, 1, 2, curve=curve)[0] == state
    unable = scheduler._replace(predict=None)
    assert fold(unable, [Entry(0.0, item) for item in log], 1)[0] == state


def decisions(scheduler, curve):
    """The jobs of a study, and its predictions."""
    state, _, log, _ = play(scheduler, 3, 4, curve=curve)
    return [item for item in log if isinstance(item, Job)], state.predictions


@pytest.mark.parametrize("power", [-900, 900])
@pytest.mark.parametrize("shape", [falling, HARD["ties"], HARD["0 until late"]])
@every_scheduler
def test_a_power_of_two_changes_no_decision(scheduler, shape, power):
    jobs, plain = decisions(scheduler, lambda t, c, e: shape(c["x"], t, e))
    same, scaled = decisions(scheduler, lambda t, c, e: math.ldexp(shape(c["x"], t, e), power))
    assert same == jobs
    for a, b in zip(plain, scaled, strict=True):
        if max(abs(a.mean), a.spread) < 1e-250:
            continue  # where most are 0 and none is below, losses have no scale to speak of
        assert (b.mean, b.spread) == (math.ldexp(a.mean, power), math.ldexp(a.spread, power))


def moved(by):
    """Losses of 20 bits and a whole number: adding it is exact."""
    return lambda t, c, e: by + round(loss(t, c, e) * 2**20) / 2**20


@pytest.mark.parametrize("by", [-512.0, 64.0, 4096.0])
@every_scheduler
def test_where_losses_lie_changes_no_decision(scheduler, by):
    """But for `adaptive`, whose prices are shares of the best loss (`Price.relative`)."""
    if "adaptive" in scheduler.settings.get("scheduler", ""):
        return
    assert decisions(scheduler, moved(by))[0] == decisions(scheduler, moved(0.0))[0]


@pytest.mark.parametrize("by", [256.0, 4096.0])
def test_far_from_zero_adaptive_decides_alike(by):
    """There a share of the best loss is more than anybody lacks of it."""
    scheduler = adaptive(SPACE, 16, 2, price=Price(hedges=3, min_curves=3))
    near, far = (decisions(scheduler, moved(shift))[0] for shift in (64.0, by))
    assert near == far
    assert near != decisions(scheduler, moved(0.0))[0]


@every_scheduler
def test_of_equal_trials_the_first_is_the_best(scheduler):
    state, finished, _, epochs = play(scheduler, 1, workers=1, curve=lambda t, c, e: 1 / e)
    longest = max(epochs.values())
    assert finished.best == min(n for n, done in epochs.items() if done == longest)
    if scheduler.settings.get("rule", "train all") != "train all" or state.predictions:
        return  # where chances are asked for, equal trials are told apart by their draws
    for bracket in {t.bracket for t in state.trials}:
        lengths = [len(t.curve) for t in state.trials if t.bracket == bracket]
        assert lengths == sorted(lengths, reverse=True)
