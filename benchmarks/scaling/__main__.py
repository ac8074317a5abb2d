"""Weak and strong scaling of the training step, and the bytes that it moves between devices.

python -m benchmarks.scaling [--json=benchmarks/results/scaling.json] [--quick]

Devices are simulated on this machine's cores (eight, in one process), so that wall time says
nothing of more devices than cores. CPU time does: `strong` is the work of a batch divided among n
devices over that of the same batch on one, `weak` the work of n batches on n devices over n times
that of one; 1.00 is a division that costs nothing. Devices are asked in turn; medians of ratios.

Bytes are read in the compiled step (HLO): each collective, its array's bytes b, and what of it a
device sends in a ring of n: 2 b (n - 1) / n of an all-reduce, b (n - 1) / n of an all-gather or
reduce-scatter. What a node needs follows from them and from what links are said to carry.
"""

import argparse
import json
from pathlib import Path

import jax

from benchmarks.machine import machine
from benchmarks.scaling import node, traffic, work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="a tiny model: a check, no figure")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    jax.config.update("jax_num_cpu_devices", 8)
    print(machine())
    found = {"machine": machine(), "work": work.measure(given.quick, given.repeats)}
    for line in work.lines(found["work"]):
        print(line, flush=True)
    found["traffic"] = traffic.measure(given.quick)
    for line in (*traffic.lines(found["traffic"]), *node.lines(found["traffic"])):
        print(line, flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
