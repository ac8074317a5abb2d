"""What every program shares: flags, one clear line for an error, an orderly interruption.

`start(run)` turns a function into an absl main. The docstring of the program's module is what
`--help` prints first.
"""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from hpo.core.secrets import without_secrets
from launch.shell import configs
from launch.shell.progress import end_where_unread
from launch.shell.runs import RunError
from mlpf_install import names

_PRINT_CONFIG = flags.DEFINE_bool("print_config", False, "Show every value of --config, and end.")
_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where in the code an error arose.")
UNKNOWN_KEY = (AttributeError, KeyError)  # what absl and ml_collections raise of a command line
WRONG_FLAGS = (flags.Error, TypeError, ValueError, OSError, ImportError, SyntaxError)


def define_config(default: str = "demo") -> Callable[[], ConfigDict]:
    """Defines --config (a name or a file, see `configs`) and --config.key=value, which changes one
    of its values; returns the reader of what they come to."""
    name, arguments = configs.taken_from(sys.argv[1:], default)
    sys.argv[1:] = arguments
    try:
        config = configs.filled(configs.load(name))
        holder = config_flags.DEFINE_config_dict(
            "config", config, f"The experiment, by name ({default}) or file; --config.key=value "
            "changes one of its values, --print_config shows them.",
        )  # fmt: skip
    except UNKNOWN_KEY as error:  # overrides are looked at already
        sys.exit(f"error: {_unknown_key(error)} (--help shows the flags)")
    except RunError as error:
        sys.exit(f"error: {_text(error)}")
    except Exception as error:  # a configuration is a program, and may end anyhow
        sys.exit(f"error: --config={name}: {type(error).__name__}: {_text(names.told(error))}")

    def value() -> ConfigDict:
        found = ConfigDict(holder.value.to_dict())
        if _PRINT_CONFIG.value:
            print(without_secrets(configs.described(found.to_dict())))
            sys.exit(0)
        return found

    return value


def define_run(default: str = "runs/demo") -> Callable[[], Path]:
    """Defines --run, the folder that one experiment reads and writes."""
    holder = flags.DEFINE_string("run", default, "The folder of the run.")
    return lambda: Path(holder.value)


def start(run: Callable[[], None]) -> None:
    """Runs a program: 0 when done, 1 after an error, 130 when interrupted."""

    def without(arguments: list[str]) -> None:
        if arguments:
            raise app.UsageError(f"unexpected argument {arguments[0]!r}; flags begin with --")
        run()

    start_with(without)


def start_with(run: Callable[[list[str]], None]) -> None:
    """The same for a program that takes what stands behind its flags."""

    def main(arguments: Sequence[str]) -> None:
        logging.set_verbosity(logging.WARNING)  # libraries' news; ours go through `progress`
        _guarded(lambda: run(list(arguments[1:])))

    app.run(main, flags_parser=_parse)


def _parse(arguments: Sequence[str]) -> list[str]:
    """Flags of the command line; an unknown one, or an unknown config key, ends in one line."""
    sys.path.insert(0, os.getcwd())
    try:
        return flags.FLAGS(list(arguments))
    except UNKNOWN_KEY as error:
        reason = _unknown_key(error)
    except WRONG_FLAGS as error:
        if isinstance(error, BrokenPipeError):
            end_where_unread()
        reason = _text(names.told(error))
    sys.exit(f"error: {reason} (--help shows the flags)")


def _unknown_key(error: BaseException) -> str:
    # ml_collections quotes its message twice
    hint = str(error).replace("\\n", ": ").replace("\\'", "").strip("'\"")
    return f"the configuration has no key {hint}"


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except app.UsageError:
        raise
    except (Exception, KeyboardInterrupt) as error:
        if isinstance(error, BrokenPipeError):
            end_where_unread()
        sys.exit(failed(error))


def failed(error: BaseException) -> int:
    """Says in one line what went wrong, or with --traceback all of it; the exit status."""
    if isinstance(error, KeyboardInterrupt):
        print("\ninterrupted: start the same command again to go on where it was", file=sys.stderr)
        return 130
    if _TRACEBACK.value:
        print(without_secrets("".join(traceback.format_exception(error))), file=sys.stderr)
    else:
        print(_line(error), file=sys.stderr)
    return 1


def _line(error: BaseException) -> str:
    """The error as one line; a bare KeyError or OSError says too little without its type."""
    speaks = isinstance(error, (ValueError, RuntimeError)) and not isinstance(error, UnicodeError)
    return f"error: {_text(error)}" if speaks else f"error: {type(error).__name__}: {_text(error)}"


def _text(error: BaseException) -> str:
    return " ".join(without_secrets(str(error)).split()) or type(error).__name__
