"""An ONNX graph while it grows: nodes, constants, and sizes that are known only when it runs."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET, IR = 18, 8  # what runtimes of 2023 and later read


class Value(NamedTuple):
    """A tensor of the graph. A thin one still has to be broadcast to the shape it stands for."""

    name: str
    thin: bool = False


class Graph:
    """Adds nodes in the order in which they are computed."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple, onnx.TensorProto] = {}
        self._sizes: dict[str, str] = {}

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """A node of one output, whose name is returned."""
        return self.add_many(operation, 1, *inputs, **attributes)[0]

    def add_many(self, operation: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """A node of several outputs."""
        names = [f"{operation}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(operation, inputs, names, **attributes))
        return names

    def constant(self, value: Any, dtype: Any = None) -> str:
        """The same values are there once."""
        array = np.asarray(value, dtype)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self.constants:
            name = f"constant_{len(self.constants)}"
            self.constants[key] = numpy_helper.from_array(array, name)
        return self.constants[key].name

    def numbers(self, values: Sequence[int]) -> str:
        """Axes, or sizes that are known."""
        return self.constant(values, np.int64)

    def name_sizes(self, tensor: str, shape: Sequence[Any]) -> None:
        """The symbols among the sizes of an input are read from it."""
        for axis, size in enumerate(shape):
            if not _known(size):
                self._sizes[str(size)] = self.add("Shape", tensor, start=axis, end=axis + 1)

    def size(self, size: Any) -> str:
        """A number or an expression of symbols (as `jax.export` writes them), of shape (1,)."""
        if _known(size):
            return self.numbers([size])
        text = str(size)
        if text not in self._sizes:
            tree = ast.parse(text.strip().replace("^", "**"), mode="eval")
            self._sizes[text] = self._computed(tree.body)
        return self._sizes[text]

    def shape(self, sizes: Sequence[Any]) -> str:
        """All sizes of a tensor."""
        if all(map(_known, sizes)):
            return self.numbers(sizes)
        return self.add("Concat", *map(self.size, sizes), axis=0)

    def _computed(self, tree: ast.expr) -> str:
        match tree:
            case ast.Constant(value=int(number)):
                return self.numbers([number])
            case ast.Name(id=name):
                return self._sizes[name]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.add("Neg", self._computed(operand))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                both = self._computed(left), self._computed(right)
                return self.add(_ARITHMETIC[type(op)], *both)
            case ast.Call(func=ast.Name(id="floordiv"), args=[number, divisor]):
                a, b = self._computed(number), self._computed(divisor)
                whole = self.add("Sub", a, self.add("Mod", a, b))  # Div rounds towards zero
                return self.add("Div", whole, b)
            case ast.Call(func=ast.Name(id=name), args=[a, b]) if name in _FUNCTIONS:
                return self.add(_FUNCTIONS[name], self._computed(a), self._computed(b))
        raise NotImplementedError(f"ONNX: a size cannot be computed: {ast.unparse(tree)}")

    def model(
        self, inputs: Mapping[str, Any], outputs: Mapping[str, tuple[str, Any]]
    ) -> onnx.ModelProto:
        """The whole, checked. Both sides are names with shape and type; of an output also the
        name of the tensor that it is."""
        for name, (tensor, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        nodes, used = _needed(self.nodes, outputs)
        graph = helper.make_graph(
            nodes,
            "mlpf",
            [_described(name, value) for name, value in inputs.items()],
            [_described(name, value) for name, (_, value) in outputs.items()],
            [value for value in self.constants.values() if value.name in used],
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR)
        onnx.checker.check_model(model)
        return model


_ARITHMETIC = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Pow: "Pow"}
_FUNCTIONS = {"mod": "Mod", "max": "Max", "min": "Min"}


def type_of(dtype: Any) -> int:
    """ONNX's number of a type."""
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def _needed(
    nodes: Sequence[onnx.NodeProto], outputs: Iterable[str]
) -> tuple[list[onnx.NodeProto], set[str]]:
    """The nodes that lead to the outputs, in their order, and the names of all they use."""
    kept, used = [], set(outputs)
    for node in reversed(nodes):
        if used.intersection(node.output):
            kept.append(node)
            used.update(node.input)
    return kept[::-1], used


def _known(size: Any) -> bool:
    return isinstance(size, (int, np.integer))


def _described(name: str, value: Any) -> onnx.ValueInfoProto:
    sizes = [int(size) if _known(size) else str(size) for size in value.shape]
    return helper.make_tensor_value_info(name, type_of(value.dtype), sizes)
