"""The peer of `benchmarks.qsvr`: the same QUBO built by PyQUBO, in an environment of its own.

Started by benchmarks.qsvr with another interpreter; needs `pip install pyqubo` there and nothing of
ours. Reads one problem as JSON from stdin, prints seconds of CPU and a checksum as JSON.
"""

import json
import sys
import time

from pyqubo import Array


def build(problem: dict) -> dict:
    """{(name, name): value}: the dual with its penalty, written as PyQUBO's users write it."""
    kernel, targets, weights = problem["kernel"], problem["targets"], problem["weights"]
    rows, bits = len(targets), len(weights)
    a = Array.create("a", shape=(2, rows, bits), vartype="BINARY")
    alpha, hat = (
        [sum(weights[i] * a[s, n, i] for i in range(bits)) for n in range(rows)] for s in (0, 1)
    )
    beta = [x - y for x, y in zip(alpha, hat, strict=True)]
    quadratic = sum(
        (kernel[n][m] / 2 + problem["penalty"]) * beta[n] * beta[m]
        for n in range(rows)
        for m in range(rows)
    )
    linear = sum(
        problem["epsilon"] * (alpha[n] + hat[n]) - targets[n] * beta[n] for n in range(rows)
    )
    return (quadratic + linear).compile().to_qubo()[0]


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    start = time.process_time()
    qubo = build(asked)
    print(json.dumps({"seconds": time.process_time() - start, "all_ones": sum(qubo.values())}))
