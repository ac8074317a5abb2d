"""The processes of `benchmarks.models`, ours and the peer's, and how two of them are compared."""

import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.models.protocol import ON_GPU, Size

ROOT = Path(__file__).parents[2]
PEER_PYTHON = ROOT / ".bench-venv" / "bin" / "python"
KINDS = ("forward", "step")


class Worker:
    """A process that answers requests; on one core, the first that this process may use.

    With a GPU it may use all.
    """

    def __init__(self, python: Path | str, module: str, gpu: bool = False):
        core = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]
        self.process = subprocess.Popen(
            ([] if gpu else core) + [str(python), "-m", module] + ([ON_GPU] if gpu else []),
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")},
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def request(self, **what):
        """The answer; raises `RuntimeError` with what went wrong in the process."""
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.process.args)} ended: its messages are above")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["value"]

    def seconds(self, size: Size, **what) -> float:
        return self.request(time=what, size=size._asdict())


def ours(gpu: bool = False) -> Worker:
    return Worker(sys.executable, "benchmarks.models.worker", gpu)


def peers(gpu: bool = False) -> Worker:
    return Worker(PEER_PYTHON, "benchmarks.models.peer", gpu)


def compare(first: Worker, second: Worker | None, names: tuple, what: dict, size: Size,
            rounds: int) -> dict:  # fmt: skip
    """Median seconds of both, and the median over pairs of second over first."""
    pairs = []
    for _ in range(rounds):
        mine = first.seconds(size, model=names[0], **what)
        pairs.append((mine, second.seconds(size, model=names[1], **what) if second else math.nan))
    for worker in {first, second} - {None}:
        worker.request(forget=True)
    mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    figures = {names[0]: mine}
    if second:
        figures |= {names[1]: theirs, "ratio": statistics.median(b / a for a, b in pairs)}
    return figures
