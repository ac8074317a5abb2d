"""What the two workers of `benchmarks.models` share: sizes, inputs, clock, and how they are asked.

Only the standard library is imported: one worker has jax, the other torch.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TextIO

LEARNING_RATE = 1e-4
SHORTEST = 0.1  # seconds that a timing takes at least, in whole calls
ON_GPU = "--device=gpu"  # how a worker is told to use the accelerator


class Size(NamedTuple):
    """The benchmark model: two stacks of graph layers, as published but for their number."""

    layers: int = 3  # of each of the two stacks
    width: int = 256
    bin_size: int = 128
    distance: int = 128  # dimensions of the learned space
    distance_hidden: int = 128
    distance_layers: int = 2
    messages: int = 2
    max_bins: int = 512


def on_gpu() -> bool:
    """Whether this worker was started for the accelerator; else it has one core."""
    return ON_GPU in sys.argv


def representations(numpy, elements: int, width: int, batch: int = 1):
    """Random inputs of the stacks: (batch, elements, width), float32, the same in both workers."""
    shape = batch, elements, width
    return numpy.random.default_rng(elements).normal(size=shape).astype("float32")


def peak_memory() -> float:
    """GB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def seconds_of(call: Callable[[], object]) -> float:
    """Seconds of one call: mean over `SHORTEST`.

    CPU time of this process, all its threads; wall time with an accelerator, for which calls wait.
    """
    clock = time.perf_counter if on_gpu() else time.process_time
    calls, start = 0, clock()
    while True:
        call()
        calls += 1
        passed = clock() - start
        if passed >= SHORTEST:
            return passed / calls


def serve(
    requests: TextIO,
    answers: TextIO,
    prepared: Callable[..., Callable[[], object]],
    others: dict[str, Callable],
) -> None:
    """Answers requests line by line until there are no more.

    {"ask": name, ...} calls one of `others`; {"time": {...}} times what `prepared` makes of its
    values, which is made and called twice when it is first asked for. {"forget": true} drops all
    that was made. An error is answered as one, and ends the worker's part in that figure.
    """
    made = {}
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"value": _answer(request, made, prepared, others)}
        except Exception as error:  # whatever it is, the harness says so and goes on
            answer = {"error": f"{type(error).__name__}: {error}"[:500]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(request: dict, made: dict, prepared, others):
    if "forget" in request:
        return made.clear()
    size = Size(**request.get("size", {}))
    if "ask" in request:
        values = request.get("values", {})
        if request.get("sized"):
            values = {**values, "size": size}
        return others[request["ask"]](**values)
    key = json.dumps(request, sort_keys=True)
    if key not in made:
        made[key] = prepared(size=size, **request["time"])
        made[key](), made[key]()
    return seconds_of(made[key])
