"""Configurations by name or path, with every key that they could have.

--config=demo            configs/demo.py of this folder, or of the package
--config=mine/study.py   any file with a get_config(); it is Python, and is run
--config=demo:argument   get_config("argument")

What a file leaves out stands at its default, so that all of it can be changed by
--config.key=value, and a run's config.json says it all.
"""

import difflib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from launch.shell.runs import RunError, defaults
from mlpf_install import names

PACKAGE = "configs"
LONGEST = 200  # characters of a name that is shown


def load(name: str) -> ConfigDict:
    """What the file's get_config returns. Raises RunError where there is none."""
    path, _, argument = name.partition(":")
    file = _file_of(path)
    try:
        get_config = _getter(file)
        config = get_config(argument) if argument else get_config()
    except RunError:
        raise
    except Exception as error:  # it is a program, and may end anyhow
        raise RunError(f"--config={name}: {type(error).__name__}: {names.told(error)}") from error
    if not isinstance(config, ConfigDict):
        raise RunError(f"{file}: get_config() returns a {type(config).__name__}, no ConfigDict")
    return config


def filled(config: ConfigDict) -> ConfigDict:
    """The same with the defaults of what it leaves out, in the sections that it has; `model` and
    `train` of a training of one's own, which has no data, are its own."""
    full = ConfigDict(config.to_dict())
    if "fit" in full and "mesh" not in full:
        full.mesh = ConfigDict()
    own = () if "data" in full else ("model", "train")
    for path, value in defaults().items():
        section, *inner, key = path.split(".")
        if section not in full or section in own:
            continue
        at = full[section]
        for name in inner:
            if name not in at:
                at[name] = ConfigDict()
            at = at[name]
        if key not in at:
            at[key] = tuple(value) if isinstance(value, list) else value
    return full


def _file_of(name: str) -> Path:
    """A file that is there, or the configuration of that name. Raises RunError."""
    shown = name if name.isprintable() and len(name) <= LONGEST else f"{name[:LONGEST]!r}"
    try:
        return _found(name)
    except OSError as error:
        raise RunError(f"--config={shown}: {error.strerror}") from None
    except LookupError as error:
        raise RunError(f"--config={shown}: there is no such configuration; {error}") from None


def _found(name: str) -> Path:
    """Raises LookupError that says what there is."""
    given = Path(name)
    if given.is_file():
        return given
    plain = name.removeprefix(f"{PACKAGE}/").removesuffix(".py")
    folder = Path(__file__).parents[2] / PACKAGE  # whatever others call `configs`
    if (folder / f"{plain}.py").is_file() and "/" not in plain:
        return folder / f"{plain}.py"
    known = sorted(path.stem for path in folder.glob("[!_]*.py"))
    near = difflib.get_close_matches(plain, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}, or a path"
    raise LookupError(hint)


def _getter(file: Path) -> Callable[..., Any]:
    """get_config of a file, which is run. Raises RunError."""
    spec = importlib.util.spec_from_file_location(f"config_{file.stem}", file)
    if spec is None:
        raise RunError(f"--config={file}: a configuration is a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "get_config", None)):
        raise RunError(f"{file} has no get_config()")
    return module.get_config


def taken_from(arguments: list[str], default: str) -> tuple[str, list[str]]:
    """The last --config of a command line, and the arguments without it."""
    name, rest, coming = default, [], iter(arguments)
    for argument in coming:
        flag, equals, value = argument.partition("=")
        if flag not in ("--config", "-config"):
            rest.append(argument)
        else:
            name = value if equals else next(coming, "")
    return name, rest


def described(config: Mapping[str, Any]) -> str:
    """Every key and value, one a line, as they are written on a command line."""
    return "\n".join(f"--config.{key}={value!r}" for key, value in _flat(config))


def _flat(nested: Mapping[str, Any], at: str = "") -> list[tuple[str, Any]]:
    rows = []
    for key, value in nested.items():
        path = f"{at}{key}"
        rows += _flat(value, f"{path}.") if isinstance(value, Mapping) else [(path, value)]
    return rows
