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
import sys
from pathlib import Path

from benchmarks.models import cpu, gpu
from benchmarks.models.processes import PEER_PYTHON


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="tiny models: a check, no figure")
    parser.add_argument("--compiled", action="store_true", help="torch.compile too (minutes)")
    parser.add_argument("--no-peer", action="store_true", help="leave the peer out")
    parser.add_argument("--sizes", help="numbers of elements, with commas")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    options = parser.parse_args()
    with_peer = PEER_PYTHON.exists() and not options.no_peer
    if options.device == "gpu":
        sys.exit(gpu.run(with_peer, options.json))
    plan = cpu.QUICK if options.quick else cpu.Plan()
    if options.sizes:
        plan = plan._replace(sizes=tuple(map(int, options.sizes.split(","))))
    figures = cpu.measure(plan, with_peer, options.compiled)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
