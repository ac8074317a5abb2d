"""CPU time of a step on 1, 2, 4 and 8 simulated devices."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import jax

from benchmarks.scaling.programs import batch_of, state_of
from mlpf_jax.training import parallel, train

DEVICES = 1, 2, 4, 8
MODEL = {"width": 64, "layers_id": 1, "layers_regression": 1}  # clic_small's, but for depth
ELEMENTS = 1024  # of a row, which is a piece of its own (`training.pieces`)


def measure(quick: bool, repeats: int) -> dict[str, Any]:
    """By number of devices the CPU time [s] of a step, `strong` of 8 rows, `weak` of a row each."""
    changed = MODEL | ({"width": 16} if quick else {})
    elements = 128 if quick else ELEMENTS
    steps = {}
    for n in DEVICES:
        mesh = parallel.mesh_of({"data": n})
        state, _ = state_of("configs/clic_small.py", mesh, **changed)
        for kind, rows in (("strong", DEVICES[-1]), ("weak", n)):
            batch = parallel.place(batch_of(rows, elements), mesh)
            if (rows, n) not in steps:
                program = train.train_step.lower(state, batch, mesh).compile()
                steps[rows, n] = program, state, batch
            steps[kind, n] = steps[rows, n]
    timed = [key for key in steps if isinstance(key[0], int)]
    times: dict[Any, list[float]] = {key: [] for key in timed}
    for _ in range(repeats + 1):  # the first one warms up
        for key in timed:
            program, state, batch = steps[key]
            clock = time.process_time()
            jax.block_until_ready(program(state, batch))
            times[key].append(time.process_time() - clock)
    found: dict[str, Any] = {"model": changed, "elements": elements, "repeats": repeats}
    for kind in ("strong", "weak"):
        own = {n: times[(DEVICES[-1] if kind == "strong" else n, n)][1:] for n in DEVICES}
        found[kind] = {
            str(n): {
                "seconds": statistics.median(own[n]),
                "ratio": statistics.median(
                    many / (one if kind == "strong" else n * one)
                    for many, one in zip(own[n], own[1], strict=True)
                ),
            }
            for n in DEVICES
        }
    return found


def lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"CPU time of a step, model {found['model']}, rows of {found['elements']} elements"
    for kind, rows in (("strong", "8 rows in all"), ("weak", "a row a device")):
        cells = (
            f"{n}: {of['seconds'] * 1e3:.0f} ms, {of['ratio']:.2f}" for n, of in found[kind].items()
        )
        yield f"  {kind:7} ({rows}) {'; '.join(cells)}"
