"""Speed of the models on one core, against the published code: CPU time, medians of ratios.

python -m benchmarks.models [--json=figures.json] [--quick] [--compiled] [--sizes=128,256,...]
python -m benchmarks.models --device=gpu  (`benchmarks.models.gpu`: another table)

The peer, `mlpf.model.gnn_lsh.CombinedGraphLayer` of particleflow 3.1.0 with CPU torch, has an
environment of its own (`make bench-env`); without it there are no ratios, and that is said. Each
side is one process on the same core; they are asked in turn, so that what else happens on the
machine happens to both. Timed are two stacks of three graph layers on given representations,
forward and in a training step. Also:

* slope of log time over log elements, 256 to 8192, and FAVOR and GNN-LSH against exact attention
* share of the rate at which this core multiplies large matrices in float32
* one event of 65,536 elements: peak memory; warm start: CPU time to the first step of a process
* numerical parity: one layer with the peer's weights
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.models.protocol import ON_GPU, Size

ROOT = Path(__file__).parents[2]
PEER_PYTHON = ROOT / ".bench-venv" / "bin" / "python"
SIZES = (128, 256, 512, 1024, 2048, 4096, 8192)
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


def flops(elements: int, size: Size) -> float:
    """Floating-point operations of the matrix products of one forward pass of both stacks.

    Per element and layer, a product of m x k with k x n counting 2 m k n: the distance network
    (width -> hidden -> ... -> distance), the hash (distance -> half the number of bins), scalar
    products with the bin (distance x bin), and for each message x Theta, x W, x W_t (3 width^2)
    and the sum over the bin (bin x width). Sorts, exponentials and normalisations count nothing.
    """
    hidden = size.distance_hidden
    network = size.width * hidden + (size.distance_layers - 1) * hidden**2 + hidden * size.distance
    bins = -(-elements // size.bin_size)
    hashing = size.distance * ((bins + 1) // 2) if bins > 1 else 0
    seen = min(size.bin_size, elements)
    messages = size.messages * (3 * size.width**2 + seen * size.width)
    return 2 * size.layers * 2.0 * elements * (network + hashing + size.distance * seen + messages)


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


def against_peer(
    worker: Worker, peer: Worker | None, peer_model: str, sizes: tuple, size: Size, rounds: int
) -> dict:
    """Seconds and ratios, by kind and number of elements; printed as they come."""
    table = {kind: {} for kind in KINDS}
    for elements in sizes:
        for kind in KINDS:
            row = compare(worker, peer, ("gnn_lsh", peer_model),
                          {"kind": kind, "elements": elements}, size, rounds)  # fmt: skip
            table[kind][elements] = row
            theirs = f"{peer_model} {1e3 * row[peer_model]:8.1f} ms, ratio {row['ratio']:.2f}"
            print(
                f"{kind:8} N = {elements:5}: {1e3 * row['gnn_lsh']:8.1f} ms"
                + (f", {theirs}" if peer else ""),
                flush=True,
            )
    return table


def slope(seconds: dict[int, float]) -> float:
    """Least-squares slope of log time over log elements."""
    points = [(math.log(n), math.log(t)) for n, t in seconds.items()]
    mean_x, mean_y = (statistics.fmean(column) for column in zip(*points, strict=True))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum(
        (x - mean_x) ** 2 for x, _ in points
    )


def favor_table(worker: Worker, sizes: tuple, size: Size, rounds: int) -> dict:
    return {
        kind: {
            n: compare(worker, None, ("favor", ""), {"kind": kind, "elements": n}, size, rounds)[
                "favor"
            ]
            for n in sizes
        }
        for kind in KINDS
    }


def against_attention(worker: Worker, elements: int, size: Size, rounds: int) -> dict:
    """How many times faster than exact attention a forward pass is."""
    what = {"kind": "forward", "elements": elements}
    return {
        model: compare(worker, worker, (model, "attention"), what, size, rounds)["ratio"]
        for model in ("gnn_lsh", "favor")
    }


def large_event(elements: int, size: Size) -> dict:
    """GB at the peak of a process that runs one event; a step recomputes its layers."""
    figures = {}
    for kind, remat in (("forward", False), ("step", True), ("step", False)):
        with ours() as worker:
            what = {"kind": kind, "model": "gnn_lsh", "elements": elements, "remat": remat}
            seconds = worker.seconds(size, **what)
            name = kind + (" with remat" if remat else "")
            figures[name] = {"GB": worker.request(ask="peak memory"), "seconds": seconds}
    return figures


def warm_start(elements: int, size: Size) -> dict:
    """CPU seconds to the end of a process's first step, without and with compiled programs."""
    with tempfile.TemporaryDirectory() as cache:
        figures = {}
        for name in ("cold", "warm"):
            with ours() as worker:
                values = {"cache": cache, "elements": elements}
                figures[name] = worker.request(
                    ask="first step", values=values, sized=True, size=size._asdict()
                )
    return figures


