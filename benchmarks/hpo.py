"""Rates of the core: reports folded and told, decisions of large studies, journal, simulator.

python -m benchmarks.hpo [--json=figures.json] [--quick]

CPU time of one core, the median of several repeats; the journal's is wall time, because it waits
for the disk. Optuna's SuccessiveHalvingPruner stands beside ours where Optuna can be imported.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import hpo
from benchmarks.machine import cpu_seconds, machine
from hpo.journal import Entry
from hpo.tables import Table
from hpo.types import Completed, Job, Predict, Reported

SPACE = hpo.Space({"x": hpo.Float(0, 1)})


def loss(trial: int, epoch: int) -> float:
    return math.sin(trial * 12.9898) + 1 / epoch


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


def rates(scheduler: hpo.Scheduler, repeats: int) -> dict[str, float]:
    """Reports a second: folded from a log, and told one by one with all else that happens."""
    log = [item for _, items in play(scheduler) for item in items]
    entries = [Entry(0.0, item) for item in log]
    reports = sum(isinstance(item, Reported) for item in log)

    def tell_all() -> None:
        state = scheduler.init(0)
        for item in log:
            if isinstance(item, Job):
                state, _ = scheduler.ask(state)
            else:
                state = scheduler.tell(state, item)

    return {
        "reports": reports,
        "folded reports/s": reports / cpu_seconds(lambda: hpo.fold(scheduler, entries, 0), repeats),
        "told reports/s": reports / cpu_seconds(tell_all, repeats),
    }


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


def journal(batch: int, batches: int) -> float:
    """Durable events a second, in batches."""
    with tempfile.TemporaryDirectory() as folder, hpo.Journal(Path(folder) / "study.db") as log:
        log.begin({}, 0)
        events = [Reported(0, epoch, {"loss": 0.5}) for epoch in range(1, batch + 1)]
        start = time.monotonic()
        for _ in range(batches):
            log.append(events)
        return batch * batches / (time.monotonic() - start)


def studies(repeats: int) -> dict[str, float]:
    """Milliseconds for a simulated study of Hyperband's size (R=100, eta=2)."""
    generator = np.random.default_rng(0)
    curves = generator.uniform(size=(300, 1)) + np.arange(1, 101) ** -0.5
    table = Table("none", tuple({"i": i} for i in range(300)), curves)
    found = {}
    for name in ("hyperband", "swift_improved", "asynchronous_swift"):
        scheduler = getattr(hpo, name)(table.searcher(), 100, 2)
        found[name] = 1e3 * cpu_seconds(_study(scheduler, table), repeats)
    return found


def _study(scheduler: hpo.Scheduler, table: Table) -> Callable[[], object]:
    return lambda: hpo.simulate(scheduler, table, 0)


def optuna_rate(trials: int) -> float | None:
    """Reports (and asking whether to prune) a second in memory; None where Optuna is absent."""
    try:
        import optuna
    except ImportError:
        return None
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def work() -> None:
        study = optuna.create_study(
            sampler=optuna.samplers.RandomSampler(seed=0),
            pruner=optuna.pruners.SuccessiveHalvingPruner(reduction_factor=3),
        )
        for _ in range(trials):
            trial = study.ask()
            for epoch in range(1, 82):
                trial.report(loss(trial.number, epoch), epoch)
                if trial.should_prune():
                    break
            study.tell(trial, loss(trial.number, 81))

    start = time.process_time()
    work()
    return trials * 3 / (time.process_time() - start)  # about three reports a trial at eta=3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="small studies: a check, no figure")
    options = parser.parse_args()
    repeats = 1 if options.quick else 7
    figures: dict[str, Any] = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    print(f"{figures['machine']}, {figures['date']}")
    for name, scheduler in {
        "Hyperband R=100 eta=2": hpo.hyperband(SPACE, 100, 2),
        "Hyperband R=243 eta=3": hpo.hyperband(SPACE, 243, 3),
        "ASHA, promotion, 1000 trials": hpo.asha(SPACE, 1000, 81, 3),
    }.items():
        figures[name] = rates(scheduler, repeats)
        print(
            f"{name}: {figures[name]['reports']} reports, "
            f"{figures[name]['folded reports/s']:,.0f}/s folded, "
            f"{figures[name]['told reports/s']:,.0f}/s told"
        )
    figures["ASHA, microseconds a job"] = growth((100, 500) if options.quick else (1000, 100_000))
    for name, value in figures["ASHA, microseconds a job"].items():
        print(f"ASHA, one job after {name}: {value:.1f} us")
    figures["journal events/s"] = {n: journal(n, 2 if options.quick else 20) for n in (100, 1000)}
    for size, value in figures["journal events/s"].items():
        print(f"journal, batches of {size}: {value:,.0f} durable events/s")
    figures["simulated study, ms"] = studies(repeats)
    for name, value in figures["simulated study, ms"].items():
        print(f"a simulated study, {name}: {value:.1f} ms")
    figures["optuna reports/s"] = optuna_rate(20 if options.quick else 500)
    rate = figures["optuna reports/s"]
    print("Optuna is not installed" if rate is None else f"Optuna: {rate:,.0f} reports/s")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
