"""What every scheduler must satisfy, whoever trains for it, in whatever order, however it fails."""

import json

from hypothesis import given
from hypothesis import strategies as st

from hpo.core.types import (
    Completed,
    Failed,
    Job,
    Predicted,
    Reported,
    Wait,
    WorkerLost,
    event_from_json,
    event_to_json,
    from_json,
    to_json,
)
from hpo.schedulers.halving import hyperband
from hpo.study.journal import Entry
from hpo.study.replay import fold
from tests.hpo.schedulers.laws import (
    SCHEDULERS,
    SPACE,
    budget,
    few,
    laws,
    play,
    synchronous_laws,
)


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
    """And nobody trains while a prediction is made, however long it takes: no report waits."""
    reference, *_ = play(scheduler, 2, 0, failures)
    shuffled, _, log, _ = play(scheduler, 2, order, failures, losses=0.1, workers=workers)
    assert shuffled == reference
    running = set()
    for item in log:
        assert not (running and isinstance(item, Predicted))
        if isinstance(item, Job):
            running.add(item.trial)
        elif isinstance(item, Completed | Failed | WorkerLost):
            running.discard(item.trial)


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
@few
@given(order=st.integers(0, 99), failures=st.sampled_from([0, 0.3, 1]), workers=st.integers(1, 9))
def test_a_study_that_is_over_has_no_trial_underway(scheduler, order, failures, workers):
    state, *_ = play(scheduler, 7, order, failures, losses=0.1, workers=workers)
    assert {t.status for t in state.trials} <= {"completed", "stopped", "not promoted", "failed"}


@laws
@few
@given(order=st.integers(0, 99), failures=st.sampled_from([0, 0.3, 1]), workers=st.integers(1, 9))
def test_the_lowest_loss_is_that_of_all_epochs(scheduler, order, failures, workers):
    state, *_ = play(scheduler, 8, order, failures, losses=0.1, workers=workers)
    losses = [state.sign * value for trial in state.trials for value in trial.curve]
    if hasattr(state, "lowest"):  # of those that ask for predictions
        assert state.lowest == min(losses, default=None)


@laws
@few
@given(order=st.integers(0, 99), failures=st.sampled_from([0, 0.3]), workers=st.integers(1, 9))
def test_that_a_trial_does_not_go_on_is_said_once(scheduler, order, failures, workers):
    """For each rung and epoch: what was foreseen of those who only stand by is not shown again."""
    state, *_ = play(scheduler, 1, order, failures, workers=workers)
    said = [
        (p.trial, p.rung, p.epoch) for p in getattr(state, "predictions", ()) if not p.continued
    ]
    assert len(said) == len(set(said))


@laws
def test_trials_depend_on_the_seed_alone(scheduler):
    configurations = [
        [t.configuration for t in play(scheduler, seed)[0].trials] for seed in (5, 5, 6)
    ]
    assert configurations[0] == configurations[1]
    assert not any(c in configurations[0] for c in configurations[2])


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
