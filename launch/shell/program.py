"""What every program shares: flags, one clear line for an error, an orderly interruption.

`start(run)` turns a function into an absl main. The docstring of the program's module is what
`--help` prints first, and every flag of ours after it: absl would show those of the program's own
file alone, without --config and --run, and end with 1.
"""

import os
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from hpo.core.secrets import without_secrets
from launch.shell import configs
from launch.shell.progress import end_where_unread
from launch.shell.runs import RunError
from mlpf_install import names

_TRACEBACK = flags.DEFINE_bool("traceback", False, "Show where in the code an error arose.")
UNKNOWN_KEY = (AttributeError, KeyError)  # what absl and ml_collections raise of a command line
HELP = ("--help", "-help", "-h", "-?", "--helpshort")
WRONG_FLAGS = (flags.Error, TypeError, ValueError, OSError, ImportError, SyntaxError)


def define_config(default: str = "demo") -> Callable[[], ConfigDict]:
    """Defines --config (a name or a file, see `configs`) and --config.key=value, which changes one
    of its values; returns the reader of what they come to."""
    shown = flags.DEFINE_bool("print_config", False, "Show every value of --config, and end.")
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
        if shown.value:
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
            raise RunError(
                f"unexpected argument {arguments[0]!r}; flags begin with -- (--help shows them)"
            )
        run()

    start_with(without)


def start_with(run: Callable[[list[str]], None]) -> None:
    """The same for a program that takes what stands behind its flags."""

    def main(arguments: Sequence[str]) -> None:
        logging.set_verbosity(logging.WARNING)  # libraries' news; ours go through `progress`
        _guarded(lambda: run(list(arguments[1:])))

    app.run(main, flags_parser=_parse)


def own_flags() -> list[flags.Flag]:
    """The flags of this program that absl has not in every program, by name."""
    found = flags.FLAGS.flags_by_module_dict().items()
    ours = {flag.name: flag for module, those in found if not ABSL.match(module) for flag in those}
    return [ours[name] for name in sorted(ours) if "." not in name]  # but for config.key


ABSL = re.compile(r"absl(?!\.flags\._)")  # absl.flags._: defined by a call that hides its place


def help_lines(width: int) -> Iterator[str]:
    """What a program is for, and its flags: first those of its own, then what others have, too."""
    yield (sys.modules["__main__"].__doc__ or "").strip()
    main = flags.FLAGS.find_module_defining_flag
    own = [flag for flag in own_flags() if main(flag.name) == sys.argv[0]]
    shared = [flag for flag in own_flags() if flag not in own]
    for title, those in (("flags [default]", own), ("flags that other programs have, too", shared)):
        if those:
            yield f"\n{title}:"
        for flag in those:
            yield from _flag_lines(flag, width)
    yield "\n--helpfull also shows absl's own"


def _flag_lines(flag: flags.Flag, width: int) -> list[str]:
    plain = flag.name == "config" or flag.default in (None, "", False, [])
    default = "" if plain else f" [{flag.default_as_str.strip(QUOTES)}]"
    name = f"  --{flag.name}"
    first = f"{name:<17} " if len(name) <= 17 else f"{name}  "
    indent = " " * 18
    wrapper = Wrapper(width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
    return wrapper.wrap(f"{flag.help}{default}")


class Wrapper(textwrap.TextWrapper):
    """A list of choices, a|b|c or a,b,c, goes on in the next line after a whole one."""

    wordsep_simple_re = re.compile(r"(\s+|(?<=[|,])(?=\S))")


QUOTES = "'\""


def _parse(arguments: Sequence[str]) -> list[str]:
    """Flags of the command line; an unknown one, or an unknown config key, ends in one line."""
    sys.path.insert(0, os.getcwd())
    try:
        if set(HELP) & set(arguments[1:]):
            print("\n".join(help_lines(flags.get_help_width())), flush=True)
            sys.exit(0)
        return flags.FLAGS(list(arguments))
    except UNKNOWN_KEY as error:
        reason = _unknown_key(error)
    except WRONG_FLAGS as error:
        if isinstance(error, BrokenPipeError):
            end_where_unread()
        reason = NOT_GIVEN.sub(r"--\1 is needed", _text(names.told(error)))
    sys.exit(f"error: {reason} (--help shows the flags)")


NOT_GIVEN = re.compile(r"^flag --(\w+)=None: .*None\.$")  # absl of a flag that is required


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
    """The error as one line; a bare KeyError says too little without its type."""
    ours = isinstance(error, OSError) and error.errno is None  # said by this project, in words
    speaks = isinstance(error, (ValueError, RuntimeError)) and not isinstance(error, UnicodeError)
    speaks = speaks or ours
    return f"error: {_text(error)}" if speaks else f"error: {type(error).__name__}: {_text(error)}"


def _text(error: BaseException) -> str:
    return " ".join(without_secrets(str(error)).split()) or type(error).__name__
