"""What is shown of a study: the same from its log as from its state, and never what is not so."""

import pytest

from hpo.core.types import Job, Reported
from hpo.showing.recorded import of_log, view_of
from hpo.showing.view import NOT_PROMOTED, STATUSES, STOPPED
from hpo.study.journal import read_journal
from tests.hpo.played_studies import SCHEDULERS


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_log_shows_what_the_state_does(study, name):
    path, state = study(name)
    by_log, by_state = view_of(path), view_of(state)
    assert by_log.over
    assert by_state.over
    assert by_log.sign == by_state.sign
    assert by_log.best.number == by_state.best.number
    begun = {t.number: t for t in by_state.trials if t.curve or t.error}
    for trial in by_log.trials:
        expected = begun.pop(trial.number)
        assert trial._replace(bracket=None) == expected._replace(bracket=None)
        assert trial.bracket in (expected.bracket, None)
    assert not begun


@pytest.mark.parametrize("name", SCHEDULERS)
def test_who_is_shown_as_given_up_trains_no_more(study, name):
    """Cut anywhere where a job runs; and what is shown is what the rows say."""
    path, _ = study(name)
    header, entries = read_journal(path)
    for cut in range(0, len(entries), 7):
        view = of_log(header, entries[:cut])
        if not view.spans or all(s.end != "running" for s in view.spans):
            continue
        assert not view.over
        later = {item.trial for _, item in entries[cut:] if isinstance(item, Job | Reported)}
        given_up = {t.number for t in view.trials if t.status in (STOPPED, NOT_PROMOTED)}
        assert not given_up & later
        assert {t.status for t in view.trials} <= set(STATUSES)
        reports = [item for _, item in entries[:cut] if isinstance(item, Reported)]
        assert view.epochs == len(reports) == len(view.reports)
        running = {t.number for t in view.trials if t.status == "running"}
        assert running == {s.trial for s in view.spans if s.end == "running"}


def test_spans_are_the_jobs(study):
    path, _ = study("improved")
    header, entries = read_journal(path)
    view = of_log(header, entries)
    jobs = [item for _, item in entries if isinstance(item, Job)]
    spans = sorted((s.trial, s.first, s.goal) for s in view.spans)
    assert spans == sorted((j.trial, j.first_epoch, j.last_epoch) for j in jobs)
    assert sum(s.last - s.first for s in view.spans) == view.epochs
    assert all(0 <= s.begun <= s.ended <= view.seconds for s in view.spans)


def test_what_is_no_study_is_refused(tmp_path):
    with pytest.raises(TypeError, match="neither the file of a study's log nor"):
        view_of(3)
    with pytest.raises(FileNotFoundError, match="no study here"):
        view_of(tmp_path / "none.db")
