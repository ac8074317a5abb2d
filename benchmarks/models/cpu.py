"""The table of `benchmarks.models` on one core: seconds of CPU time, ours and the peer's."""

import math
import statistics
import tempfile
import time
from typing import NamedTuple

from benchmarks.machine import machine
from benchmarks.models.processes import KINDS, Worker, compare, ours, peers
from benchmarks.models.protocol import Size


class Plan(NamedTuple):
    """What is measured: numbers of elements, rounds, and the benchmark model."""

    sizes: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096, 8192)
    rounds: int = 5
    size: Size = Size()
    large: int = 65536  # elements of the large event
    middle: int = 4096  # ... of the comparison with attention
    first: int = 256  # ... of a process's first step
    gemm_side: int = 2048


QUICK = Plan((32, 64), 1, Size(1, 16, 16, 8, 8, 1, 1, 16), 128, 64, 32, 64)
"""Tiny models: a check, no figure."""


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
            line = f"{kind:8} N = {elements:5}: {1e3 * row['gnn_lsh']:8.1f} ms"
            if peer:
                theirs = f"{1e3 * row[peer_model]:8.1f} ms, ratio {row['ratio']:.2f}"
                line += f", {peer_model} {theirs}"
            print(line, flush=True)
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


def gemm_rates(worker: Worker, peer: Worker, side: int, rounds: int) -> tuple[float, float]:
    """What bounds each side, its library's rate: the best of rounds in which they take turns."""
    what = {"ask": "gemm", "values": {"side": side}}
    asked = [(worker.request(**what), peer.request(**what)) for _ in range(rounds)]
    ours, theirs = map(max, zip(*asked, strict=True))
    return ours, theirs


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


def measure(plan: Plan, with_peer: bool, compiled: bool) -> dict:
    """All figures; printed as they come. `compiled`: the peer by torch.compile too."""
    size = plan.size
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "size": size._asdict()}
    print(f"{figures['machine']}, {figures['date']}")
    if not with_peer:
        figures["peer"] = None
        print("no peer: make bench-env has not been run; there are no ratios")
    with ours() as worker:
        gemm = figures["GEMM GFLOP/s"] = worker.request(ask="gemm", values={"side": plan.gemm_side})
        figures["parameters"] = worker.request(
            ask="parameters", values={"model": "gnn_lsh", "elements": 2 * size.bin_size},
            sized=True, size=size._asdict(),
        )  # fmt: skip
        print(f"{figures['parameters']} parameters, GEMM {gemm:.0f} GFLOP/s", flush=True)
        if with_peer:
            with peers() as peer:
                _with_peer(figures, worker, peer, plan, compiled)
        else:
            figures["time"] = against_peer(worker, None, "", plan.sizes, size, plan.rounds)
        _alone(figures, worker, plan)
    figures["large event"] = large_event(plan.large, size)
    for name, row in figures["large event"].items():
        print(f"N = {plan.large}, {name}: peak {row['GB']:.2f} GB, {row['seconds']:.1f} s",
              flush=True)  # fmt: skip
    figures["warm start"] = warm_start(plan.first, size)
    for name, row in figures["warm start"].items():
        print(f"{name} start: first step after {row['first step']:.2f} s of CPU, "
              f"{row['imports']:.2f} s of them imports")  # fmt: skip
    return figures


def _with_peer(figures: dict, worker: Worker, peer: Worker, plan: Plan, compiled: bool) -> None:
    figures["peer"] = peer.request(ask="version")
    figures["GEMM GFLOP/s"], figures["peer GEMM GFLOP/s"] = gemm_rates(
        worker, peer, plan.gemm_side, plan.rounds
    )
    print(
        f"{figures['peer']}, GEMM in turn: ours {figures['GEMM GFLOP/s']:.0f}, the peer's "
        f"{figures['peer GEMM GFLOP/s']:.0f} GFLOP/s", flush=True,
    )  # fmt: skip
    figures["parity"] = parity(worker, peer, 4 * plan.size.bin_size, plan.size)
    print(f"parity: outputs differ by {figures['parity']:.1e} of the largest", flush=True)
    for model in ("eager", "compiled") if compiled else ("eager",):
        name = "time" if model == "eager" else f"time, {model}"
        figures[name] = against_peer(worker, peer, model, plan.sizes, plan.size, plan.rounds)


def _alone(figures: dict, worker: Worker, plan: Plan) -> None:
    """Figures that need no peer: share of the GEMM rate, slopes, other backbones."""
    sizes, size, gemm = plan.sizes, plan.size, figures["GEMM GFLOP/s"]
    times = {
        kind: {n: row["gnn_lsh"] for n, row in figures["time"][kind].items()} for kind in KINDS
    }
    figures["share of GEMM rate"] = {}
    for kind, passes in zip(KINDS, (1, 3), strict=True):
        shares = {n: passes * flops(n, size) / t / 1e9 / gemm for n, t in times[kind].items()}
        figures["share of GEMM rate"][kind] = shares
        print(f"{kind}: share of the GEMM rate "
              + ", ".join(f"{s:.2f} at {n}" for n, s in shares.items()))  # fmt: skip
    figures["favor time"] = favor = favor_table(worker, sizes, size, max(1, plan.rounds // 2))
    figures["slope"] = {
        model: {kind: slope({n: t for n, t in table[kind].items() if n >= 256 or max(sizes) < 512})
                for kind in KINDS}
        for model, table in (("gnn_lsh", times), ("favor", favor))
    }  # fmt: skip
    for model, by_kind in figures["slope"].items():
        print(f"slope of {model}: " + ", ".join(f"{k} {s:.2f}" for k, s in by_kind.items()))
    figures["times faster than attention"] = against_attention(worker, plan.middle, size, 3)
    for model, ratio in figures["times faster than attention"].items():
        print(f"N = {plan.middle}: {model} is {ratio:.1f} times faster than attention", flush=True)
