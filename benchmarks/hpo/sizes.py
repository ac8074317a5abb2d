"""What size costs: many trials, long curves, large studies. CPU time of one core."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import hpo
from benchmarks.hpo.deciding import loss
from benchmarks.machine import cpu_seconds
from hpo.core.types import Completed, Job, Predict, Reported
from hpo.simulation.tables import Table

SPACE = hpo.Space({"x": hpo.Float(0, 1)})


def play(scheduler: hpo.Scheduler, jobs: int | None = None) -> Iterator[tuple[Any, list]]:
    """Jobs and events of a study with one worker: (state before, what follows), job by job."""
    state, done = scheduler.init(0), 0
    while jobs is None or done < jobs:
        before = state
        state, action = scheduler.ask(state)
        if isinstance(action, Predict):
            event = scheduler.predict(state, action)
            state = scheduler.tell(state, event)
            yield before, [event]
            continue
        if not isinstance(action, Job):
            return
        items: list = [action]
        for epoch in range(action.first_epoch + 1, action.last_epoch + 1):
            items.append(Reported(action.trial, epoch, {"loss": loss(action.trial, epoch)}))
        items.append(Completed(action.trial, action.last_epoch))
        yield before, items
        for item in items[1:]:
            state = scheduler.tell(state, item)
        done += 1


def growth(sizes: tuple[int, ...]) -> dict[str, float]:
    """Microseconds for one job of an ASHA study (ask, report, complete) after so many of them."""
    table = Table("none", ({"x": 0.0},), np.zeros((1, 1)))
    scheduler = hpo.asha(table.searcher(), sizes[-1] + 1000, 81, 3)
    found, start, window = {}, 0.0, 1000
    for number, (state, _) in enumerate(play(scheduler)):
        began = len(state.trials)
        if began in sizes and f"{began} trials" not in found and not start:
            start, first = time.process_time(), number
        if start and number == first + window:
            size = max(s for s in sizes if s <= began)
            found[f"{size} trials"] = 1e6 * (time.process_time() - start) / window
            start = 0.0
            if size == sizes[-1]:
                break
    return found


def long_curve(sizes: tuple[int, ...]) -> dict[str, float]:
    """Microseconds to tell one report of a trial that has done so many epochs."""
    window = 1000
    scheduler = hpo.full_training(SPACE, 1, sizes[-1] + window)
    state, found = scheduler.ask(scheduler.init(0))[0], {}
    reports = [Reported(0, e + 1, {"loss": loss(0, e + 1)}) for e in range(sizes[-1] + window)]
    done = 0
    for size in sizes:
        state = scheduler.extend(state, reports[done:size])
        start = time.process_time()
        for report in reports[size : size + window]:
            state = scheduler.tell(state, report)
        found[f"{size} epochs"] = 1e6 * (time.process_time() - start) / window
        done = size + window
    return found


def studies(repeats: int, large: bool) -> dict[str, float]:
    """Milliseconds for a simulated study of Hyperband's size, R=100, eta=2; and, where `large`,
    once for one of 27,000 epochs (R=729, eta=3)."""
    small, big = _table(300, 100), _table(1300, 729)
    found = {}
    for name in (
        "hyperband",
        "swift_improved",
        "asynchronous_swift",
        "adaptive",
        "asynchronous_adaptive",
    ):
        make = getattr(hpo, name)
        found[name] = 1e3 * cpu_seconds(_study(make(small.searcher(), 100, 2), small), repeats)
        if large:
            study = _study(make(big.searcher(), 729, 3), big)
            found[f"{name}, R=729"] = 1e3 * cpu_seconds(study, 1)
    return found


def _table(rows: int, epochs: int) -> Table:
    generator = np.random.default_rng(0)
    rate = 0.3 + generator.uniform(size=(rows, 1))
    curves = generator.uniform(size=(rows, 1)) + np.arange(1, epochs + 1) ** -rate
    curves += generator.normal(0, 0.01, curves.shape)
    return Table("none", tuple({"i": i} for i in range(rows)), curves)


def _study(scheduler: hpo.Scheduler, table: Table) -> Callable[[], object]:
    return lambda: hpo.simulate(scheduler, table, 0)
