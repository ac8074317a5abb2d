"""Operations on whole tensors, as ONNX: their shapes, their parts, sums and products."""

import string
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from mlpf_jax.export.onnx.graph import Graph, type_of

INT32 = type_of(np.int32)


def _reshape(graph: Graph, eqn: Any, x: str) -> str:
    return graph.add("Reshape", x, graph.shape(eqn.params["new_sizes"]))


def _squeeze(graph: Graph, eqn: Any, x: str) -> str:
    return graph.add("Squeeze", x, graph.numbers(eqn.params["dimensions"]))


def _transpose(graph: Graph, eqn: Any, x: str) -> str:
    return graph.add("Transpose", x, perm=list(eqn.params["permutation"]))


def _concatenate(graph: Graph, eqn: Any, *parts: str) -> str:
    return graph.add("Concat", *parts, axis=eqn.params["dimension"])


def _stack(graph: Graph, eqn: Any, *parts: str) -> str:
    axis = eqn.params["axis"]
    parts = [graph.add("Unsqueeze", x, graph.numbers([axis])) for x in parts]
    return graph.add("Concat", *parts, axis=axis)


def _split(graph: Graph, eqn: Any, x: str) -> list[str]:
    sizes = eqn.params["sizes"]
    return graph.add_many("Split", len(sizes), x, graph.numbers(sizes), axis=eqn.params["axis"])


def _slice(graph: Graph, eqn: Any, x: str) -> str:
    starts, ends = eqn.params["start_indices"], eqn.params["limit_indices"]
    shape, steps = eqn.invars[0].aval.shape, eqn.params["strides"] or (1,) * len(starts)
    cuts = zip(starts, ends, steps, shape, strict=True)
    axes = [
        i for i, (start, end, step, size) in enumerate(cuts) if (start, end, step) != (0, size, 1)
    ]
    if not axes:
        return x
    starts, ends = (graph.shape([values[i] for i in axes]) for values in (starts, ends))
    steps = graph.numbers([steps[i] for i in axes])
    return graph.add("Slice", x, starts, ends, graph.numbers(axes), steps)


def _iota(graph: Graph, eqn: Any) -> str:
    shape, axis, dtype = (eqn.params[name] for name in ("shape", "dimension", "dtype"))
    first, step = (graph.constant(value, np.int32) for value in (0, 1))
    numbers = graph.add("Range", first, _scalar(graph, shape[axis]), step)
    numbers = graph.add("Cast", numbers, to=type_of(dtype))
    if len(shape) == 1:
        return numbers
    others = [i for i in range(len(shape)) if i != axis]
    numbers = graph.add("Unsqueeze", numbers, graph.numbers(others))
    return graph.add("Expand", numbers, graph.shape(shape))


def _size(graph: Graph, eqn: Any) -> str:
    return _scalar(graph, eqn.params["dim"])


def _scalar(graph: Graph, size: Any) -> str:
    single = graph.add("Squeeze", graph.size(size), graph.numbers([0]))
    return graph.add("Cast", single, to=INT32)


def _reduced(operation: str) -> Callable[..., str]:
    def rule(graph: Graph, eqn: Any, x: str) -> str:
        return graph.add(operation, x, graph.numbers(eqn.params["axes"]), keepdims=0)

    return rule


def _argmax(graph: Graph, eqn: Any, x: str) -> str:
    (axis,) = eqn.params["axes"]
    return graph.add("Cast", graph.add("ArgMax", x, axis=axis, keepdims=0), to=INT32)


def _cumsum(graph: Graph, eqn: Any, x: str) -> str:
    axis = graph.constant(eqn.params["axis"], np.int64)
    return graph.add("CumSum", x, axis, reverse=int(eqn.params["reverse"]))


def _product(graph: Graph, eqn: Any, a: str, b: str) -> str:
    """Of matrices where one axis is summed over and one of each side is free, else by names."""
    (of_a, of_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    free_a, free_b = (
        [i for i in range(v.aval.ndim) if i not in (*batch, *summed)]
        for v, batch, summed in zip(eqn.invars, (batch_a, batch_b), (of_a, of_b), strict=True)
    )
    several = len(free_a) > 1 and bool(batch_a)  # MatMul would take one for a batch
    if len(of_a) != 1 or len(free_b) != 1 or not free_a or several:
        return _named_product(graph, eqn, a, b, free_a, free_b)
    a = _ordered(graph, a, [*batch_a, *free_a, *of_a])
    b = _ordered(graph, b, [*batch_b, *of_b, *free_b])
    return graph.add("MatMul", a, b)


def _ordered(graph: Graph, x: str, order: list[int]) -> str:
    return x if order == sorted(order) else graph.add("Transpose", x, perm=order)


def _named_product(
    graph: Graph, eqn: Any, a: str, b: str, free_a: Sequence[int], free_b: Sequence[int]
) -> str:
    (of_a, of_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    letters = iter(string.ascii_letters)
    pairs = zip((*batch_a, *of_a), (*batch_b, *of_b), strict=True)
    of_both = {pair: next(letters) for pair in pairs}
    name_a = {i: letter for (i, _), letter in of_both.items()}
    name_a |= {i: next(letters) for i in free_a}
    name_b = {j: letter for (_, j), letter in of_both.items()}
    name_b |= {j: next(letters) for j in free_b}
    left, right = ("".join(names[i] for i in sorted(names)) for names in (name_a, name_b))
    result = "".join([*(name_a[i] for i in (*batch_a, *free_a)), *(name_b[j] for j in free_b)])
    return graph.add("Einsum", a, b, equation=f"{left},{right}->{result}")


RULES: Mapping[str, Callable[..., str | list[str]]] = MappingProxyType(
    {
        "argmax": _argmax,
        "concatenate": _concatenate,
        "cumsum": _cumsum,
        "dim_as_value": _size,
        "dot_general": _product,
        "iota": _iota,
        "reduce_max": _reduced("ReduceMax"),
        "reduce_min": _reduced("ReduceMin"),
        "reduce_sum": _reduced("ReduceSum"),
        "reshape": _reshape,
        "slice": _slice,
        "split": _split,
        "squeeze": _squeeze,
        "stack": _stack,
        "transpose": _transpose,
    }
)
"""Functions of (graph, equation, inputs as they are)."""
