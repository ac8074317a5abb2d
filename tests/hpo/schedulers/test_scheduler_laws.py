"""What every scheduler must satisfy, whoever trains for it, in whatever order, however it fails."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.types import (
    Completed,
    Failed,
    Finished,
    Job,
    Predict,
    Reported,
    Wait,
    WorkerLost,
    event_from_json,
    event_to_json,
    from_json,
    to_json,
)
from hpo.forecasting import predictors
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.asha import asha
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.brackets import Round, schedule_epochs
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.halving import full_training, hyperband, successive_halving, top_n
from hpo.schedulers.improved import Risk, swift_improved
from hpo.schedulers.pricing import Price
from hpo.schedulers.swift import swift_hyperband
from hpo.space import Categorical, Float, Space
from hpo.study.errors import ReplayMismatch
from hpo.study.journal import Entry
from hpo.study.replay import fold

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


def play(scheduler, seed=0, order=0, failures=0.0, losses=0.0, workers=3):
    """Run a study whose workers advance in a random order; the last state and the log."""
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
            value = loss(number, job.configuration, done + 1)
            tell(Reported(number, done + 1, {"loss": value}))


@laws
@few
@given(seed=st.integers(0, 99), order=st.integers(0, 99), failures=st.sampled_from([0, 0.3, 1]))
def test_ends_within_its_budget_under_any_failures(scheduler, seed, order, failures):
    state, finished, _, epochs = play(scheduler, seed, order, failures, losses=0.1)
    assert sum(epochs.values()) <= budget(scheduler)
    assert {t.number: len(t.curve) for t in state.trials if t.curve} == epochs
    survivors = [t for t in state.trials if t.status != "failed"]
    assert (finished.best is None) == (not survivors)
    if not failures:
        assert finished.best is not None
    if not failures and scheduler.settings.get("rule") in ("train all", "extrapolation"):
        assert len(state.trials[finished.best].curve) == scheduler.settings["brackets"][-1][-1][2]


@laws
@few
@given(order=st.integers(0, 99), losses=st.sampled_from([0, 0.2]), workers=st.integers(1, 9))
def test_replaying_the_log_gives_the_state(scheduler, order, losses, workers):
    state, _, log, _ = play(scheduler, 1, order, 0.1, losses, workers)
    written = [
        json.dumps(to_json(i) if isinstance(i, Job) else event_to_json(i)) for i in log
    ]  # as a journal does
    read = [
        from_json(Job, fields) if "kind" not in fields else event_from_json(fields)
        for fields in map(json.loads, written)
    ]
    assert read == log
    unable = scheduler._replace(predict=None)  # what was predicted is read, not computed
    replayed, running = fold(unable, [Entry(0.0, item) for item in read], 1)
    assert replayed == state
    assert not running


@synchronous_laws
@few
@given(order=st.integers(1, 999), failures=st.sampled_from([0, 0.2]), workers=st.integers(1, 9))
def test_the_outcome_does_not_depend_on_the_order_of_events(scheduler, order, failures, workers):
    reference, *_ = play(scheduler, 2, 0, failures)
    shuffled, *_ = play(scheduler, 2, order, failures, losses=0.1, workers=workers)
    assert shuffled == reference


@laws
def test_every_state_round_trips_through_json(scheduler):
    state, _, log, _ = play(scheduler, 3, 4, 0.1)
    for cut in (0, 1, len(log) // 3, len(log) // 2, len(log)):
        part, _ = fold(scheduler, [Entry(0.0, item) for item in log[:cut]], 3)
        assert from_json(type(part), json.loads(json.dumps(to_json(part)))) == part
    assert part == state
    json.dumps(scheduler.settings)


@laws
@few
@given(order=st.integers(0, 99), losses=st.sampled_from([0, 0.2]), workers=st.integers(1, 9))
def test_reports_told_together_are_as_if_told_in_turn(scheduler, order, losses, workers):
    state, _, log, _ = play(scheduler, 4, order, 0.1, losses, workers)
    slow = scheduler.init(4)
    for item in log:
        slow = scheduler.ask(slow)[0] if isinstance(item, Job) else scheduler.tell(slow, item)
    assert slow == state
    assert fold(scheduler, [Entry(0.0, item) for item in log], 4)[0] == slow


@laws
@few
@given(order=st.integers(0, 99), workers=st.integers(1, 9))
def test_reports_of_a_running_trial_decide_nothing(scheduler, order, workers):
    """What is asked depends on jobs that ended: reports may come late, or all at once."""
    state, _, log, _ = play(scheduler, 5, order, workers=workers)
    late, held = scheduler.init(5), {}
    for item in log:
        if isinstance(item, Reported):
            held.setdefault(item.trial, []).append(item)
            continue
        if isinstance(item, Job):
            late, action = scheduler.ask(late)
            assert action == item
            continue
        late = scheduler.extend(late, held.pop(getattr(item, "trial", None), []))
        late = scheduler.tell(late, item)
    assert late == state


@laws
@few
@given(order=st.integers(0, 99), failures=st.sampled_from([0, 0.3]))
def test_who_is_out_stays_out(scheduler, order, failures):
    """Fast-Hyperband alone promotes a stopped trial, for its predicted loss."""
    _, _, log, _ = play(scheduler, 6, order, failures, losses=0.1)
    state = scheduler.init(6)
    out = {"completed", "not promoted", "failed"}
    out |= {"stopped"} if scheduler.settings.get("rule") != "fast" else set()
    for item in log:
        state, action = scheduler.ask(state) if isinstance(item, Job) else (state, None)
        if action is not None:
            assert state.trials[action.trial].status == "running"
            continue
        before, state = state, scheduler.tell(state, item)
        for old, new in zip(before.trials, state.trials, strict=False):
            assert old.status not in out or new == old


@laws
def test_trials_depend_on_the_seed_alone(scheduler):
    configurations = [
        [t.configuration for t in play(scheduler, seed)[0].trials] for seed in (5, 5, 6)
    ]
    assert configurations[0] == configurations[1]
    assert not any(c in configurations[0] for c in configurations[2])


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
        (Reported(job.trial, 1, {"accuracy": 1.0}), "no metric 'loss' among accuracy"),
        (Reported(job.trial + 1, 1, report), "not running|no such trial"),
        (Completed(job.trial, job.last_epoch), "reported"),
        (Failed(10**6, "?"), "no such trial"),
    ):
        with pytest.raises(ValueError, match=complaint):
            scheduler.tell(state, event)


@laws
def test_together_too_events_that_cannot_be_are_refused(scheduler):
    state, job = scheduler.ask(scheduler.init(0))
    good = Reported(job.trial, 1, {"loss": 1.0})
    with pytest.raises(ValueError, match="not the next"):
        scheduler.extend(state, [good, good])
    with pytest.raises(ReplayMismatch, match=r"row 3 .* not the next"):
        fold(scheduler, [Entry(0.0, item) for item in (job, good, good)], 0)
    assert scheduler.extend(state, []) == state


def test_a_barrier_makes_workers_wait():
    scheduler = SCHEDULERS["hyperband"]
    state = scheduler.init(0)
    for _ in range(9):
        state, action = scheduler.ask(state)
        assert isinstance(action, Job)
    assert scheduler.ask(state) == (state, Wait())


def test_concurrent_brackets_fill_the_wait_and_change_nothing_else():
    one, many = hyperband(SPACE, 16, 2), SCHEDULERS["hyperband, all brackets at once"]
    assert play(one, 7)[0] == play(many, 7)[0]
    asked = [isinstance(i, Job) for i in play(many, 7, workers=40)[2]]
    assert all(asked[:40])
    assert not all([isinstance(i, Job) for i in play(one, 7, workers=40)[2]][:40])


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
        lambda: Price(hedges=0),
        lambda: Price(gain=-1),
        lambda: Price(leaders=-1),
        lambda: Price(at_once=1.5),
        lambda: Price(gain=math.nan),
        lambda: Risk(lost=math.nan),
        lambda: Risk(patience=math.nan),
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
