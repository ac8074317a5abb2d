"""What a record says of time."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.types import Completed, Job, Reported
from hpo.study.journal import Entry
from hpo.study.records import read

waits = st.lists(st.floats(0, 1e4), min_size=2, max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.floats(1e9, 2e9), st.dictionaries(st.integers(0, 9), waits, min_size=1, max_size=3))
def test_a_trial_took_what_passed_from_its_job_to_its_last_report(begun, trials):
    """Trials one after the other, each without a pause."""
    entries, now = [], begun
    for number, passed in trials.items():
        epochs, steps = len(passed), list(itertools.accumulate(passed))
        entries.append(Entry(now, Job(number, {}, 0, epochs)))
        reports = enumerate(steps, start=1)
        entries += [Entry(now + t, Reported(number, e, {"loss": 1.0})) for e, t in reports]
        now += steps[-1]
        entries.append(Entry(now, Completed(number, epochs)))
    record = read(entries, "loss")
    assert [t.number for t in record.trials] == sorted(trials)
    for trial in record.trials:
        assert trial.seconds == pytest.approx(sum(trials[trial.number]), abs=1e-5)
