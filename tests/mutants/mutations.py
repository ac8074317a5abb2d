"""Small wrong changes of a module: where in the text, and what stands there instead."""

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple


class Mutation(NamedTuple):
    """`text` instead of the bytes from `start` to `end` of the file `path`.

    where     name of the function it stands in, "" outside of all; `first` is that function's line
              as its code object says it, 0 outside
    code      the line that it begins in
    name      of a mutation that somebody thought of; "" of one of those found here
    """

    path: str
    line: int
    where: str
    first: int
    code: str
    before: str
    after: str
    start: int
    end: int
    text: str
    name: str = ""


COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (
    ("min", "max"),
    ("any", "all"),
    ("argmin", "argmax"),
    ("minimum", "maximum"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("sum", "mean"),
    ("cos", "sin"),
    ("logical_and", "logical_or"),
)
NAMES = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1]) if a != "mean" or b != "sum"}
UNSAID = ("strict",)  # zip's: it refuses what cannot come, and changes nothing else


def mutations(path: str, source: str) -> list[Mutation]:
    """All small changes of a module, in the order of its text.

    Left as they are: words (texts, annotations, decorators), and what an error says.
    """
    lines, starts = source.splitlines(), [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, where, first in _walk(ast.parse(source), "", 0):
        for old, new in _changes(node):
            start = starts[old.lineno - 1] + old.col_offset
            end = starts[old.end_lineno - 1] + old.end_col_offset
            before, after = ast.unparse(old), ast.unparse(new)
            if before == after:
                continue
            text = f"({after})" if isinstance(new, ast.expr) and _alone(new) else after
            code = lines[old.lineno - 1].strip()
            found.append(
                Mutation(path, old.lineno, where, first, code, before, after, start, end, text)
            )
    return sorted(found, key=lambda m: (m.start, m.end, m.after))


def mutated(source: str, mutation: Mutation) -> str:
    """The module with the change made."""
    plain = source.encode()
    new = plain[: mutation.start] + mutation.text.encode() + plain[mutation.end :]
    return new.decode()


def _alone(node: ast.expr) -> bool:
    """Whether it can stand in brackets."""
    return not isinstance(node, ast.Slice | ast.GeneratorExp)


def _walk(node: ast.AST, where: str, first: int) -> Iterator[tuple[ast.AST, str, int]]:
    """Nodes that can change, each with the function it is part of."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        where = f"{where}.{node.name}".lstrip(".")
    if isinstance(node, ast.FunctionDef):
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    yield node, where, first
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _left(node, child):
                yield from _walk(child, where, first)


def _left(parent: ast.AST, child: ast.AST) -> bool:
    """Whether the child stays as it is: words, errors, and the types that isinstance is given."""
    if isinstance(child, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(child, ast.keyword) and child.arg in UNSAID:
        return True
    typed = isinstance(parent, ast.Call) and _name(parent) == "isinstance"
    return typed and child in parent.args[1:]


def _changes(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """What stands there, and what could instead."""
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _conditions(node.test, never_true=isinstance(node, ast.While))
    elif isinstance(node, ast.comprehension):
        for condition in node.ifs:
            yield from _conditions(condition)
    else:
        yield from ((node, other) for other in _others(node))


def _conditions(test: ast.expr, never_true: bool = False) -> Iterator[tuple[ast.AST, ast.AST]]:
    for value in (False,) if never_true else (True, False):
        yield test, ast.Constant(value)


def _others(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Compare):
        for i, operator in enumerate(node.ops):
            for kind in COMPARISONS[type(operator)]:
                yield _with(node, ops=[*node.ops[:i], kind(), *node.ops[i + 1 :]])
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS:
        yield _with(node, op=OPERATORS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.BoolOp):
        yield _with(node, op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _numbers(node.value))
    elif isinstance(node, ast.Call):
        yield from _calls(node)
    elif isinstance(node, ast.Slice):
        yield from (_with(node, **{end: None}) for end in ("lower", "upper") if getattr(node, end))
    elif isinstance(node, ast.Return) and node.value is not None:
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()


def _numbers(value: object) -> tuple:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return value + 1, value - 1
    if isinstance(value, float):
        return (value + 1, value / 2) if value else (1.0,)
    return ()


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    name = _name(node)
    if name in NAMES:
        called = copy.copy(node.func)
        setattr(called, "id" if isinstance(called, ast.Name) else "attr", NAMES[name])
        yield _with(node, func=called)
    if name == "sorted":
        yield ast.Subscript(node, ast.Slice(step=ast.UnaryOp(ast.USub(), ast.Constant(1))))
    for i, keyword in enumerate(node.keywords):
        if keyword.arg not in (None, *UNSAID):
            yield _with(node, keywords=[*node.keywords[:i], *node.keywords[i + 1 :]])


def _name(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _with(node: ast.AST, **fields: object) -> ast.AST:
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other
