"""Programs up to the moment at which they would begin: their flags, and what lines they take.

Each is run as `python -m launch.<verb>` is, in this process, but for what it does; afterwards
flags, arguments and path are as they were.
"""

import contextlib
import io
import re
import runpy
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple
from unittest import mock

from absl import flags

from launch.__main__ import KNOWN as VERBS
from launch.shell import program

__all__ = ["VERBS", "Flag", "Refused", "check", "flags_of"]

_KINDS = {
    "string": "text", "bool": "yes or no", "int": "whole number", "float": "number",
    "comma separated list of strings": "list, with commas",
}  # fmt: skip


class Flag(NamedTuple):
    """A flag as a person writes it; `default` is empty where there is none."""

    name: str
    kind: str
    default: str
    meaning: str


class Refused(ValueError):
    """A command line with which the program would not begin."""


def flags_of(verb: str) -> list[Flag]:
    """Every flag of a program, but for those that all programs have from absl."""
    with _begun(verb, (), parse=False):
        return [_described(flag) for flag in program.own_flags()]


def check(verb: str, arguments: Sequence[str]) -> None:
    """Raises Refused, with what the program would say, for a flag, a configuration, a key or a
    value that there is not."""
    with _begun(verb, [word for word in arguments if word not in ("--help", "--helpfull")]):
        pass


@contextlib.contextmanager
def _begun(verb: str, arguments: Sequence[str], parse: bool = True) -> Iterator[flags.FlagValues]:
    """The flags of a program, as its command line sets them where that is parsed."""

    def begin(run: object, further: bool = False) -> None:
        given = program._parse(sys.argv)[1:] if parse else ()
        if given and not further:
            raise Refused(f"unexpected argument {given[0]!r}")

    known, said = set(flags.FLAGS), io.StringIO()
    with (
        mock.patch.object(sys, "argv", [f"launch.{verb}", *arguments]),
        mock.patch.object(sys, "path", list(sys.path)),
        mock.patch.object(program, "start", begin),
        mock.patch.object(program, "start_with", partial(begin, further=True)),
        contextlib.redirect_stderr(said),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="runpy")  # imported, too
        try:
            runpy.run_module(f"launch.{verb}", run_name="__main__", alter_sys=True)
            yield flags.FLAGS
        except SystemExit as end:
            raise Refused(str(end.code or said.getvalue())) from None
        finally:
            for name in set(flags.FLAGS) - known:
                delattr(flags.FLAGS, name)
            flags.FLAGS.unparse_flags()


def _described(flag: flags.Flag) -> Flag:
    if flag.name == "config":
        return Flag("config", "name or file", "", flag.help)
    kind = flag.flag_type()
    if isinstance(flag, flags.EnumFlag):
        kind = " or ".join(flag.parser.enum_values)
    default = (flag.default_as_str or "").strip("'")
    meaning = re.sub(r"^<[^>]*>: ", "", flag.help)  # the choices of an enum
    return Flag(flag.name, _KINDS.get(kind, kind), default, meaning)
