"""What a configuration has: every key, what it is where nothing is said, and what it is for.

Models and trainings have the fields of their dataclasses, all else is as in `configs/demo.py`. What
a key is for is the remark that stands behind it, or above it, in the code.
"""

import ast
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import hpo
from handbook.docstrings import blocks, listed
from handbook.markdown import code, table
from handbook.sources import ROOT
from launch.shell import configs
from launch.shell.runs import WHERE, defaults

_KEY = re.compile(
    r"(?P<above>(?:^    # .*\n)*)"
    r"^    (?:config\.(?P<path>\w+(?:\.\w+)?)|(?P<field>\w+): \w+) = "
    r"(?P<value>[^#\n]*(?:\((?:\n|.)*?^    \)|)[^#\n]*?)(?:  # (?P<beside>.*))?$",
    re.MULTILINE,
)
RULES = {"tune.risk": "Risk", "tune.price": "Price"}  # of hpo, whose docstrings list their fields
DATACLASSES = {"model": "ModelConfig", "train": "TrainConfig"}
SECTIONS = {
    "": "",
    "data": "Which events, and where they lie: [datasets](../datasets.md).",
    "model": "The architecture, `mlpf_jax.model.config.ModelConfig`: [models](../models.md).",
    "train": "The optimisation and the weights of the loss, `mlpf_jax.model.config.TrainConfig`, "
    "in tuning, too: [training](../training.md).",
    "tune": "The study: [schedulers](../schedulers.md), [searchers](../hpo_searchers.md).",
    "fit": "The final training: [training](../training.md).",
    "mesh": "The devices that share the final training: [training](../training.md).",
}  # fmt: skip


class Key(NamedTuple):
    """`config.<path>`: what it is in a configuration that leaves it out (None: it must be there),
    in the demo's, and what it is for."""

    path: str
    default: str | None
    demo: str
    meaning: str


def every_key() -> list[Key]:
    """Every key, as the demo's configuration has it."""
    meanings, given = meanings_of_code(), defaults()
    shown = configs.described(configs.filled(configs.load("demo")).to_dict()).splitlines()
    parted = (line.removeprefix("--config.").partition("=") for line in shown)
    return [
        Key(
            path,
            repr(given[path]) if path in given else None,
            demo,
            meanings.get(path) or _of_parent(path, meanings),
        )
        for path, _, demo in parted
    ]


def _of_parent(path: str, meanings: Mapping[str, str]) -> str:
    """What is said of the value that holds it; of a whole section that says nothing of a key."""
    parent = path.rpartition(".")[0]
    return meanings.get(parent, "") if "." in parent else ""


def meanings_of_code() -> dict[str, str]:
    """What is remarked of each key where it is defined."""
    source = (ROOT / "mlpf_jax" / "model" / "config.py").read_text()
    found = {
        f"{section}.{name}": says
        for section, kind in DATACLASSES.items()
        for name, says in _remarks(source.split(f"class {kind}:")[1].split("\n    def ")[0])
    }
    found |= {f"{at}.{name}": says for at, kind in RULES.items() for name, says in _fields(kind)}
    demo = dict(_remarks((ROOT / "configs" / "demo.py").read_text()))
    return demo | {path: says or demo.get(path, "") for path, says in found.items()}


def _fields(kind: str) -> list[tuple[str, str]]:
    """What a class of hpo says of each of its fields."""
    lines = (inspect.getdoc(getattr(hpo, kind)) or "").splitlines()
    return [entry for block in blocks(lines) for entry in listed(block)]


def _remarks(source: str) -> list[tuple[str, str]]:
    """Keys with the remark behind them, else with the one above."""
    rows = []
    for match in _KEY.finditer(source):
        above = " ".join(line.strip(" #") for line in match["above"].splitlines())
        rows.append((match["path"] or match["field"], match["beside"] or above))
    return rows


def page() -> str:
    """The page of the handbook."""
    lines = [
        "# Configuration",
        "",
        "A configuration is a Python file with one `get_config()`, given as `--config=demo` or by "
        "its path. `--config.key=value` changes any value; `--print_config` shows them all. A run "
        "keeps the configuration it began with, but for " + ", ".join(map(code, WHERE)) + ".",
        "",
        "*Default*: where a configuration does not say otherwise; empty where it must. *demo*: in "
        "`configs/demo.py`.",
        "",
    ]
    every = every_key()
    for section, says in SECTIONS.items():
        own = [key for key in every if key.path.rpartition(".")[0].partition(".")[0] == section]
        rows = [(code(k.path), code(k.default or ""), code(k.demo), k.meaning) for k in own]
        title = f"## {section}" if section else "## In every configuration"
        lines += [
            title,
            "",
            says,
            "",
            *table(("key", "default", "demo", "what it is for"), rows),
            "",
        ]
    return "\n".join([*lines, "## Experiments", "", *_experiments()])


def _experiments() -> list[str]:
    """The configurations of the package, by what they say of themselves."""
    lines = ["`--config=<name>`; each says its purpose, command and cost.", ""]
    for file in sorted((ROOT / "configs").glob("[!_]*.py")):
        first, _, rest = _docstring(file).partition("\n")
        lines += [f"### {file.stem}", "", first, "", "```text", rest.strip(), "```", ""]
    return lines


def _docstring(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text())) or ""
