"""The table of `benchmarks.models` on an accelerator: milliseconds an event, ours and the peer's.

python -m benchmarks.models --device=gpu [--json=...] [--no-peer]

Both sides in turn on the same card, one process each, wall time to the end of every call; medians
of ratios. Float32 with TF32 products on both sides, and bfloat16 (the peer's by autocast, which its
layers leave for their messages); the peer eager and compiled.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import machine
from benchmarks.models.processes import KINDS, compare, ours, peers
from benchmarks.models.protocol import Size

RESULTS = Path(__file__).parents[1] / "results"
ROUNDS = 5
PRECISIONS = ("float32", "bfloat16")
PEER_MODELS = ("eager", "compiled")


class Case(NamedTuple):
    """Events in a batch, and the elements of each."""

    batch: int
    elements: int


CASES = (Case(64, 256), Case(1, 5120), Case(1, 15360))


class NoAccelerator(RuntimeError):
    """There is none, or one of the two sides cannot use it."""


def measure(with_peer: bool) -> dict:
    """All figures. Raises `NoAccelerator`."""
    figures = {"machine": machine(), "date": time.strftime("%Y-%m-%d"), "size": Size()._asdict()}
    with ours(gpu=True) as worker:
        figures["ours"] = device(worker, "jax", "'jax[cuda12]' of the version in requirements.lock")
        print(f"{figures['ours']['card']}, {figures['ours']['version']}, {figures['date']}")
        if not with_peer:
            figures["table"] = table(worker, None, CASES, Size(), ROUNDS)
            return figures
        with peers(gpu=True) as peer:
            figures["peer"] = device(peer, "torch", "torch with CUDA into .bench-venv")
            figures["table"] = table(worker, peer, CASES, Size(), ROUNDS)
    return figures


def device(worker, name: str, what: str) -> dict[str, str]:
    """Card and version of one side, or `NoAccelerator` with what to do."""
    try:
        return worker.request(ask="device")
    except RuntimeError as error:
        reason = str(error).splitlines()[0].rstrip(": ")
        raise NoAccelerator(
            f"{name} finds no GPU ({reason}): on a machine with an NVIDIA card, install {what}, "
            "or leave --device=gpu out"
        ) from error


def table(worker, peer, cases, size: Size, rounds: int) -> list[dict]:
    """A row for each case, kind and precision; printed as they come."""
    rows = []
    for case in cases:
        for kind in KINDS:
            for precision in PRECISIONS:
                what = {"kind": kind, "precision": precision, **case._asdict()}
                row = dict(what)
                for theirs in PEER_MODELS if peer else ("",):
                    found = compare(worker, peer, ("gnn_lsh", theirs), what, size, rounds)
                    row["ours [ms an event]"] = 1e3 * found["gnn_lsh"] / case.batch
                    if peer:
                        row[f"{theirs} [ms an event]"] = 1e3 * found[theirs] / case.batch
                        row[f"{theirs} over ours"] = found["ratio"]
                rows.append(row)
                print(line(row), flush=True)
    return rows


def line(row: dict) -> str:
    """A row for reading."""
    text = (
        f"N = {row['elements']:5}, B = {row['batch']:2}, {row['kind']:7} {row['precision']:8}: "
        f"{row['ours [ms an event]']:.3f} ms an event"
    )
    for theirs in PEER_MODELS:
        if f"{theirs} over ours" in row:
            milliseconds, ratio = row[f"{theirs} [ms an event]"], row[f"{theirs} over ours"]
            text += f"; {theirs} {milliseconds:.3f} ms, ratio {ratio:.2f}"
    return text


def results_file(card: str) -> Path:
    """Where the figures of a card are kept."""
    return RESULTS / f"models_{re.sub(r'[^a-z0-9]+', '_', card.lower()).strip('_')}.json"


def run(with_peer: bool, path: Path | None) -> int:
    """Measures and writes; 1, with one line of what to do, where there is no accelerator."""
    try:
        figures = measure(with_peer)
    except NoAccelerator as error:
        print(error, file=sys.stderr)
        return 1
    path = path or results_file(figures["ours"]["card"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"written to {path}")
    return 0
