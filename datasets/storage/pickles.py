"""Pickles of numbers from outside, read without running them.

A pickle is a program. Here only one kind is accepted: dicts, lists and tuples of numpy arrays of
plain numbers. Two guards: the instructions are looked at first, and only those that such a pickle
needs are admitted; and whatever the pickle calls by name is answered by a stand-in of ours, so
that not even numpy sees its arguments before they are checked.
"""

import bz2
import io
import math
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

MAX_BYTES = 1 << 30  # of a file, unpacked

_OPCODES = {
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1",
    "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST",
    "APPEND", "APPENDS", "EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "MEMOIZE",
    "BINGET", "LONG_BINGET", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
}  # fmt: skip
_KINDS = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


class PickleError(ValueError):
    """A file that is not a pickle of numbers."""


def load(path: Path, max_bytes: int = MAX_BYTES) -> Any:
    """What a bz2-compressed pickle holds. Nothing in the file is executed.

    Raises PickleError naming the file and what was refused: damage, instructions, names, arrays
    of anything but numbers, or more than `max_bytes` unpacked.
    """
    try:
        data = _unpacked(path, max_bytes)
        _check_instructions(data)
        return _finished(_Unpickler(io.BytesIO(data)).load())
    except PickleError as error:
        raise PickleError(f"{path} is refused: {error}") from None
    except Exception as error:
        raise PickleError(f"{path} is damaged: {error or type(error).__name__}") from None


def _unpacked(path: Path, max_bytes: int) -> bytes:
    with bz2.open(path) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise PickleError(f"it unpacks to more than {max_bytes} bytes")
    return data


def _check_instructions(data: bytes) -> None:
    stored = 0
    for opcode, argument, position in pickletools.genops(data):
        if opcode.name not in _OPCODES:
            raise PickleError(f"instruction {opcode.name} at byte {position}")
        if "PUT" in opcode.name or opcode.name == "MEMOIZE":
            # Python makes room up to this number, however large
            if argument is not None and argument > stored:
                raise PickleError(f"{opcode.name} {argument} at byte {position}, out of order")
            stored += 1


class _Array:
    """An array while it is put together: made empty, then told its state once."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: np.ndarray | None = None

    def __setstate__(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 5 and self.values is None):
            raise PickleError("an array with a strange state")
        _, shape, dtype, fortran, content = state
        self.values = _array(content, dtype, shape, "F" if fortran else "C")


class _Dtype:
    """A numeric type; its state tells the byte order."""

    __slots__ = ("dtype",)

    def __init__(self, code: Any):
        if not (isinstance(code, str) and code in _KINDS):
            raise PickleError(f"an array of type {code!r}, which is no plain number")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise PickleError("a type with a strange state")
        self.dtype = self.dtype.newbyteorder(order)


class _Call:
    """What stands in for a name of the pickle: a call of ours, and nothing to be changed."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]):
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise PickleError("a name that it would change")


def _array(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    sizes = isinstance(shape, tuple) and all(type(n) is int and n >= 0 for n in shape)
    if not (sizes and isinstance(dtype, _Dtype) and isinstance(content, (bytes, bytearray))):
        raise PickleError("an array with strange contents")
    if order not in ("C", "F") or math.prod(shape) * dtype.dtype.itemsize != len(content):
        raise PickleError("an array whose bytes do not fit its shape")
    return np.frombuffer(content, dtype.dtype).reshape(shape, order=order)


def _frombuffer(content: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.values = _array(content, dtype, shape, order)
    return array


def _reconstruct(kind: Any, shape: Any, code: Any) -> _Array:
    return _Array()


def _encode(text: Any, encoding: Any) -> bytes:
    if not (isinstance(text, str) and encoding == "latin1"):
        raise PickleError("text in a strange encoding")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


# numpy 1 and numpy 2 name the same things differently.
_NAMES = {
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _reconstruct),
            ("numeric", "_frombuffer", _frombuffer),
        )
    },
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): lambda code, align=False, copy=False: _Dtype(code),
    ("_codecs", "encode"): _encode,  # bytes in protocol 2
    ("__builtin__", "bytes"): _no_bytes,  # no bytes in protocol 2
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> _Call:
        if (module, name) not in _NAMES:
            raise PickleError(f"it asks for {module}.{name}")
        return _Call(_NAMES[module, name])

    def persistent_load(self, identity: Any) -> Any:
        raise PickleError("it refers to something outside")


def _finished(value: Any) -> Any:
    """The arrays in place of what they were put together from: two levels deep, as in our files."""
    if isinstance(value, dict):
        return {key: _finished(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [item.values if isinstance(item, _Array) else item for item in value]
    return value
