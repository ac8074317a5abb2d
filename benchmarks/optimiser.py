"""The optimiser as one vector, against an optax chain with inject_hyperparams: what each costs.

python -m benchmarks.optimiser [--json=FILE] [--model=configs/clic_small.py] [--repeats=20]

Both make the same update of AdamW (clipping, schedule, decay of matrices, average of parameters),
and neither is compiled again for other numbers. `vector` is `mlpf_jax.training.optimisation`, where
parameters become one vector meanwhile; `chain` keeps them as they are, so that each array could
be cut and moved by itself. CPU time, medians; the two are asked in turn.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PyTree

from benchmarks.machine import machine
from benchmarks.scaling.programs import state_of
from mlpf_jax.training import averaging, optimisation
from mlpf_jax.training.optimisers import BETAS


def vector(params: PyTree, training: Any) -> tuple[Any, Callable]:
    """(state, update(state, gradient, step)) as trainings have it."""
    numbers = optimisation.hyper(training)
    start = params, optimisation.init(params), averaging.start(params), numbers

    def update(state: Any, gradient: PyTree, step: Any) -> Any:
        params, adam, average, numbers = state
        params, adam, _, evaluated = optimisation.update(params, gradient, adam, numbers, step)
        return params, adam, averaging.update(average, evaluated, numbers.ema, step), numbers

    return start, update


def chain(params: PyTree, training: Any) -> tuple[Any, Callable]:
    """The same of optax, every number a traced one."""

    def transformations(rate: float, decay: float, clip: float) -> optax.GradientTransformation:
        return optax.chain(
            optax.clip_by_global_norm(clip),
            optax.scale_by_adam(**BETAS),
            optax.add_decayed_weights(decay, optimisation.decaying),
            optax.scale_by_learning_rate(rate),
        )

    made = optax.inject_hyperparams(transformations)(rate=0.0, decay=0.0, clip=1.0)
    numbers = optimisation.hyper(training)
    start = params, made.init(params), params, numbers

    def update(state: Any, gradient: PyTree, step: Any) -> Any:
        params, inner, average, numbers = state
        rate = optimisation.learning_rate(numbers, step)
        traced = {"rate": rate, "decay": numbers.weight_decay, "clip": numbers.clip}
        changes, inner = made.update(gradient, inner._replace(hyperparams=traced), params)
        params = optax.apply_updates(params, changes)
        kept = averaging.decay_at(numbers.ema, step)
        average = jax.tree.map(lambda a, p: kept * a + (1 - kept) * p, average, params)
        return params, inner, average, numbers

    return start, update


def measured(start: Any, update: Callable, gradient: PyTree, repeats: int) -> tuple[dict, Any]:
    """CPU time [ms] of tracing, of compiling and of a step, and the state after a few steps."""
    step = jnp.int32(3)
    traced, times = jax.jit(update, donate_argnums=0), {}
    clock = time.process_time()
    lowered = traced.lower(start, gradient, step)
    times["trace"] = time.process_time() - clock
    clock = time.process_time()
    compiled = lowered.compile()
    times["compile"] = time.process_time() - clock
    state, steps = jax.tree.map(jnp.copy, start), []
    for number in range(repeats):
        clock = time.process_time()
        state = jax.block_until_ready(compiled(state, gradient, step))
        steps.append(time.process_time() - clock)
        if number == 4:
            after = jax.tree.map(np.asarray, state[0])
    times["step"] = statistics.median(steps[1:])
    return {name: 1e3 * value for name, value in times.items()}, after


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="configs/clic_small.py")
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    state, training = state_of(given.model)
    rng = np.random.default_rng(0)
    gradient = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), state.params)
    ways: dict[str, list[dict]] = {"vector": [], "chain": []}
    for _ in range(given.rounds):
        ends = []
        for name, make in (("vector", vector), ("chain", chain)):
            jax.clear_caches()
            times, end = measured(*make(state.params, training), gradient, given.repeats)
            ways[name].append(times)
            ends.append(end)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6), *ends)
    size = sum(x.size for x in jax.tree.leaves(state.params))
    arrays = len(jax.tree.leaves(state.params))
    print(f"{machine()}; {given.model}: {size} parameters in {arrays} arrays")
    found = {
        name: {what: statistics.median(r[what] for r in rounds) for what in rounds[0]}
        for name, rounds in ways.items()
    }
    for what in ("trace", "compile", "step"):
        ratios = [c[what] / v[what] for v, c in zip(ways["vector"], ways["chain"], strict=True)]
        ratio = statistics.median(ratios)
        found.setdefault("chain over vector", {})[what] = ratio
        print(
            f"{what:8} vector {found['vector'][what]:8.2f} ms, "
            f"chain {found['chain'][what]:8.2f} ms, ratio {ratio:.2f}"
        )
    if given.json:
        of = {"machine": machine(), "model": given.model, "parameters": size, "arrays": arrays}
        given.json.write_text(json.dumps(of | found, indent=1) + "\n")


if __name__ == "__main__":
    main()
