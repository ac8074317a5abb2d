"""Operations on each element by itself, as ONNX; their inputs are broadcast where they are used."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from mlpf_jax.export.onnx.graph import Graph, type_of

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "abs": "Abs", "add": "Add", "add_any": "Add", "and": "And", "asin": "Asin", "atan": "Atan",
        "ceil": "Ceil", "copy": "Identity", "copy_p": "Identity", "cos": "Cos", "div": "Div",
        "eq": "Equal", "exp": "Exp", "floor": "Floor", "ge": "GreaterOrEqual",
        "le": "LessOrEqual", "log": "Log", "logistic": "Sigmoid", "lt": "Less", "max": "Max",
        "min": "Min", "mul": "Mul", "neg": "Neg", "not": "Not", "or": "Or", "sign": "Sign",
        "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt", "stop_gradient": "Identity", "sub": "Sub",
        "tanh": "Tanh",
    }
)  # fmt: skip
"""Of JAX's operations, what ONNX calls them."""


def _like(graph: Graph, eqn: Any, value: float) -> str:
    return graph.constant(value, eqn.invars[0].aval.dtype)


def _select(graph: Graph, eqn: Any, which: str, first: str, second: str) -> str:
    """`first` where `which` is false. Not all runtimes choose among booleans."""
    if eqn.outvars[0].aval.dtype != np.bool_:
        return graph.add("Where", which, second, first)
    chosen = graph.add("And", which, second), graph.add("And", graph.add("Not", which), first)
    return graph.add("Or", *chosen)


def _log1p(graph: Graph, eqn: Any, x: str) -> str:
    """x log(u) / (u - 1) with u = 1 + x as it is rounded (Kahan): exact next to 0, too."""
    one = _like(graph, eqn, 1)
    u = graph.add("Add", x, one)
    rounded = graph.add("Sub", u, one)
    none = graph.add("Equal", rounded, _like(graph, eqn, 0))
    divisor = graph.add("Where", none, one, rounded)
    exact = graph.add("Mul", graph.add("Log", u), graph.add("Div", x, divisor))
    return graph.add("Where", none, x, exact)


def _asinh(graph: Graph, eqn: Any, x: str) -> str:
    """sign(x) log1p(a + a^2 / (1 + sqrt(a^2 + 1))), a = |x|: no digits are lost next to 0."""
    one, a = _like(graph, eqn, 1), graph.add("Abs", x)
    squared = graph.add("Mul", a, a)
    root = graph.add("Sqrt", graph.add("Add", squared, one))
    more = graph.add("Div", squared, graph.add("Add", root, one))
    value = _log1p(graph, eqn, graph.add("Add", a, more))
    return graph.add("Mul", graph.add("Sign", x), value)


def _atan2(graph: Graph, eqn: Any, y: str, x: str) -> str:
    zero = _like(graph, eqn, 0)
    none = graph.add("Equal", x, zero)
    safe = graph.add("Where", none, _like(graph, eqn, 1), x)
    angle = graph.add("Atan", graph.add("Div", y, safe))
    half_turn = (_like(graph, eqn, sign * math.pi) for sign in (-1, 1))
    turned = graph.add("Add", angle, graph.add("Where", graph.add("Less", y, zero), *half_turn))
    angle = graph.add("Where", graph.add("Less", x, zero), turned, angle)
    upright = graph.add("Mul", graph.add("Sign", y), _like(graph, eqn, math.pi / 2))
    return graph.add("Where", none, upright, angle)


def _greater(graph: Graph, eqn: Any, a: str, b: str) -> str:
    """Where numbers too small for all their digits are 0, as XLA has it on CPUs and runtimes have
    not, "above 0" is "a normal number": models ask it of what an exponential left."""
    dtype = eqn.invars[0].aval.dtype
    if np.issubdtype(dtype, np.floating) and b == _like(graph, eqn, 0):
        return graph.add("GreaterOrEqual", a, _like(graph, eqn, np.finfo(dtype).tiny))
    return graph.add("Greater", a, b)


def _power(graph: Graph, eqn: Any, x: str) -> str:
    if eqn.params["y"] == 2:
        return graph.add("Mul", x, x)
    return graph.add("Pow", x, _like(graph, eqn, eqn.params["y"]))


def _finite(graph: Graph, eqn: Any, x: str) -> str:
    return graph.add("Not", graph.add("Or", graph.add("IsNaN", x), graph.add("IsInf", x)))


def _cast(graph: Graph, eqn: Any, x: str) -> str:
    return graph.add("Cast", x, to=type_of(eqn.params["new_dtype"]))


RULES: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "asinh": _asinh,
        "atan2": _atan2,
        "convert_element_type": _cast,
        "gt": _greater,
        "integer_pow": _power,
        "is_finite": _finite,
        "log1p": _log1p,
        "ne": lambda graph, eqn, a, b: graph.add("Not", graph.add("Equal", a, b)),
        "rem": lambda graph, eqn, a, b: graph.add("Mod", a, b, fmod=1),
        "rsqrt": lambda graph, eqn, x: graph.add("Reciprocal", graph.add("Sqrt", x)),
        "select_n": _select,
        "square": lambda graph, eqn, x: graph.add("Mul", x, x),
    }
)
"""Those that ONNX has not, or not as exact: functions of (graph, equation, inputs)."""
