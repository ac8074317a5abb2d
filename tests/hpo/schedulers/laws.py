"""Every scheduler, and studies of it with any workers: what the shared laws are put to."""

import math
import random

import pytest
from hypothesis import settings

from hpo.core.types import Completed, Failed, Finished, Job, Predict, Reported, WorkerLost
from hpo.forecasting import predictors
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.asha import asha
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.asynchronous_adaptive import asynchronous_adaptive
from hpo.schedulers.brackets import Round, schedule_epochs
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.halving import full_training, hyperband, successive_halving, top_n
from hpo.schedulers.improved import Risk, swift_improved
from hpo.schedulers.pricing import Price
from hpo.schedulers.swift import swift_hyperband
from hpo.space import Categorical, Float, Space

SPACE = Space({"x": Float(0, 1), "kind": Categorical("a", "b")})
QUICK = {"min_curves": 4, "predictor": predictors.persistence()}
SCHEDULERS = {
    "hyperband": hyperband(SPACE, 9, 3),
    "hyperband, all brackets at once": hyperband(SPACE, 16, 2, concurrent_brackets=5),
    "hyperband, maximise": hyperband(SPACE, 8, 2, mode="maximise"),
    "successive halving": successive_halving(SPACE, 16, 8, 2, rounds=4),
    "full training": full_training(SPACE, 5, 4),
    "top n": top_n(SPACE, 9, 8, epochs=2, places=3),
    "fast hyperband": fast_hyperband(SPACE, 16, 2, confidence=0.6, full_share=0.2, **QUICK),
    "swift": swift_hyperband(SPACE, 16, 2, **QUICK),
    "swift, svr": swift_hyperband(SPACE, 16, 2, min_curves=6),
    "swift, maximise": swift_hyperband(SPACE, 16, 2, mode="maximise", **QUICK),
    "swift, nobody in full": swift_hyperband(SPACE, 16, 2, full_share=0, **QUICK),
    "swift, early decision": swift_hyperband(SPACE, 27, 3, decision_point=0.1, **QUICK),
    "swift improved": swift_improved(SPACE, 16, 2, risk=Risk(lost=9.0)),
    "swift improved, maximise": swift_improved(
        SPACE, 27, 3, risk=Risk(lost=9.0, min_winners=1), mode="maximise"
    ),
    "adaptive": adaptive(SPACE, 16, 2, price=Price(hedges=3, min_curves=3)),
    "adaptive, ratios": adaptive(
        SPACE, 16, 2, price=Price(hedges=3, min_curves=3, relative=0.2, ratios=True)
    ),
    "adaptive, maximise": adaptive(
        SPACE, 27, 3, price=Price(hedges=2, min_curves=2, gain=0.1, at_once=2), mode="maximise"
    ),
}
ASYNCHRONOUS = {
    "asha, promotion": asha(SPACE, 20, 9, 3),
    "asha, stopping": asha(SPACE, 20, 9, 3, variant="stopping"),
    "swift async": asynchronous_swift(SPACE, 16, 2, risk=Risk(lost=9.0)),
    "swift async, maximise": asynchronous_swift(
        SPACE, 27, 3, risk=Risk(lost=9.0, min_winners=1), mode="maximise"
    ),
    "swift async, frugal": asynchronous_swift(
        SPACE, 16, 2, risk=Risk(lost=9.0, jumps=1.5, forecast="in_context"), frugal=True
    ),
    "adaptive async": asynchronous_adaptive(SPACE, 16, 2, price=Price(hedges=3, min_curves=3)),
    "adaptive async, maximise": asynchronous_adaptive(
        SPACE, 27, 3, price=Price(hedges=2, min_curves=2, gain=0.1, at_once=2), mode="maximise"
    ),
    "asha, maximise": asha(SPACE, 20, 20, 2, min_epochs=2, mode="maximise"),
}
EVERY = SCHEDULERS | ASYNCHRONOUS
laws = pytest.mark.parametrize("scheduler", EVERY.values(), ids=EVERY.keys())
synchronous_laws = pytest.mark.parametrize("scheduler", SCHEDULERS.values(), ids=SCHEDULERS.keys())
few = settings(max_examples=8, deadline=None)


def loss(trial, configuration, epoch):
    wiggle = random.Random(f"{trial} {epoch}").uniform(-0.1, 0.1)
    return configuration["x"] + wiggle + (1 - configuration["x"]) / epoch


def fails_at(trial, rate):
    """The epoch in which a trial fails, or infinity: a property of the trial, not of its worker."""
    fate = random.Random(f"fate {trial}")
    return fate.randint(1, 8) if fate.random() < rate else math.inf


def budget(scheduler):
    if "brackets" not in scheduler.settings:
        return scheduler.settings["trials"] * scheduler.settings["rungs"][-1]
    brackets = scheduler.settings["brackets"]
    return schedule_epochs(tuple(tuple(Round(*r) for r in bracket) for bracket in brackets))


def play(scheduler, seed=0, order=0, failures=0.0, losses=0.0, workers=3, curve=loss):
    """Run a study whose workers advance in a random order.

    The last state, the last action, the log, and the epochs of each trial. `curve` is the metric as
    a function of trial, configuration and epoch.
    """
    chance, state, log = random.Random(order), scheduler.init(seed), []
    running, epochs = {}, {}

    def tell(event):
        nonlocal state
        log.append(event)
        state = scheduler.tell(state, event)

    while True:
        while len(running) < workers:
            before = state
            state, action = scheduler.ask(state)
            if isinstance(action, Predict):
                assert state == before
                tell(scheduler.predict(state, action))
                continue
            if not isinstance(action, Job):
                assert state == before
                break
            log.append(action)
            assert action.trial not in running
            assert action.first_epoch == epochs.get(action.trial, 0) < action.last_epoch
            running[action.trial] = action
        if not running:
            assert isinstance(action, Finished), "the scheduler waits for nobody"
            assert isinstance(scheduler.ask(state)[1], Finished)
            return state, action, log, epochs
        number = chance.choice(sorted(running))
        job, done = running[number], epochs.get(number, 0)
        if chance.random() < losses:
            tell(WorkerLost(number))
            del running[number]
        elif done < job.last_epoch and done + 1 == fails_at(number, failures):
            tell(Failed(number, "diverged"))
            del running[number]
        elif done == job.last_epoch:
            tell(Completed(number, done))
            del running[number]
        else:
            epochs[number] = done + 1
            value = curve(number, job.configuration, done + 1)
            tell(Reported(number, done + 1, {"loss": value}))
