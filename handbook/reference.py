"""The reference, made of the code: public names, programs and their flags, configurations."""

import ast
import importlib.util
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handbook import configuration, names
from handbook.markdown import code, table
from handbook.programs import flags_of
from launch.__main__ import VERBS


def made() -> dict[str, str]:
    """Pages by their path."""
    return {
        "reference/commands": command_line(),
        "reference/configuration": configuration.page(),
        **{path: of_package(page) for path, page in names.PAGES.items()},
    }


def of_package(page: names.Page) -> str:
    """The public names of a package, with their signatures and docstrings."""
    lines = [f"# {page.package}", "", page.text, ""]
    for title, listed in parts_of(page).items():
        lines += [f"## {title}", "", "```{eval-rst}"]
        for name in listed:
            lines += _directive(page.package, name)
        lines += ["```", ""]
    return "\n".join(lines)


def parts_of(page: names.Page) -> dict[str, list[str]]:
    """Names under their headings, and at the end public ones that no heading names."""
    parts = {title: listed.split() for title, listed in page.parts.items()}
    named = {name for listed in parts.values() for name in listed}
    further = [name for name in public(page.package) if name not in named]
    return {**parts, "Further": further} if further else parts


def public(package: str) -> list[str]:
    """What a package and its rooms of `names.ROOMS` say is public, but for tables of names."""
    rooms = ("", *(f"{room}." for room in names.ROOMS.get(package, ())))
    every = [
        f"{room}{name}"
        for room in rooms
        for name in getattr(found(package, room.rstrip(".")), "__all__", ())
    ]
    return [name for name in every if callable(found(package, name))]


def found(package: str, name: str) -> Any:
    """The object `package.name`, whose modules are imported as far as they must be."""
    value: Any = importlib.import_module(package)
    path = package
    for word in filter(None, name.split(".")):
        path = f"{path}.{word}"
        try:
            value = getattr(value, word)
        except AttributeError:
            value = importlib.import_module(path)
    return value


def _directive(package: str, name: str) -> list[str]:
    value = found(package, name)
    module, _, last = f"{package}.{name}".rpartition(".")
    kind = "data" if not callable(value) else "function" if not isinstance(value, type) else "class"
    if kind == "class" and issubclass(value, BaseException):
        kind = "exception"
    shown = ", ".join(_explained(value)) if kind == "class" else ""
    options = [f"   :members: {shown}"] if shown else []
    return [f".. currentmodule:: {module}", "", f".. auto{kind}:: {last}", *options, ""]


def _explained(kind: type) -> list[str]:
    """The methods and properties of a class that say here what they do."""
    own = {n: getattr(m, "fget", m) for n, m in vars(kind).items() if not n.startswith("_")}
    return [
        name
        for name, member in own.items()
        if getattr(member, "__module__", None) == kind.__module__ and inspect.getdoc(member)
    ]


def command_line() -> str:
    """Every program: its purpose, examples and flags."""
    lines = [
        "# Command line",
        "",
        "`mlpf <verb>` where the package is installed, `python -m launch.<verb>` in a clone; "
        "`mlpf --help` lists the verbs. An error is one line; `--traceback` shows where it arose. "
        "`--config.key=value` changes any value of a configuration: [all keys](configuration.md).",
        "",
    ]
    for wish, verbs in VERBS.items():
        lines += [f"## {wish.capitalize()}", ""]
        for verb in verbs:
            lines += [f"### {verb}", "", *_described(verb), ""]
    return "\n".join(lines)


def _described(verb: str) -> Iterator[str]:
    first, _, rest = _docstring(verb).partition("\n")
    yield from (first, "")
    if rest.strip():
        yield from ("```text", rest.strip(), "```", "")
    rows = [
        (code(f"--{f.name}"), f.kind, code(f.default), flags_as_code(f.meaning))
        for f in flags_of(verb)
    ]
    yield from table(("flag", "takes", "default", "meaning"), rows)


def flags_as_code(text: str) -> str:
    """Flags in a sentence are code; two hyphens would be a dash."""
    return re.sub(r"(?<![\w`-])(--\w[\w.=]*\w)", r"`\1`", text)


def _docstring(verb: str) -> str:
    origin = Path(importlib.util.find_spec(f"launch.{verb}").origin)
    file = origin.with_name("__main__.py") if origin.stem == "__init__" else origin
    return ast.get_docstring(ast.parse(file.read_text())) or ""