def parity(worker: Worker, peer: Worker, elements: int, size: Size) -> float:
    with tempfile.TemporaryDirectory() as folder:
        path, sized = f"{folder}/layer.npz", {"sized": True, "size": size._asdict()}
        peer.request(ask="weights", values={"path": path, "elements": elements}, **sized)
        with ours() as another:  # it changes a constant of its process
            return another.request(ask="parity", values={"weights": path}, **sized)


def measure(options) -> dict:
    sizes, rounds, size = SIZES, 5, Size()
    large, middle, gemm_side = 65536, 4096, 2048
    if options.quick:
        size = Size(1, 16, 16, 8, 8, 1, 1, 16)
        sizes, rounds, large, middle, gemm_side = (32, 64), 1, 128, 64, 64
    sizes = tuple(map(int, options.sizes.split(","))) if options.sizes else sizes
    has_peer = PEER_PYTHON.exists() and not options.no_peer
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "size": size._asdict()}
    print(f"{figures['machine']}, {figures['date']}")
    if not has_peer:
        figures["peer"] = None
        print("no peer: make bench-env has not been run; there are no ratios")
    with ours() as worker:
        gemm = figures["GEMM GFLOP/s"] = worker.request(ask="gemm", values={"side": gemm_side})
        figures["parameters"] = worker.request(
            ask="parameters", values={"model": "gnn_lsh", "elements": 2 * size.bin_size},
            sized=True, size=size._asdict(),
        )  # fmt: skip
        print(f"{figures['parameters']} parameters, GEMM {gemm:.0f} GFLOP/s", flush=True)
        if has_peer:
            with peers() as peer:
                _with_peer(figures, worker, peer, options, sizes, rounds, size, gemm_side)
        else:
            figures["time"] = against_peer(worker, None, "", sizes, size, rounds)
        _alone(figures, worker, sizes, rounds, size, middle, gemm)
    figures["large event"] = large_event(large, size)
    for name, row in figures["large event"].items():
        print(f"N = {large}, {name}: peak {row['GB']:.2f} GB, {row['seconds']:.1f} s", flush=True)
    figures["warm start"] = warm_start(256 if not options.quick else sizes[0], size)
    for name, row in figures["warm start"].items():
        print(f"{name} start: first step after {row['first step']:.2f} s of CPU, "
              f"{row['imports']:.2f} s of them imports")  # fmt: skip
    return figures


def _with_peer(figures, worker, peer, options, sizes, rounds, size, gemm_side) -> None:
    figures["peer"] = peer.request(ask="version")
    figures["peer GEMM GFLOP/s"] = peer.request(ask="gemm", values={"side": gemm_side})
    print(f"{figures['peer']}, GEMM {figures['peer GEMM GFLOP/s']:.0f} GFLOP/s", flush=True)
    figures["parity"] = parity(worker, peer, 4 * size.bin_size, size)
    print(f"parity: outputs differ by {figures['parity']:.1e} of the largest", flush=True)
    figures["time"] = against_peer(worker, peer, "eager", sizes, size, rounds)
    if options.compiled:
        figures["time, compiled"] = against_peer(worker, peer, "compiled", sizes, size, rounds)


def _alone(figures, worker, sizes, rounds, size, middle, gemm) -> None:
    """Figures that need no peer: share of the GEMM rate, slopes, other backbones."""
    times = {
        kind: {n: row["gnn_lsh"] for n, row in figures["time"][kind].items()} for kind in KINDS
    }
    figures["share of GEMM rate"] = {}
    for kind, passes in zip(KINDS, (1, 3), strict=True):
        shares = {n: passes * flops(n, size) / t / 1e9 / gemm for n, t in times[kind].items()}
        figures["share of GEMM rate"][kind] = shares
        print(f"{kind}: share of the GEMM rate "
              + ", ".join(f"{s:.2f} at {n}" for n, s in shares.items()))  # fmt: skip
    figures["favor time"] = favor = favor_table(worker, sizes, size, max(1, rounds // 2))
    figures["slope"] = {
        model: {kind: slope({n: t for n, t in table[kind].items() if n >= 256 or max(sizes) < 512})
                for kind in KINDS}
        for model, table in (("gnn_lsh", times), ("favor", favor))
    }  # fmt: skip
    for model, by_kind in figures["slope"].items():
        print(f"slope of {model}: " + ", ".join(f"{k} {s:.2f}" for k, s in by_kind.items()))
    figures["times faster than attention"] = against_attention(worker, middle, size, 3)
    for model, ratio in figures["times faster than attention"].items():
        print(f"N = {middle}: {model} is {ratio:.1f} times faster than attention", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="tiny models: a check, no figure")
    parser.add_argument("--compiled", action="store_true", help="torch.compile too (minutes)")
    parser.add_argument("--no-peer", action="store_true", help="leave the peer out")
    parser.add_argument("--sizes", help="numbers of elements, with commas")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    options = parser.parse_args()
    if options.device == "gpu":
        from benchmarks.models import gpu as models_gpu

        sys.exit(models_gpu.run(PEER_PYTHON.exists() and not options.no_peer, options.json))
    figures = measure(options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
