"""Speed and memory of `datasets`, on one core: medians of CPU time.

python -m benchmarks.datasets [--json=figures.json] [--quick]

* simulation: collisions to tracks, clusters and candidates, events/s for each process
* truth: vectorised over events, against per-event Python loops of the same rules (the oracle of
  the tests) on the same events
* batches: padded batches of 32 out of the memory-mapped cache, events/s
* building: peak memory of `launch.build_dataset`, its workers included, for N and for 4 N events
"""

import os

# One core: set before numpy is imported.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import cpu_seconds, machine
from datasets import batches
from datasets import samples as stored
from datasets.events import take_events
from datasets.simulation import PROCESSES, simulate
from datasets.truth import target, truth
from tests.datasets.truth.naive_truth import naive_truth

ROOT = Path(__file__).parents[1]


def simulation(events: int, repeats: int) -> dict[str, float]:
    """Events per CPU second, by process."""
    return {
        process: events / cpu_seconds(lambda p=process: simulate(p, events, seed=5), repeats)
        for process in PROCESSES
    }


def hit_density(events: int) -> dict[str, float]:
    """Median numbers per ttbar event."""
    data = simulate("ttbar", events, seed=6)
    in_tracker = data.hits["subdetector"] == 3
    tracker = np.bincount(data.hits.event[in_tracker], minlength=data.events)
    return {
        "calorimeter hits": float(np.median(data.hits.counts - tracker)),
        "tracker hits": float(np.median(tracker)),
        "tracks": float(np.median(data.tracks.counts)),
        "clusters": float(np.median(data.clusters.counts)),
    }


def truth_against_loops(events: int, repeats: int) -> dict[str, float]:
    """CPU seconds per event of both, and their ratio; loops and arrays agree on who is visible."""
    data = simulate("ttbar", events, seed=7)
    single = [take_events(data, np.array([i])) for i in range(events)]
    fates = [naive_truth(event, truth.PRESENT)[0] for event in single]
    if sum(map(len, fates)) != len(truth.truth(data).rows):
        raise AssertionError("the two truths differ")
    loops = cpu_seconds(lambda: [naive_truth(e, truth.PRESENT) for e in single], 1) / events
    arrays = cpu_seconds(lambda: truth.truth(data), repeats) / events
    return {"loops": loops, "arrays": arrays, "ratio": loops / arrays}


def batches_from_cache(events: int, repeats: int) -> float:
    """Events per CPU second, an epoch of shuffled batches at a time."""
    made = target.to_samples(simulate("ttbar", min(events, 256), seed=8))
    many = stored.take(made, np.arange(events) % made.events)
    with tempfile.TemporaryDirectory() as folder:
        stored.save(Path(folder) / "cache", many)
        samples = stored.load(Path(folder) / "cache")
        plan = batches.make_plan(np.diff(samples.offsets), batch_size=32, buckets=4)
        sampler = batches.Sampler(samples, plan, seed=0)
        steps = sampler.steps_per_epoch
        return events / cpu_seconds(lambda: [sampler(step) for step in range(steps)], repeats)


def building_memory(events: int, elements: str) -> float:
    """GB of the build's processes together (proportional share), at their peak."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "launch.build_dataset", "--process=ttbar", "--workers=2",
            f"--events={events}", f"--data_dir={folder}", f"--elements={elements}",
        ]  # fmt: skip
        build = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        peak = 0.0
        while build.poll() is None:
            peak = max(peak, sum(_share(pid) for pid in _family(build.pid)))
            time.sleep(0.2)
        if build.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {build.returncode}")
        return peak


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in _family(int(child)))]


def _share(pid: int) -> float:
    """GB of a process, memory that it shares counted in parts."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="fewer events: a check, no figure")
    options = parser.parse_args()
    events, repeats = (16, 1) if options.quick else (128, 5)
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d")}
    print(f"{figures['machine']}, {figures['date']}")
    figures["simulation events/s"] = simulation(events, repeats)
    for process, rate in figures["simulation events/s"].items():
        print(f"simulation {process:12} {rate:8.0f} events/s")
    figures["ttbar event"] = hit_density(events)
    print("per ttbar event:", ", ".join(f"{n:.0f} {k}" for k, n in figures["ttbar event"].items()))
    figures["truth seconds/event"] = compared = truth_against_loops(events // 4, repeats)
    print(
        f"truth: {1e3 * compared['arrays']:.2f} ms an event, loops "
        f"{1e3 * compared['loops']:.1f} ms: {compared['ratio']:.0f} times faster"
    )
    figures["batches events/s"] = batches_from_cache(events * 32, repeats)
    print(f"batches from the cache: {figures['batches events/s']:.0f} events/s")
    figures["building GB"] = {}
    for elements, few in (("clusters", 4 * events), ("hits", 2 * events)):
        for count in (few, 4 * few):
            peak = building_memory(count, elements)
            figures["building GB"][f"{count} of {elements}"] = peak
            print(f"building {count} events of {elements}: peak {peak:.2f} GB")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
