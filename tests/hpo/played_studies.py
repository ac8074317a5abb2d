"""Studies of every scheduler, as a log and as the state that they ended in."""

import functools
import math
from pathlib import Path

from hpo.executors.inline import InlineExecutor
from hpo.schedulers.adaptive import adaptive
from hpo.schedulers.asha import asha
from hpo.schedulers.asynchronous import asynchronous_swift
from hpo.schedulers.asynchronous_adaptive import asynchronous_adaptive
from hpo.schedulers.fast import fast_hyperband
from hpo.schedulers.halving import full_training, hyperband, successive_halving
from hpo.schedulers.improved import swift_improved
from hpo.schedulers.swift import swift_hyperband
from hpo.space import Categorical, Float, Int, LogFloat, Space, When
from hpo.study.journal import Entry, Journal
from hpo.study.run import Unrecorded, run_study

SPACE = Space(
    {
        "train.rate": LogFloat(1e-4, 1.0),
        "kind": Categorical("a", "b<c>"),
        "heads": When("kind", ("a",), Int(1, 4)),
        "noise": Float(0, 1),
    }
)
SCHEDULERS = {
    "full": lambda: full_training(SPACE, 6, 4),
    "halving": lambda: successive_halving(SPACE, 27, 9, 3, rounds=3),
    "hyperband": lambda: hyperband(SPACE, 9, 3),
    "hyperband side by side": lambda: hyperband(SPACE, 9, 3, concurrent_brackets=3),
    "swift": lambda: swift_hyperband(SPACE, 27, 3, min_curves=4),
    "fast": lambda: fast_hyperband(SPACE, 9, 3, min_curves=4),
    "improved": lambda: swift_improved(SPACE, 27, 3),
    "asha": lambda: asha(SPACE, 20, 9, 3),
    "asha, stopping": lambda: asha(SPACE, 20, 9, 3, variant="stopping"),
    "asynchronous": lambda: asynchronous_swift(SPACE, 9, 3),
    "adaptive": lambda: adaptive(SPACE, 9, 3),
    "adaptive, asynchronous": lambda: asynchronous_adaptive(SPACE, 9, 3),
    "maximise": lambda: hyperband(SPACE, 9, 3, metric="score", mode="maximise"),
}


def objective(trial, metric="loss"):
    rate = trial.configuration["train.rate"]
    for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
        if rate > 0.5 and epoch > trial.number % 3:
            raise RuntimeError("it <b>diverged</b> & ended")
        value = (math.log10(rate) + 2) ** 2 / 4 + epoch ** -(0.3 + rate)
        yield {metric: value, "other": 1.0}


@functools.cache
def played(name: str, path: Path):
    scheduler = SCHEDULERS[name]()
    executor = InlineExecutor(functools.partial(objective, metric=scheduler.metric), 3, seed=1)
    log = Kept()
    state = run_study(scheduler, executor, log, 2)
    with Journal(path) as journal:
        journal.begin(scheduler.settings, 2)
        journal.extend(log.kept)
    return state


class Kept(Unrecorded):
    """A log in memory: a second lies between two rows."""

    def __init__(self):
        self.kept = []

    def append(self, items):
        self.kept += [Entry(1e9 + len(self.kept) + i, item) for i, item in enumerate(items)]
