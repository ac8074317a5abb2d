"""Exported models: how large they are, how exact, and how long one event takes on one thread.

taskset -c 1 python -m benchmarks.export [--model=clic_small] [--json=figures.json] [--quick]

Times are medians of the process's CPU time for one row of N elements, simulated events side by
side, after one call that compiles or warms up. `jax` is the model as `predict` calls it for rows of
that length; `stablehlo` the exported program for every length, `stablehlo, N` that for rows of N
alone; `onnx` is run by onnxruntime. Differences are to `jax`: rows of simulated events, one event a
row, then the rows of N elements; an element differs where a value does by more than 1e-4 of it (of
0.01 where it is smaller), or the class.
"""

import os

# One thread: set before numpy and XLA are imported.
os.environ.update(
    OMP_NUM_THREADS="1",
    OPENBLAS_NUM_THREADS="1",
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false",
)

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import jax
import numpy as np
import onnxruntime

from benchmarks.machine import cpu_seconds, machine
from datasets import samples as stored
from datasets import schema
from datasets.simulation import PROCESSES, simulate
from datasets.truth.target import to_samples
from mlpf_jax.export import stablehlo
from mlpf_jax.export.onnx import model as onnx
from mlpf_jax.export.program import program
from mlpf_jax.training import shipped

SIZES = (256, 2560, 10240)
REFERENCE_MS = {256: 172, 2560: 1689, 10240: 6707}  # its model, one thread of a Xeon Silver 4214R
SEED = 4242
Call = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def loaded(content: bytes) -> Call:
    """A serialized StableHLO program, as a reader loads it."""
    call = jax.jit(jax.export.deserialize(bytearray(content)).call)
    return lambda *inputs: np.asarray(call(*inputs))


def session(content: bytes) -> Call:
    """An ONNX file in onnxruntime, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    opened = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda X, mask, face: opened.run(None, {"X": X, "mask": mask, "face": face})[0]


def events(number: int) -> list[np.ndarray]:
    """Elements of simulated events, as many of each process."""
    made = stored.join([to_samples(simulate(p, number, seed=SEED)) for p in PROCESSES])
    return np.split(np.asarray(made.X), made.offsets[1:-1])


def rows_of(groups: list[np.ndarray], length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs: a group of elements a row, padded."""
    mask = np.arange(length) < np.array([len(group) for group in groups])[:, None]
    X = np.zeros((*mask.shape, schema.ELEMENT_WIDTH), np.float32)
    X[mask] = np.concatenate(groups)
    return X, mask, np.tile(np.float32(schema.CLIC_FACE), (len(X), 1))


def differing(found: np.ndarray, wanted: np.ndarray) -> int:
    """Elements that differ."""
    far = np.abs(found - wanted) > 1e-4 * np.maximum(np.abs(wanted), 0.01)
    return int((far.any(-1) | (found[..., 0] != wanted[..., 0])).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="clic_small", help="a model's folder, or its name")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quick", action="store_true", help="few events: a check, no figure")
    options = parser.parse_args()
    config, variables = shipped.load(options.model)
    per_process, repeats = (4, 2) if options.quick else (100, 11)
    made = events(per_process)
    files = {
        "stablehlo": stablehlo.to_bytes(config, variables),
        "onnx": onnx.to_bytes(config, variables),
    }
    calls = {"stablehlo": loaded(files["stablehlo"]), "onnx": session(files["onnx"])}
    own = jax.jit(program(config, variables))
    figures = {
        "machine": machine(),
        "date": time.strftime("%Y-%m-%d"),
        "bytes": {name: len(content) for name, content in files.items()},
    }
    print(f"{figures['machine']}, {figures['date']}; {figures['bytes']}")
    inputs = rows_of(made, max(map(len, made)) + 1)
    wanted = np.asarray(own(*inputs))
    figures["events"] = {name: differing(call(*inputs), wanted) for name, call in calls.items()}
    figures["events"] |= {"events": len(made), "elements": int(inputs[1].sum())}
    print(f"one event a row: {figures['events']}")
    every = np.concatenate(made)
    for n in SIZES[:1] if options.quick else SIZES:
        inputs = rows_of([np.resize(every, (n, every.shape[1]))], n)
        wanted = np.asarray(own(*inputs))
        of_n = calls | {f"stablehlo, {n}": loaded(stablehlo.to_bytes(config, variables, 1, n))}
        apart = {name: differing(call(*inputs), wanted) for name, call in of_n.items()}
        of_n["jax"] = lambda *given: np.asarray(own(*given))
        times = {
            name: 1e3 * cpu_seconds(partial(call, *inputs), repeats) for name, call in of_n.items()
        }
        figures[str(n)] = {"ms": times, "differing": apart, "reference ms": REFERENCE_MS[n]}
        said = ", ".join(f"{name} {value:.1f}" for name, value in times.items())
        print(f"N = {n}: ms {said}, reference {REFERENCE_MS[n]}; differing {apart}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
