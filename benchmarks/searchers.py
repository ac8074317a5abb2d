"""Searchers: how fast they propose and what they find; and the journal they are recorded in.

python -m benchmarks.searchers ../shared/learning_curves/mlpf_delphes.csv [--json=OUT]

proposals   per second of CPU time, with so many finished trials to learn from
found       ASHA (eta 3) over 60 trials of the table with each searcher: a proposal trains as the
            nearest row in the unit cube did. The lowest loss found, and the share of seeds in which
            it is lower than random search's (ties count half)
journal     events per second that are on the disk (wall time; a batch is a transaction), and rows
            per second that are read back (CPU time)
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from benchmarks.machine import cpu_seconds, machine
from hpo.core.searcher import Observed, Searcher
from hpo.core.types import Reported, Trial
from hpo.executors.inline import InlineExecutor
from hpo.schedulers.asha import asha
from hpo.searchers.base import quasi_random_search, random_search
from hpo.searchers.bayesian import bayesian_search
from hpo.searchers.bohb import bohb_search
from hpo.simulation.tables import Table, read_table
from hpo.space import Float, Space, space_around
from hpo.study.journal import Journal
from hpo.study.run import Unrecorded, run_study
from hpo.study.summary import summarise

SEARCHERS = {
    "random": random_search,
    "quasi random": quasi_random_search,
    "bayesian": bayesian_search,
    "bohb": bohb_search,
}


def proposals(make, trials: int, hyperparameters: int = 7) -> float:
    """Per second of CPU time, after `trials` finished ones."""
    space = Space({f"x{i}": Float(0, 1) for i in range(hyperparameters)})
    searcher, draws = make(space), random_search(space)
    observed = tuple(
        Observed(n, c, (sum(v**2 for v in c.values()),), False)
        for n, c in ((n, draws.propose(0, n)) for n in range(trials))
    )
    some = range(trials, trials + 5)
    return len(some) / cpu_seconds(lambda: [_ask(searcher, n, observed) for n in some], 5)


def found(table: Table, make, seed: int, trials: int = 60, workers: int = 4) -> float:
    """The loss that ASHA returns with this searcher on the nearest rows of the table."""
    space = space_around(table.configurations)
    places = np.array([space.encode(c) for c in table.configurations])

    def objective(trial: Trial) -> Iterator[Mapping[str, float]]:
        row = np.argmin(((places - space.encode(trial.configuration)) ** 2).sum(1))
        for value in table.curves[row, trial.first_epoch : trial.last_epoch]:
            yield {"loss": float(value)}

    scheduler = asha(make(space), trials, table.curves.shape[1], 3)
    summary = summarise(
        run_study(scheduler, InlineExecutor(objective, workers), Unrecorded(), seed)
    )
    return summary.trials[summary.best].curve[-1]


def compare(table: Table, seeds: range) -> dict[str, dict[str, float]]:
    """What each searcher finds, beside random search on the same seeds."""
    base = np.array([found(table, random_search, seed) for seed in seeds])
    out = {}
    for name, make in SEARCHERS.items():
        losses = base if name == "random" else np.array([found(table, make, s) for s in seeds])
        out[name] = {
            "loss": float(losses.mean()),
            "sem": float(losses.std(ddof=1) / np.sqrt(len(losses))),
            "better": float(np.mean((losses < base) + 0.5 * (losses == base))),
        }
    return out


def journal_rates(folder: Path) -> dict[str, float]:
    """Events per second: durable by size of the batch, and read back."""
    rates = {}
    for batch, count in ((1, 200), (10, 2000), (100, 20000), (1000, 50000)):
        events = [Reported(i % 100, i // 100 + 1, {"loss": 1 / (i + 1)}) for i in range(count)]
        with Journal(folder / f"{batch}.db") as journal:
            start = time.monotonic()
            for i in range(0, count, batch):
                journal.append(events[i : i + batch])
            rates[f"durable in batches of {batch}"] = count / (time.monotonic() - start)
            if batch == 1000:
                seconds = cpu_seconds(lambda journal=journal: [*journal.entries()], 5)
                rates["read"] = count / seconds
    return rates


def _ask(searcher: Searcher, number: int, observed: tuple[Observed, ...]) -> Mapping:
    if searcher.suggest is None:
        return searcher.propose(0, number)
    return searcher.suggest(0, number, observed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="*", help="tables of learning curves")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="a folder on the disk to be measured")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    figures: dict = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    figures["proposals"] = {
        name: {trials: proposals(make, trials) for trials in (50, 200)}
        for name, make in SEARCHERS.items()
    }
    for name, rates in figures["proposals"].items():
        print(name, ", ".join(f"{r:.0f}/s after {n} trials" for n, r in rates.items()), flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        figures["journal"] = journal_rates(Path(folder))
    for name, rate in figures["journal"].items():
        print(f"journal, {name}: {rate:.0f}/s", flush=True)
    figures["found"] = {}
    for path in options.files:
        rows = figures["found"][path.name] = compare(read_table(path), range(options.seeds))
        for name, row in rows.items():
            print(
                f"{path.name}, ASHA + {name}: {row['loss']:.5g} +- {row['sem']:.2g}, "
                f"better than random in {row['better']:.0%}"
            )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
