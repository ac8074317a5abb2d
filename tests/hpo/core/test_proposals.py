"""A searcher that learns, under schedulers that know nothing of it."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.searcher import Observed, Searcher
from hpo.core.types import (
    Completed,
    Failed,
    Job,
    Predicted,
    Proposed,
    Reported,
    event_from_json,
    event_to_json,
    to_json,
)
from hpo.executors.inline import InlineExecutor
from hpo.forecasting import predictors
from hpo.schedulers.asha import asha
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.asynchronous_adaptive import asynchronous_adaptive
from hpo.schedulers.halving import hyperband, successive_halving
from hpo.schedulers.improved import swift_improved
from hpo.schedulers.swift import swift_hyperband
from hpo.searchers.base import random_search
from hpo.space import Float, Space
from hpo.study.errors import ReplayMismatch
from hpo.study.journal import Entry, Journal, read_journal
from hpo.study.replay import fold
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import summarise

SPACE = Space({"x": Float(0, 1)})


def greedy(calls=None):
    """Proposes near the best so far; keeps what it was shown in `calls`."""

    def suggest(seed, number, observed):
        if calls is not None:
            calls.append((number, observed))
        seen = [(t.curve[-1], t.configuration["x"]) for t in observed if t.curve]
        wiggle = random.Random(f"{seed} {number}").uniform(-0.1, 0.1)
        return {"x": min(max(min(seen)[1] + wiggle, 0.0), 1.0) if seen else 0.5 + wiggle}

    return random_search(SPACE)._replace(suggest=suggest, settings={"searcher": "greedy"})


SCHEDULERS = {
    "hyperband": lambda searcher: hyperband(searcher, 8, 2),
    "brackets side by side": lambda searcher: hyperband(searcher, 8, 2, concurrent_brackets=3),
    "halving": lambda searcher: successive_halving(searcher, 9, 8, 2, rounds=3),
    "full training": lambda searcher: successive_halving(searcher, 9, 3, 2, rounds=1),
    "maximise": lambda searcher: hyperband(searcher, 8, 2, mode="maximise"),
    "asha": lambda searcher: asha(searcher, 9, 8, 2),
    "asha, stopping": lambda searcher: asha(searcher, 9, 8, 2, variant="stopping"),
    "swift, improved": lambda searcher: swift_improved(searcher, 8, 2),
    "swift, asynchronous": lambda searcher: asynchronous_swift(searcher, 8, 2),
    "adaptive, asynchronous": lambda searcher: asynchronous_adaptive(searcher, 8, 2),
    "swift": lambda searcher: swift_hyperband(
        searcher, 8, 2, min_curves=3, predictor=predictors.persistence()
    ),
}
laws = pytest.mark.parametrize("make", SCHEDULERS.values(), ids=SCHEDULERS.keys())
few = settings(max_examples=6, deadline=None)


def objective(trial):
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if trial.number % 7 == 5:
            raise RuntimeError("diverged")
        yield {"loss": (trial.configuration["x"] - 0.2) ** 2 + 1 / epoch}


def play(scheduler, seed, workers):
    """A study with workers of different speeds; its last state and its log."""

    class Recorded(Unrecorded):
        def __init__(self):
            self.items = []

        def append(self, items):
            self.items += items

    log = Recorded()
    executor = InlineExecutor(objective, workers, lambda c: 1 + c["x"])
    return run_study(scheduler, executor, log, seed), log.items


def configurations(items):
    return {i.trial: i.configuration for i in items if isinstance(i, Proposed)}


@laws
@few
@given(seed=st.integers(0, 99), workers=st.integers(1, 9))
def test_a_replay_reads_proposals_and_computes_none(make, seed, workers):
    state, log = play(make(greedy()), seed, workers)
    read = [
        i if isinstance(i, Job) else event_from_json(json.loads(json.dumps(event_to_json(i))))
        for i in log
    ]

    def refuse(*_):
        raise AssertionError("a replay must not ask the searcher")

    deaf = make(greedy()._replace(suggest=refuse))
    replayed, running = fold(deaf, [Entry(0.0, item) for item in read], seed)
    assert replayed == state
    assert not running
    json.dumps(to_json(state))


@laws
@few
@given(seed=st.integers(0, 99), workers=st.integers(1, 9))
def test_every_trial_trains_what_was_proposed_for_it(make, seed, workers):
    state, log = play(make(greedy()), seed, workers)
    proposed = configurations(log)
    jobs = [i for i in log if isinstance(i, Job)]
    assert {j.trial for j in jobs} == set(proposed)
    assert all(j.configuration == proposed[j.trial] for j in jobs)
    assert {t.number: t.configuration for t in summarise(state).trials} == proposed
    first = {}
    for place, item in enumerate(log):
        first.setdefault((type(item), getattr(item, "trial", None)), place)
    assert all(first[Proposed, n] + 1 == first[Job, n] for n in proposed)


@laws
def test_a_searcher_is_shown_all_that_is_known_and_nothing_else(make):
    calls = []
    scheduler = make(greedy(calls))
    _, log = play(scheduler, 3, 4)
    sign = -1 if scheduler.settings["mode"] == "maximise" else 1
    known, expected = {}, []
    for item in log:
        if isinstance(item, Proposed):
            expected.append((item.trial, tuple(known[n] for n in sorted(known))))
            known[item.trial] = Observed(item.trial, item.configuration, (), False)
        elif isinstance(item, Reported):
            entry = known[item.trial]
            known[item.trial] = entry._replace(curve=(*entry.curve, sign * item.metrics["loss"]))
        elif isinstance(item, Failed):
            known[item.trial] = known[item.trial]._replace(failed=True)
    assert calls == expected


@laws
def test_a_searcher_that_ignores_results_changes_nothing(make):
    plain = random_search(SPACE)
    blind = plain._replace(suggest=lambda seed, number, observed: plain.propose(seed, number))
    state, log = play(make(blind), 1, 3)
    expected, expected_log = play(make(plain), 1, 3)
    assert state.inner == expected
    assert [i for i in log if not isinstance(i, Proposed)] == expected_log


def test_a_study_cut_between_proposal_and_job_goes_on(tmp_path):
    scheduler = SCHEDULERS["swift"](greedy())
    whole, log = play(scheduler, 0, 2)
    cuts = [i + 1 for i, item in enumerate(log) if isinstance(item, Proposed | Predicted)][::9]
    for cut in cuts:
        path = tmp_path / f"{cut}.db"
        with Journal(path) as journal:
            journal.begin(scheduler.settings, 0)
            journal.append(log[:cut])
        with Journal(path) as journal:
            run_study(scheduler, InlineExecutor(objective, 2), journal, 0)
        items = [entry.item for entry in read_journal(path)[1]]
        assert items[:cut] == log[:cut]
        final = summarise(fold(scheduler, read_journal(path)[1], 0)[0])
        assert len(final.trials) == len(summarise(whole).trials)


def test_proposals_that_nobody_asked_for_are_refused():
    scheduler = SCHEDULERS["hyperband"](greedy())
    state = scheduler.init(0)
    for event in (Proposed(1, {"x": 0.5}), Proposed(10**6, {"x": 0.5})):
        with pytest.raises(ValueError, match="nobody asked for that configuration"):
            scheduler.tell(state, event)
    state = scheduler.tell(state, Proposed(0, {"x": 0.5}))
    for event in (Proposed(0, {"x": 0.5}), Proposed(1, {"x": 0.5})):
        with pytest.raises(ValueError, match="nobody asked for that configuration"):
            scheduler.tell(state, event)
    state, job = scheduler.ask(state)
    assert job == Job(0, {"x": 0.5}, 0, job.last_epoch)
    with pytest.raises(ValueError, match="nobody asked"):
        scheduler.tell(state, Proposed(0, {"x": 0.5}))
    with pytest.raises(ReplayMismatch, match="row 1 of the journal"):
        fold(scheduler, [Entry(0.0, Completed(0, 1))], 0)


def test_a_searcher_without_suggestions_is_left_alone():
    scheduler = hyperband(SPACE, 4, 2)
    assert scheduler.init(0) == hyperband(Searcher(*random_search(SPACE)[:2]), 4, 2).init(0)
