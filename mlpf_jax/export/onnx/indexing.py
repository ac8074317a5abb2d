"""Operations that move elements by indices, as ONNX: gather, scatter, sort.

Those forms that models use; others are refused (NotImplementedError).
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from mlpf_jax.export.onnx.graph import Graph, type_of

INT32, INT64, BOOL = map(type_of, (np.int32, np.int64, np.bool_))


def _gather(graph: Graph, eqn: Any, operand: str, indices: str) -> str:
    """Whole entries behind the axes that are indexed, which come first; or one piece."""
    numbers, mode = eqn.params["dimension_numbers"], eqn.params["mode"]
    source, places = (v.aval for v in eqn.invars)
    if places.ndim == 1:
        return _piece(graph, eqn, operand, indices)
    batch, indexed = tuple(numbers.operand_batching_dims), tuple(numbers.start_index_map)
    leading = len(batch) + len(indexed)
    window = tuple(range(places.ndim - 1, eqn.outvars[0].aval.ndim))
    _require(
        eqn,
        (*batch, *indexed) == tuple(range(leading)),
        tuple(numbers.start_indices_batching_dims) == batch,
        tuple(numbers.collapsed_slice_dims) == indexed,
        tuple(numbers.offset_dims) == window,
        tuple(eqn.params["slice_sizes"][leading:]) == source.shape[leading:],
    )
    indices = graph.add("Cast", indices, to=INT64)
    if mode == GatherScatterMode.PROMISE_IN_BOUNDS:
        return graph.add("GatherND", operand, indices, batch_dims=len(batch))
    inside, nearest = _inside(graph, [source.shape[i] for i in indexed], indices)
    found = graph.add("GatherND", operand, nearest, batch_dims=len(batch))
    if mode == GatherScatterMode.CLIP:
        return found
    inside = graph.add("Unsqueeze", inside, graph.numbers(window)) if window else inside
    return graph.add("Where", inside, found, graph.constant(_filling(eqn, source), source.dtype))


def _filling(eqn: Any, source: Any) -> Any:
    if eqn.params["fill_value"] is not None:
        return eqn.params["fill_value"]
    return np.nan if np.issubdtype(source.dtype, np.floating) else np.iinfo(source.dtype).min


def _inside(graph: Graph, sizes: Sequence[Any], indices: str) -> tuple[str, str]:
    """Whether all indices are of a place that there is; the nearest such indices."""
    last = graph.add("Sub", graph.shape(sizes), graph.numbers([1]))
    nearest = graph.add("Max", graph.add("Min", indices, last), graph.numbers([0]))
    same = graph.add("Cast", graph.add("Equal", nearest, indices), to=INT32)
    every = graph.add("ReduceMin", same, graph.numbers([-1]), keepdims=0)
    return graph.add("Cast", every, to=BOOL), nearest


def _piece(graph: Graph, eqn: Any, operand: str, start: str) -> str:
    """Of some length along one axis, all of the others: what x[:, 3] and x[:, 3:5] are."""
    numbers, sizes = eqn.params["dimension_numbers"], eqn.params["slice_sizes"]
    source, indexed = eqn.invars[0].aval, tuple(numbers.start_index_map)
    others = [i for i in range(source.ndim) if i not in indexed]
    _require(
        eqn,
        len(indexed) == 1,
        all(sizes[i] == source.shape[i] for i in others),
        set(numbers.collapsed_slice_dims) <= set(indexed),
    )
    start = graph.add("Cast", start, to=INT64)
    end = graph.add("Add", start, graph.size(sizes[indexed[0]]))
    piece = graph.add("Slice", operand, start, end, graph.numbers(indexed))
    if not numbers.collapsed_slice_dims:
        return piece
    return graph.add("Squeeze", piece, graph.numbers(numbers.collapsed_slice_dims))


def _scatter(
    graph: Graph, eqn: Any, operand: str, indices: str, updates: str, reduction: str = "none"
) -> str:
    """Of single values, by rows or by all indices. What has no place goes to one more, which is
    cut off."""
    numbers = eqn.params["dimension_numbers"]
    target, places = (v.aval for v in eqn.invars[:2])
    batch = tuple(numbers.operand_batching_dims)
    indexed = tuple(numbers.scatter_dims_to_operand_dims)
    _require(
        eqn,
        not numbers.update_window_dims,
        tuple(numbers.inserted_window_dims) == indexed,
        (*batch, *indexed) == tuple(range(target.ndim)),
        tuple(numbers.scatter_indices_batching_dims) == batch,
        not batch or (len(batch), len(indexed), places.ndim) == (1, 1, 3),
    )
    axis, indices = target.ndim - 1, graph.add("Cast", indices, to=INT64)
    length = graph.size(target.shape[axis])
    dropping = eqn.params["mode"] != GatherScatterMode.PROMISE_IN_BOUNDS
    if dropping:
        inside, _ = _inside(graph, [target.shape[i] for i in indexed], indices)
        inside = graph.add("Unsqueeze", inside, graph.numbers([-1]))
        first = [graph.numbers([0])] * (len(indexed) - 1)
        nowhere = graph.add("Concat", *first, length, axis=0)
        indices = graph.add("Where", inside, indices, nowhere)
        operand = graph.add("Pad", operand, graph.numbers([0] * (target.ndim + axis) + [1]))
    if batch:
        indices = graph.add("Squeeze", indices, graph.numbers([-1]))
        how = {"axis": axis, "reduction": reduction}
        found = graph.add("ScatterElements", operand, indices, updates, **how)
    else:
        found = graph.add("ScatterND", operand, indices, updates, reduction=reduction)
    if not dropping:
        return found
    return graph.add("Slice", found, graph.numbers([0]), length, graph.numbers([axis]))


def _scatter_add(graph: Graph, eqn: Any, operand: str, indices: str, updates: str) -> str:
    return _scatter(graph, eqn, operand, indices, updates, "add")


def _sort(graph: Graph, eqn: Any, *operands: str) -> list[str]:
    """By the last key first: each sort keeps the order of those that are equal (TopK's rule)."""
    axis, keys = eqn.params["dimension"], eqn.params["num_keys"]
    length, order = graph.size(eqn.invars[0].aval.shape[axis]), None

    def ordered(x: str) -> str:
        return x if order is None else graph.add("GatherElements", x, order, axis=axis)

    for key in reversed(operands[:keys]):
        how = {"axis": axis, "largest": 0, "sorted": 1}
        places = graph.add_many("TopK", 2, ordered(key), length, **how)[1]
        order = places if order is None else graph.add("GatherElements", order, places, axis=axis)
    return list(map(ordered, operands))


def _require(eqn: Any, *conditions: bool) -> None:
    if not all(conditions):
        raise NotImplementedError(f"ONNX: there is no rule for this form: {eqn}")


RULES: Mapping[str, Callable[..., str | list[str]]] = MappingProxyType(
    {"gather": _gather, "scatter": _scatter, "scatter-add": _scatter_add, "sort": _sort}
)
"""Functions of (graph, equation, inputs as they are)."""
