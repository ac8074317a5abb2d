"""Hyperparameter optimisation: schedulers as state machines, studies as logs, executors.

space = hpo.Space({"train.learning_rate": hpo.LogFloat(1e-5, 1e-2)})
scheduler = hpo.swift_hyperband(space, max_epochs=100)
with (
    hpo.Journal("runs/study.db") as journal,
    hpo.ProcessExecutor("mytraining:objective", {}, "runs", workers=2) as executor,
):
    state = hpo.run_study(scheduler, executor, journal, seed=1)
print(hpo.summarise(state).best)
"""

import importlib
from typing import Any

_MODULES = {
    "hpo.schedulers.adaptive": ("adaptive",),
    "hpo.searchers.bayesian": ("bayesian_search",),
    "hpo.schedulers.asynchronous": ("asynchronous_swift",),
    "hpo.schedulers.asynchronous_adaptive": ("asynchronous_adaptive",),
    "hpo.schedulers.asha": ("asha",),
    "hpo.simulation.branching": ("branch",),
    "hpo.schedulers.brackets": ("hyperband_brackets", "hyperband_epochs", "hyperband_trials"),
    "hpo.searchers.bohb": ("bohb_search",),
    "hpo.estimators.search": ("AdaptiveSearchCV", "SwiftSearchCV"),
    "hpo.executors.inline": ("InlineExecutor",),
    "hpo.executors.pool": ("ExecutorError",),
    "hpo.executors.processes": ("ProcessExecutor",),
    "hpo.executors.ray": ("RayExecutor",),
    "hpo.executors.resources": ("Resources",),
    "hpo.front.loops": ("TrialStopped",),
    "hpo.front.results": ("TrialResult",),
    "hpo.front.states": ("StateError",),
    "hpo.front.study": ("Study", "StudyError"),
    "hpo.front.trial": ("Trial",),
    "hpo.front.tuning": ("tune",),
    "hpo.front.watching": ("Report", "StopStudy"),
    "hpo.schedulers.fast": ("fast_hyperband",),
    "hpo.schedulers.halving": ("full_training", "hyperband", "successive_halving", "top_n"),
    "hpo.schedulers.improved": ("Risk", "swift_improved"),
    "hpo.study.errors": ("JournalError",),
    "hpo.study.forking": ("fork",),
    "hpo.study.journal": ("Journal", "read_journal"),
    "hpo.showing.drawing.notebook": ("plot",),
    "hpo.showing.drawing.page": ("page",),
    "hpo.schedulers.pricing": ("Price",),
    "hpo.core.proposals": ("searched",),
    "hpo.study.records": ("Record",),
    "hpo.core.searcher": ("Observed", "Searcher"),
    "hpo.searchers.base": ("quasi_random_search", "random_search"),
    "hpo.simulation.simulator": ("Conditions", "Outcome", "simulate"),
    "hpo.space": (
        "Categorical", "Float", "Int", "LogFloat", "LogInt", "Space", "When", "space_around",
        "space_from_settings",
    ),
    "hpo.study.admission": ("Refused",),
    "hpo.study.keeping": ("Keeper",),
    "hpo.study.replay": ("fold",),
    "hpo.study.run": ("Unrecorded", "run_study"),
    "hpo.study.summary": ("StudySummary", "summarise"),
    "hpo.schedulers.swift": ("swift_hyperband",),
    "hpo.simulation.tables": ("Table", "read_table", "table_of", "write_table", "zoo"),
    "hpo.core.types": (
        "Completed", "Failed", "Finished", "Job", "Predict", "Predicted", "Propose", "Proposed",
        "Reported", "Scheduler", "Wait", "WorkerLost",
    ),
}  # fmt: skip
_HOME = {name: module for module, names in _MODULES.items() for name in names}
_ROOMS = {"export": "hpo.export", "predictors": "hpo.forecasting.predictors"}

__all__ = sorted({*_HOME, *_ROOMS})


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: `import hpo` alone costs nothing."""
    if name in _ROOMS:
        return importlib.import_module(_ROOMS[name])
    if name not in _HOME:
        raise AttributeError(f"module 'hpo' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
