"""What a study costs beside its trainings: idle workers, slow decisions, long logs.

python -m benchmarks.executors [--ray] [--workers=8] [--epochs=160] [--json=figures.json]
python -m benchmarks.executors --answers [--json=figures.json]

Four figures: the share of the workers' time in which they train, from the first epoch of each to
its last, with epochs of a second, on processes of this machine and, with --ray, on a Ray cluster
started for it; the time in which a driver of MANY workers starts all of them, and its decisions,
from what it hears to its next look, the log's way to the disk included; the CPU time in which a
log is read and folded into the study's state; and how long the driver predicts or proposes, and so
reports wait where others train meanwhile (--answers: this alone). The driver is the real one; where
it has MANY workers, they are on a virtual clock.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import hpo
from benchmarks.machine import machine
from hpo.executors.pool import Pool

EPOCH_S = 1.0
LENGTH = 5  # epochs of each of the trials that workers are kept busy with
MANY = 1000
LOGGED = 100_000  # epochs of the log that is folded
SPACE = hpo.Space({"x": hpo.Float(0.0, 1.0)})


def sleepy(settings: Mapping[str, Any]) -> Callable[[hpo.Trial], Iterator[Mapping[str, float]]]:
    """Trials whose epochs take EPOCH_S and no processor; when, and in which worker, is noted."""

    def objective(trial: hpo.Trial) -> Iterator[Mapping[str, float]]:
        for epoch in range(trial.first_epoch, trial.last_epoch):
            begun = time.monotonic()
            time.sleep(EPOCH_S)
            with (trial.folder / "epochs.jsonl").open("a") as log:
                log.write(json.dumps([os.getpid(), begun, time.monotonic()]) + "\n")
            yield {"loss": trial.configuration["x"] + 1 / (epoch + 1)}

    return objective


def curve(trial: hpo.Trial) -> Iterator[Mapping[str, float]]:
    """Losses that cost nothing."""
    for epoch in range(trial.first_epoch, trial.last_epoch):
        yield {"loss": trial.configuration["x"] + 1 / (epoch + 1)}


def share_in_training(
    make: Callable[..., Pool], workers: int, epochs: int, **options: Any
) -> float:
    """Of the time of all workers, from the first epoch of each to its last."""
    scheduler = hpo.full_training(SPACE, max(1, epochs // LENGTH), LENGTH)
    with tempfile.TemporaryDirectory() as folder:
        with (
            hpo.Journal(Path(folder) / "study.db") as journal,
            make("benchmarks.executors:sleepy", {}, folder, workers, **options) as executor,
        ):
            hpo.run_study(scheduler, executor, journal, 1)
        spans = defaultdict(list)
        for log in Path(folder).glob("trial-*/epochs.jsonl"):
            for line in log.read_text().splitlines():
                worker, *span = json.loads(line)
                spans[worker].append(span)
    trained = sum(end - begun for each in spans.values() for begun, end in each)
    there = sum(max(e for _, e in each) - min(b for b, _ in each) for each in spans.values())
    return trained / there


class Watched(hpo.InlineExecutor):
    """Virtual workers that note how long the driver takes from what it hears to its next look."""

    def __init__(self, workers: int):
        super().__init__(curve, workers)
        self.looked: list[tuple[float, float]] = []  # when the driver came, and left

    def wait(self) -> Any:
        came = time.monotonic()
        told = super().wait()
        self.looked.append((came, time.monotonic()))
        return told


def driver(scheduler: Any) -> dict[str, float]:
    """How fast a study of MANY workers starts and decides, beside what a row costs on this disk."""
    with tempfile.TemporaryDirectory() as folder, hpo.Journal(Path(folder) / "study.db") as journal:
        executor, begun = Watched(MANY), time.monotonic()
        hpo.run_study(scheduler, executor, journal, 1)
        rows = []
        for _ in range(100):
            before = time.monotonic()
            journal.append([hpo.WorkerLost(0)])
            rows.append(time.monotonic() - before)
    looked = executor.looked
    waits = [after - left for (_, left), (after, _) in itertools.pairwise(looked)]
    cuts = statistics.quantiles(waits, n=100)
    return {
        "start_s": looked[0][0] - begun,
        "decisions": len(waits),
        "latency_median_ms": 1e3 * cuts[49],
        "latency_p99_ms": 1e3 * cuts[98],
        "row_median_ms": 1e3 * statistics.median(rows),
        "row_p99_ms": 1e3 * statistics.quantiles(rows, n=100)[98],
    }


def folding(epochs: int) -> dict[str, float]:
    """CPU seconds for a log of so many epochs."""
    scheduler = hpo.full_training(SPACE, epochs // 100, 100)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.db"
        rows: list[Any] = []

        class Kept(hpo.Unrecorded):
            def append(self, items: Any) -> None:
                rows.extend(items)

        hpo.run_study(scheduler, hpo.InlineExecutor(curve, 100), Kept(), 1)
        with hpo.Journal(path) as journal:
            journal.append(rows)
        begun = time.process_time()
        entries = hpo.read_journal(path)[1]
        read = time.process_time()
        hpo.fold(scheduler, entries, 1)
        return {"rows": len(entries), "read_s": read - begun, "fold_s": time.process_time() - read}


class Busy(hpo.InlineExecutor):
    """Virtual workers, of whom it is known how many have a job."""

    running = 0

    def submit(self, job: hpo.Job, attempt: int) -> None:
        self.running += 1
        super().submit(job, attempt)

    def wait(self) -> Any:
        told = super().wait()
        self.running -= sum(isinstance(each.event, hpo.Completed | hpo.Failed) for each in told)
        return told


def answers(scheduler: Any, objective: Any) -> dict[str, float]:
    """CPU time of a study's predictions and proposals, and of those that are made while others
    train, whose reports wait."""
    executor, took, waited = Busy(objective, 8), [], []

    def timed(state: Any, action: Any) -> Any:
        begun = time.process_time()
        answer = scheduler.predict(state, action)
        took.append(1e3 * (time.process_time() - begun))
        if executor.running:
            waited.append(took[-1])
        return answer

    hpo.run_study(scheduler._replace(predict=timed), executor, hpo.Unrecorded(), 1)
    found = {"answers": len(took), "while_others_train": len(waited)}
    for name, times in (("", took), ("waited_", waited)):
        if len(times) > 1:
            found[f"{name}median_ms"] = statistics.median(times)
            found[f"{name}p99_ms"] = statistics.quantiles(times, n=100, method="inclusive")[98]
    return found


def answering() -> Iterator[tuple[str, dict[str, float]]]:
    """Schedulers that predict, on trainings of particle flow, and a searcher that fits a model."""
    table = hpo.read_table(hpo.zoo()["mlpf"])
    rows, last = table.searcher(), table.curves.shape[1]

    def row(trial: hpo.Trial) -> Iterator[Mapping[str, float]]:
        losses = table.curves[int(trial.configuration["row"])]
        return ({"loss": float(x)} for x in losses[trial.first_epoch : trial.last_epoch])

    lkgp = hpo.predictors.lkgp(hpo.space_around(table.configurations))
    yield "swift_improved", answers(hpo.swift_improved(rows, last, 2), row)
    yield "swift, lkgp", answers(hpo.swift_hyperband(rows, last, 2, predictor=lkgp), row)
    yield "adaptive", answers(hpo.adaptive(rows, last, 2), row)
    yield "asynchronous_swift", answers(hpo.asynchronous_swift(rows, last), row)
    yield "asynchronous_adaptive", answers(hpo.asynchronous_adaptive(rows, last), row)
    yield "asha, bayesian", answers(hpo.asha(hpo.bayesian_search(SPACE), 100, 27, 3), curve)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ray", action="store_true")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=160)
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "workers": arguments.workers}

    def tell(name: str, figures: Any) -> None:
        found[name] = figures
        print(name, json.dumps(figures), flush=True)

    print(machine())
    for name, figures in answering():
        tell(f"answers, {name}", figures)
    if not arguments.answers:
        measure(arguments, tell)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))


def measure(arguments: argparse.Namespace, tell: Callable[[str, Any], None]) -> None:
    """All that needs workers, or many of them."""
    # MANY workers start with trials of one epoch; they go on with those that get on.
    tell("driver, hyperband", driver(hpo.hyperband(SPACE, 729, 3)))
    tell("driver, asha", driver(hpo.asha(SPACE, 3 * MANY, 81, 3)))
    tell("folding", folding(LOGGED))
    work = (arguments.workers, arguments.epochs)
    tell("share, processes", share_in_training(hpo.ProcessExecutor, *work))
    if arguments.ray:
        tenth = hpo.Resources(cores=0.1)
        tell("share, ray", share_in_training(hpo.RayExecutor, *work, resources=tenth))


if __name__ == "__main__":
    main()
