"""From what JAX traced to an ONNX graph: equation by equation; what is constant is computed here.

A converter of our own, because jax2onnx (0.17) sorts only axes of known length, has no scatter by
rows, and excludes the versions of Orbax that trainings are saved with.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import onnx
from jax import export
from jax.extend.core import Literal

from mlpf_jax.export.onnx import elementwise, indexing, structure
from mlpf_jax.export.onnx.graph import Graph, Value

WHOLE = structure.RULES | indexing.RULES
INNER = ("call_jaxpr", "jaxpr", "fun_jaxpr")  # where an equation that calls keeps what it calls


def converted(
    function: Callable[..., Any], inputs: Mapping[str, Any], output: str
) -> onnx.ModelProto:
    """A function of arrays and its one result as an ONNX model, for inputs of these shapes and
    types; sizes may be symbols (`jax.export.symbolic_shape`) that are sizes of inputs.

    Raises NotImplementedError where it does what there is no rule for here.
    """
    traced = jax.make_jaxpr(function)(*inputs.values())
    graph = Graph()
    for name, value in inputs.items():
        graph.name_sizes(name, value.shape)
    (found,) = _run(graph, traced.jaxpr, traced.consts, [Value(name) for name in inputs])
    (described,) = traced.out_avals
    return graph.model(inputs, {output: (_whole(graph, found, described), described)})


def _run(graph: Graph, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Any]) -> list:
    """Adds what a jaxpr computes; values are `Value`s of the graph, or arrays."""
    known = dict(zip(jaxpr.constvars, map(np.asarray, constants), strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(variable: Any) -> Any:
        if isinstance(variable, Literal):
            return np.asarray(variable.val, variable.aval.dtype)
        return known[variable]

    for eqn in jaxpr.eqns:
        found = _applied(graph, eqn, list(map(read, eqn.invars)))
        known |= dict(zip(eqn.outvars, found, strict=True))
    return list(map(read, jaxpr.outvars))


def _applied(graph: Graph, eqn: Any, values: list) -> list:
    name = eqn.primitive.name
    if name == "scan":
        return _unrolled(graph, eqn, values)
    inner = next((eqn.params[key] for key in INNER if key in eqn.params), None)
    if inner is not None:
        closed = hasattr(inner, "consts")
        return _run(graph, *((inner.jaxpr, inner.consts) if closed else (inner, ())), values)
    if _is_constant(eqn, values):
        found = eqn.primitive.bind(*values, **eqn.params)
        return list(map(np.asarray, found if eqn.primitive.multiple_results else [found]))
    if name == "optimization_barrier":
        return values
    if name == "broadcast_in_dim":
        return [_broadcast(graph, eqn, values[0])]
    if name in elementwise.NAMES or name in elementwise.RULES:
        return [_each(graph, eqn, values)]
    if name not in WHOLE:
        raise NotImplementedError(f"ONNX: there is no rule for {name}")
    whole = [_whole(graph, v, var.aval) for v, var in zip(values, eqn.invars, strict=True)]
    found = WHOLE[name](graph, eqn, *whole)
    return [Value(n) for n in (found if isinstance(found, list) else [found])]


def _is_constant(eqn: Any, values: list) -> bool:
    sizes = [size for v in eqn.outvars for size in v.aval.shape]
    symbolic = eqn.primitive.name == "dim_as_value" or any(map(export.is_symbolic_dim, sizes))
    return not symbolic and not any(isinstance(v, Value) for v in values)


def _named(graph: Graph, value: Any) -> str:
    return value.name if isinstance(value, Value) else graph.constant(value)


def _whole(graph: Graph, value: Any, aval: Any) -> str:
    """The tensor in its full shape."""
    if isinstance(value, Value) and value.thin:
        return graph.add("Expand", value.name, graph.shape(aval.shape))
    return _named(graph, value)


def _each(graph: Graph, eqn: Any, values: list) -> Value:
    """Thin where all inputs are that are no scalars: the result has their shape, not its own."""
    shaped = [v for v, var in zip(values, eqn.invars, strict=True) if var.aval.ndim]
    thin = bool(shaped) and all(isinstance(v, Value) and v.thin for v in shaped)
    names = [_named(graph, value) for value in values]
    if (operation := elementwise.NAMES.get(eqn.primitive.name)) is not None:
        _check_types(eqn)
        return Value(graph.add(operation, *names), thin)
    return Value(elementwise.RULES[eqn.primitive.name](graph, eqn, *names), thin)


def _check_types(eqn: Any) -> None:
    """JAX has and, or, not of bits, too."""
    if eqn.primitive.name in ("and", "or", "not") and eqn.invars[0].aval.dtype != np.bool_:
        raise NotImplementedError(f"ONNX: there is no rule for this form: {eqn}")


def _broadcast(graph: Graph, eqn: Any, value: Any) -> Value:
    """Only axes of length 1 are added: what uses it broadcasts it."""
    shape, kept = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    new = [axis for axis in range(len(shape)) if axis not in kept]
    before = eqn.invars[0].aval.shape
    same = all(before[i] == shape[axis] for i, axis in enumerate(kept))
    thin = not same or any(shape[axis] != 1 for axis in new)
    if not isinstance(value, Value):
        return Value(graph.constant(np.expand_dims(value, new)), thin)
    name = graph.add("Unsqueeze", value.name, graph.numbers(new)) if new else value.name
    return Value(name, thin or value.thin)


def _unrolled(graph: Graph, eqn: Any, values: list) -> list:
    """A loop over layers, one after the other."""
    body, length = eqn.params["jaxpr"], eqn.params["length"]
    first, carried = eqn.params["num_consts"], eqn.params["num_carry"]
    fixed, carry, over = values[:first], values[first : first + carried], values[first + carried :]
    computed = any(isinstance(v, Value) for v in over)
    if computed or len(eqn.outvars) != carried or eqn.params["reverse"]:
        raise NotImplementedError("ONNX: a loop over values that are computed, or that collects")
    for i in range(length):
        carry = _run(graph, body.jaxpr, body.consts, [*fixed, *carry, *(v[i] for v in over)])
    return carry
