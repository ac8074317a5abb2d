"""What a study came to, told from its record, is what its trials say."""

from hypothesis import given
from hypothesis import strategies as st

from hpo.study import outcomes
from hpo.study.records import Record, TrialRecord

losses = st.floats(-1e6, 1e6)
curves = st.lists(losses, max_size=6).map(tuple)
trials = st.lists(st.tuples(curves, st.integers(0, 3), st.booleans()), min_size=1, max_size=12)


def record_of(rows) -> Record:
    found = tuple(
        TrialRecord(n, {}, curve, len(curve) + more, error="lost" if failed else None)
        for n, (curve, more, failed) in enumerate(rows)
    )
    return Record("loss", found, (), 0, None, None)


@given(trials)
def test_the_best_is_of_those_trained_longest_that_did_not_fail(rows):
    record = record_of(rows)
    found = outcomes.of_record(record)
    alive = [curve for curve, _, failed in rows if curve and not failed]
    longest = max(map(len, alive), default=0)
    assert found.at == longest
    assert found.best == min((c[-1] for c in alive if len(c) == longest), default=None)
    assert (found.trials, found.epochs) == (len(rows), sum(len(c) for c, _, _ in rows))


@given(trials)
def test_what_is_maximised_is_the_mirror_of_what_is_minimised(rows):
    mirrored = [(tuple(-v for v in curve), more, failed) for curve, more, failed in rows]
    order = [
        [t.number for t in outcomes.ranked(record_of(each).trials, mode)]
        for each, mode in ((rows, "minimise"), (mirrored, "maximise"))
    ]
    assert order[0] == order[1]


@given(trials)
def test_whoever_came_to_a_rung_ended_there_or_went_beyond(rows):
    record = record_of(rows)
    lengths = [len(trial.curve) for trial in record.trials]
    rungs = outcomes.rungs(record)
    assert [rung.epoch for rung in rungs] == sorted({trial.goal for trial in record.trials})
    for rung in rungs:
        assert rung.came - rung.ended == sum(n > rung.epoch for n in lengths)
