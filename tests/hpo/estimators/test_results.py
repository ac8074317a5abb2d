"""Laws of the rows of `cv_results_`."""

import pytest
from scipy.stats import loguniform
from sklearn.datasets import make_classification
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import SGDClassifier

import hpo
from hpo.core.types import Failed, Job, WorkerLost
from hpo.estimators import results
from hpo.estimators.training import Training
from hpo.study.memory import Memory

X, Y = make_classification(60, 4, n_informative=3, n_redundant=0, random_state=0)


class Frail(SGDClassifier):
    """Breaks in its third pass where alpha is large."""

    def partial_fit(self, X, y, **more):
        if self.alpha > 1e-3 and getattr(self, "t_", 1) > 2 * len(X):
            raise ValueError("broken")
        return super().partial_fit(X, y, **more)


@pytest.mark.parametrize("kind", [hpo.SwiftSearchCV, hpo.AdaptiveSearchCV])
def test_what_failed_is_in_the_batch_in_which_it_was_trained(kind, monkeypatch):
    trained = {}

    def begin(self, original=Training._begin_batch):
        original(self)
        trained.update({(a.job.trial, a.job.last_epoch): self._batch for a in self._running})

    monkeypatch.setattr(Training, "_begin_batch", begin)
    search = kind(
        Frail(random_state=0), {"alpha": loguniform(1e-6, 1.0)}, max_epochs=9, cv=2, random_state=1,
        error_score=-1.0,
    )  # fmt: skip
    with pytest.warns(FitFailedWarning):
        search.fit(X, Y)
    columns = (search.cv_results_[name] for name in ("trial", "n_resources", "iter"))
    found = {(trial, epochs): batch + 1 for trial, epochs, batch in zip(*columns, strict=True)}
    assert found == trained
    failed = search.cv_results_["mean_test_score"] == -1.0
    assert len(set(search.cv_results_["iter"][failed])) > 1


def test_what_is_lost_or_beyond_the_last_candidate_is_in_no_batch():
    """A search that is taken up again trains what it lost in a batch of its own."""
    log = Memory()
    log.append([Job(n, {}, 0, 1) for n in range(3)])
    log.append([Failed(2, results.BEYOND), Failed(0, "broken")])
    log.append([WorkerLost(1), Job(1, {}, 0, 1), Job(3, {}, 0, 1)])
    log.append([Failed(1, "broken"), Failed(3, "broken")])
    assert [(row.trial, row.batch) for row in results.rows(log.entries())] == [
        (0, 1),
        (1, 2),
        (3, 2),
    ]
    assert results.known(log.entries()) == ({}, 2)
