"""What schedulers refuse: events that cannot be, and settings that mean nothing."""

import math

import pytest

from hpo.core.types import Completed, Failed, Predict, Predicted, Reported
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.asha import asha
from hpo.schedulers.asynchronous_adaptive import asynchronous_adaptive
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.halving import full_training, hyperband, successive_halving, top_n
from hpo.schedulers.improved import Risk, swift_improved
from hpo.schedulers.pricing import Price
from hpo.schedulers.swift import swift_hyperband
from hpo.study.errors import ReplayMismatch
from hpo.study.journal import Entry
from hpo.study.run import fold
from tests.hpo.schedulers.laws import SPACE, laws


@laws
def test_events_that_cannot_be_are_refused(scheduler):
    state, job = scheduler.ask(scheduler.init(0))
    report = {"loss": 1.0}
    for event, complaint in (
        (Reported(job.trial, 2, report), "not the next"),
        (Reported(job.trial, 1, {"loss": math.nan}), "must be finite"),
        (Reported(job.trial, 1, {"loss": -math.inf}), "must be finite"),
        (Reported(job.trial, 1, {"loss": "low"}), "not a number"),
        (Reported(job.trial, 1, {"loss": True}), "not a number"),
        (Reported(job.trial, 1, {"loss": 10**400}), "too large for a float"),
        (Reported(job.trial, 1, {"accuracy": 1.0}), "no metric 'loss' among accuracy"),
        (Reported(job.trial + 1, 1, report), "not running|no such trial"),
        (Completed(job.trial, job.last_epoch), "reported"),
        (Failed(10**6, "?"), "no such trial"),
        (Failed([0], "?"), "no such trial"),
        (Reported(job.trial, 1, None), "not values by name"),
        (Predicted(Predict(3, 2, (0,), (1,)), (1.0,), (0.0,)), "nobody asked"),
        (Predicted(Predict(3, 2, [0], [1]), (1.0,), (0.0,)), "nobody asked"),
    ):
        with pytest.raises(ValueError, match=complaint):
            scheduler.tell(state, event)


@laws
def test_a_whole_number_is_a_loss(scheduler):
    state, job = scheduler.ask(scheduler.init(0))
    told = scheduler.tell(state, Reported(job.trial, 1, {"loss": 10**30})).trials[job.trial]
    assert list(told.curve) == [1e30]
    assert type(told.curve[0]) is float


@laws
def test_together_too_events_that_cannot_be_are_refused(scheduler):
    state, job = scheduler.ask(scheduler.init(0))
    good = Reported(job.trial, 1, {"loss": 1.0})
    with pytest.raises(ValueError, match="not the next"):
        scheduler.extend(state, [good, good])
    with pytest.raises(ReplayMismatch, match=r"row 3 .* not the next"):
        fold(scheduler, [Entry(0.0, item) for item in (job, good, good)], 0)
    assert scheduler.extend(state, []) == state


def test_bad_settings_are_refused():
    for make in (
        lambda: hyperband(SPACE, 0),
        lambda: hyperband(SPACE, 9, 1),
        lambda: hyperband(SPACE, 9, mode="minimize"),
        lambda: hyperband(SPACE, 9, concurrent_brackets=0),
        lambda: hyperband(SPACE, 2, 3),
        lambda: swift_hyperband(SPACE, 1, 2),
        lambda: fast_hyperband(SPACE, 9, min_curves=1),
        lambda: fast_hyperband(SPACE, 9, confidence=2),
        lambda: swift_improved(SPACE, 1, 2),
        lambda: Risk(lost=-1),
        lambda: Risk(surprise=2),
        lambda: Risk(points=()),
        lambda: Risk(points=(0.5, 1.0)),
        lambda: Risk(min_curves=0),
        lambda: Risk(patience=0),
        lambda: adaptive(SPACE, 1, 2),
        lambda: asynchronous_adaptive(SPACE, 1, 2),
        lambda: asynchronous_adaptive(SPACE, 9, mode="max"),
        lambda: asynchronous_adaptive(SPACE, 9, price=Price(ratios=True)),
        lambda: Price(hedges=0),
        lambda: Price(gain=-1),
        lambda: Price(leaders=-1),
        lambda: Price(at_once=1.5),
        lambda: Price(gain=math.nan),
        lambda: Risk(lost=math.nan),
        lambda: Risk(patience=math.nan),
        lambda: Risk(patience=math.inf),
        lambda: Risk(jumps=math.inf),
        lambda: Risk(min_curves=2.5),
        lambda: Risk(min_winners=True),
        lambda: top_n(SPACE, 9, 8, epochs=8, places=3),
        lambda: top_n(SPACE, 2, 8, epochs=1, places=3),
        lambda: full_training(SPACE, 0, 8),
        lambda: asha(SPACE, 0, 9),
        lambda: asha(SPACE, 9, 9, 1),
        lambda: asha(SPACE, 9, 9, min_epochs=10),
        lambda: asha(SPACE, 9, 9, variant="both"),
        lambda: asha(SPACE, 9, 9, mode="max"),
        lambda: successive_halving(SPACE, 3, 8, 2, rounds=3),
        lambda: swift_hyperband(SPACE, 9, min_curves=1),
        lambda: swift_hyperband(SPACE, 9, decision_point=0),
        lambda: swift_hyperband(SPACE, 9, quantile=2),
        lambda: hyperband(SPACE, 9).init(-1),
    ):
        with pytest.raises(ValueError, match=r"must|cannot|need"):
            make()
