"""Every command of README, guide, configurations and programs is one that would begin.

That is: its program exists, and takes its flags, configuration, keys and values. What is executed
beside that says test_execution.py.
"""

import ast
import importlib.util
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from handbook import programs
from handbook.commands import Command, commands
from handbook.sources import ROOT, pages_of_guide

JOBS = {"launch/slurm/train.sbatch": "train", "launch/slurm/study.sbatch": "tune"}


def texts() -> dict[str, str]:
    """Pages, and docstrings of programs and configurations, which are code from end to end."""
    files = [*(ROOT / "configs").glob("*.py"), *(ROOT / "launch").glob("*.py")]
    files += (ROOT / "launch").glob("*/__main__.py")
    said = {path: ast.get_docstring(ast.parse(path.read_text())) or "" for path in files}
    blocks = {str(p.relative_to(ROOT)): f"```\n{text}\n```\n" for p, text in said.items()}
    return pages_of_guide() | blocks


HISTORY = "CHANGELOG.md"  # what it names was a command once
ALL = [c for page, text in texts().items() if page != HISTORY for c in commands(page, text)]


def fault(command: Command) -> str | None:
    """Why a command would not begin."""
    program, arguments = command.program, command.arguments
    if program == "make":
        return missing(arguments, targets(), "target")
    if program == "pip":
        return missing(re.findall(r"[\[,](\w+)", arguments[-1]), extras(), "extra")
    if program == "sbatch":
        job = next(word for word in arguments if not word.startswith("--"))
        verb, arguments = JOBS[job], arguments[arguments.index(job) + 1 :]
        return refusal(verb, arguments)
    if program.startswith("launch."):
        return refusal(program.removeprefix("launch."), arguments)
    if importlib.util.find_spec(program) is None:
        return f"there is no {program}"
    known = () if program == "pytest" else flags_in(program)
    return missing([w.split("=")[0] for w in arguments if w.startswith("--")], known, "flag")


def refusal(verb: str, arguments: tuple[str, ...]) -> str | None:
    if importlib.util.find_spec(f"launch.{verb}") is None:
        return f"there is no launch.{verb}"
    try:
        programs.check(verb, arguments)
    except programs.Refused as error:
        return str(error)
    return None


def missing(words, known, what: str) -> str | None:
    unknown = [word for word in words if word not in known]
    return f"no {what} {', '.join(unknown)}" if unknown else None


@cache
def targets() -> set[str]:
    return set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def extras() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return set(project["optional-dependencies"])


def flags_in(program: str) -> set[str]:
    """The flags that the code of a program names."""
    origin = Path(importlib.util.find_spec(program).origin)
    files = origin.parent.glob("*.py") if origin.stem == "__init__" else [origin]
    words = {
        node.value
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    defined = re.findall(r"DEFINE_\w+\(\s*\"(\w+)\"", "".join(f.read_text() for f in [origin]))
    return {word for word in words if word.startswith("--")} | {f"--{name}" for name in defined}


@pytest.mark.parametrize("page", sorted({command.page for command in ALL}))
def test_every_command_of_a_page_would_begin(page):
    faults = [(c.line, c.text, why) for c in ALL if c.page == page if (why := fault(c))]
    assert not faults


def test_all_programs_are_shown_somewhere():
    """A verb that no page shows is one that nobody finds; and the collector has found most."""
    shown = {command.program for command in ALL}
    assert {f"launch.{verb}" for verb in programs.VERBS} <= shown
    assert {"make", "pip", "sbatch", "benchmarks.duel", "tests.mutants"} <= shown
    assert len(ALL) > 150


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("python -m launch.train --run=a", 4),
        ("python -m launch.train   --run=a   what it does", 4),
        ("python -m launch.train \\\n    --run=a  # why", 4),
        ("CUDA_VISIBLE_DEVICES=0 python -m launch.train --run=a", 4),
        ("srun --nodes=2 python -m launch.train --run='a b'", 4),
        ("mlpf train --run=a", 3),
        ("make demo     everything", 2),
        ("$ pip install '.[all]'   these", 3),
    ],
)
def test_a_command_is_read_as_a_shell_reads_it(line, words):
    (found,) = commands("page", f"Text\n\n```\n{line}\n```\n")
    assert len(found.words) == words
    assert found.line == 4


def test_output_and_code_are_no_commands():
    text = "```\nmlpf: 3 of 4 epochs\n```\n```python\nmake = 1\n```\n`python -m launch.train ...`\n"
    assert not commands("page", text)
    (found,) = commands("page", "One `python -m\nlaunch.tune --run=b` in a sentence.")
    assert found.program == "launch.tune"
    assert found.arguments == ("--run=b",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("python -m launch.trian --run=a", "launch.trian"),
        ("python -m launch.train --rum=a", "rum"),
        ("python -m launch.train --config=dmo", "did you mean demo?"),
        ("python -m launch.train --config.fit.epoch=3", "epoch"),
        ("python -m launch.train --config.fit.epochs=many", "many"),
        ("python -m launch.train more", "more"),
        ("python -m launch.curves --config=curves_lstm --config.fit.epochs=3", "fit"),
        ("python -m benchmarks.duel --evnts=3", "--evnts"),
        ("python -m benchmarks.dual", "benchmarks.dual"),
        ("make demos", "demos"),
        ("pip install '.[everything]'", "everything"),
        ("sbatch --nodes=2 launch/slurm/study.sbatch --config=demo --rnu=a", "rnu"),
    ],
)
def test_a_command_that_would_not_begin_is_found(line, why):
    (found,) = commands("page", f"```\n{line}\n```\n")
    assert why in fault(found)
