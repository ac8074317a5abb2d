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

from mlpf_install import names

_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where in the code an error arose.")


def define_config(default: str = "configs/demo.py") -> Callable[[], ConfigDict]:
    """Defines --config (a file, or file with --config.key=value overrides); returns its reader."""
    try:
        holder = config_flags.DEFINE_config_file(
            "config", default, "The experiment; --config.key=value changes one of its values."
        )
    except (AttributeError, KeyError) as error:  # overrides of the default are looked at already
        sys.exit(f"error: {_unknown_key(error)} (--help shows the flags)")

    def value() -> ConfigDict:
        try:
            return ConfigDict(holder.value.to_dict())  # a file that failed to load shows only here
        except OSError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ValueError(f"--config cannot be loaded: {reason}") from error

    return value


def define_run(default: str = "runs/demo") -> Callable[[], Path]:
    """Defines --run, the folder that one experiment reads and writes."""
    holder = flags.DEFINE_string("run", default, "The folder of the run.")
    return lambda: Path(holder.value)


def start(run: Callable[[], None]) -> None:
    """Runs a program: 0 when done, 1 after an error, 130 when interrupted."""

    def main(arguments: Sequence[str]) -> None:
        if len(arguments) > 1:
            raise app.UsageError(f"unexpected argument {arguments[1]!r}; flags begin with --")
        logging.set_verbosity(logging.WARNING)  # libraries' news; ours go through `progress`
        _guarded(run)

    app.run(main, flags_parser=_parse)


def _parse(arguments: Sequence[str]) -> list[str]:
    """Flags of the command line; an unknown one, or an unknown config key, ends in one line."""
    sys.path.insert(0, os.getcwd())
    try:
        return flags.FLAGS(list(arguments))
    except (AttributeError, KeyError) as error:
        reason = _unknown_key(error)
    except (flags.Error, TypeError, ValueError, OSError, ImportError, SyntaxError) as error:
        reason = _text(names.told(error))
    sys.exit(f"error: {reason} (--help shows the flags)")


def _unknown_key(error: BaseException) -> str:
    # ml_collections quotes its message twice
    hint = str(error).replace("\\n", ": ").replace("\\'", "").strip("'\"")
    return f"the configuration has no key {hint}"


def _guarded(run: Callable[[], None]) -> None:
    try:
        run()
    except (Exception, KeyboardInterrupt) as error:
        sys.exit(failed(error))


def failed(error: BaseException) -> int:
    """Says in one line what went wrong, or with --traceback all of it; the exit status."""
    if isinstance(error, KeyboardInterrupt):
        print("\ninterrupted: start the same command again to go on where it was", file=sys.stderr)
        return 130
    if _TRACEBACK.value:
        traceback.print_exception(error)
    else:
        print(_line(error), file=sys.stderr)
    return 1


def _line(error: BaseException) -> str:
    """The error as one line; a bare KeyError or OSError says too little without its type."""
    speaks = isinstance(error, (ValueError, RuntimeError)) and not isinstance(error, UnicodeError)
    return f"error: {_text(error)}" if speaks else f"error: {type(error).__name__}: {_text(error)}"


def _text(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
