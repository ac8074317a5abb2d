"""Rates of the core: reports folded and told, decisions of large studies, journal, simulator.

python -m benchmarks.hpo [--json=figures.json] [--quick]
python -m benchmarks.hpo --quality ...     what schedulers find: benchmarks.hpo.quality.running

CPU time of one core, the median of several repeats; the journal's is wall time, because it waits
for the disk. ASHA stands beside those of Ray Tune, Syne Tune and Optuna, asked in turn, in an
environment of their own (`make bench-hpo-env`); without it the program says so.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import hpo
from benchmarks.hpo.deciding import EPOCHS, ETA, PEERS, loss
from benchmarks.hpo.quality import running
from benchmarks.hpo.sizes import SPACE, growth, long_curve, play, studies
from benchmarks.machine import cpu_seconds, machine
from hpo.core.types import Completed, Job, Reported
from hpo.study.journal import Entry

ROOT = Path(__file__).parents[2]
PEER_PYTHON = ROOT / ".bench-hpo-venv" / "bin" / "python"


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


def journal(batch: int, batches: int) -> float:
    """Durable events a second, in batches."""
    with tempfile.TemporaryDirectory() as folder, hpo.Journal(Path(folder) / "study.db") as log:
        log.begin({}, 0)
        events = [Reported(0, epoch, {"loss": 0.5}) for epoch in range(1, batch + 1)]
        start = time.monotonic()
        for _ in range(batches):
            log.append(events)
        return batch * batches / (time.monotonic() - start)


def ours(trials: int) -> dict[str, float]:
    """ASHA as the peers have it: the variant that stops, told one report at a time.

    In its time are drawing the configurations, asking, and completing each job.
    """
    start, reports = time.process_time(), 0
    scheduler = hpo.asha(SPACE, trials, EPOCHS, ETA, variant="stopping")
    state, action = scheduler.ask(scheduler.init(0))
    while isinstance(action, Job):
        for epoch in range(action.first_epoch + 1, action.last_epoch + 1):
            metrics = {"loss": loss(action.trial, epoch)}
            state = scheduler.tell(state, Reported(action.trial, epoch, metrics))
        reports += action.last_epoch - action.first_epoch
        state = scheduler.tell(state, Completed(action.trial, action.last_epoch))
        state, action = scheduler.ask(state)
    return {"reports": reports, "seconds": time.process_time() - start}


def beside_peers(trials: int, rounds: int) -> dict[str, dict[str, Any]]:
    """Reports a second of everybody, and ours over theirs: medians over rounds."""
    process = subprocess.Popen(
        [PEER_PYTHON, "-m", "benchmarks.hpo.deciding"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:

        def theirs(peer: str, trials: int) -> dict[str, Any]:
            process.stdin.write(json.dumps({"peer": peer, "trials": trials}) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline() or '{"error": "its process ended"}')

        first = {peer: theirs(peer, 30) for peer in PEERS}  # imports, and whether it works
        able = [peer for peer in PEERS if "error" not in first[peer]]
        found = {name: [] for name in ("ours", *able)}
        for _ in range(rounds):
            for name in found:
                found[name].append(ours(trials) if name == "ours" else theirs(name, trials))
    rates = {n: [f["reports"] / f["seconds"] for f in found[n]] for n in found}
    return {peer: first[peer] for peer in PEERS if peer not in able} | {
        name: {
            "version": first.get(name, {}).get("version", ""),
            "reports": found[name][0]["reports"],
            "reports/s": statistics.median(rates[name]),
            "ours over theirs": statistics.median(
                a / b for a, b in zip(rates["ours"], rates[name], strict=True)
            ),
        }
        for name in found
    }


def _beside(row: dict[str, Any]) -> str:
    if "error" in row:
        return row["error"]
    return (
        f"{row['reports']} reports, {row['reports/s']:,.0f}/s, ours {row['ours over theirs']:.2f} "
        "times as many"
    )


def main() -> None:
    if "--quality" in sys.argv[1:]:
        return running.main([word for word in sys.argv[1:] if word != "--quality"])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quality", action="store_true", help="what schedulers find, and peers")
    parser.add_argument("--quick", action="store_true", help="small studies: a check, no figure")
    options = parser.parse_args()
    repeats = 1 if options.quick else 7
    figures: dict[str, Any] = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    print(f"{figures['machine']}, {figures['date']}")
    for name, scheduler in {
        "Hyperband R=100 eta=2": hpo.hyperband(SPACE, 100, 2),
        "Hyperband R=243 eta=3": hpo.hyperband(SPACE, 243, 3),
        "ASHA, promotion, 1000 trials": hpo.asha(SPACE, 1000, EPOCHS, ETA),
        "ASHA, stopping, 1000 trials": hpo.asha(SPACE, 1000, EPOCHS, ETA, variant="stopping"),
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
    figures["microseconds a report"] = long_curve((100, 5000) if options.quick else (100, 40_000))
    for name, value in figures["microseconds a report"].items():
        print(f"one report, told after {name}: {value:.1f} us")
    figures["journal events/s"] = {n: journal(n, 2 if options.quick else 20) for n in (100, 1000)}
    for size, value in figures["journal events/s"].items():
        print(f"journal, batches of {size}: {value:,.0f} durable events/s")
    figures["simulated study, ms"] = studies(repeats, large=not options.quick)
    for name, value in figures["simulated study, ms"].items():
        print(f"a simulated study, {name}: {value:.1f} ms")
    for trials, rounds in ((100, 1),) if options.quick else ((1000, 7), (4000, 1)):
        if not PEER_PYTHON.exists():
            print("no peers: make bench-hpo-env has not been run")
            break
        rows = figures[f"ASHA of {trials} trials"] = beside_peers(trials, rounds)
        for name, row in rows.items():
            print(f"ASHA of {trials} trials, {name} {row.get('version', '')}: {_beside(row)}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
