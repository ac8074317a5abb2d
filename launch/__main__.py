"""mlpf: every program by its verb, as `python -m launch.<verb>`.

mlpf --help             the verbs
mlpf train --help       what one of them does, and its flags
"""

import ast
import difflib
import importlib.util
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

VERBS = {
    "data": ("datasets", "build_dataset", "build_delphes", "convert", "inspect_dataset"),
    "train": ("demo", "train"),
    "tune": ("tune", "study", "curves", "compare_hpo", "qsvr_hyperband", "qsvr_study"),
    "judge": ("evaluate", "report", "claims"),
    "use": ("doctor", "predict", "export"),
}  # by what a person wants
KNOWN = tuple(verb for verbs in VERBS.values() for verb in verbs)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program that the first argument names, with the others."""
    verb, *rest = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if verb in ("--help", "-h", "help"):
        print(overview())
        return
    name = verb.replace("-", "_")
    if name not in KNOWN:
        near = difflib.get_close_matches(name, KNOWN, 1)
        sys.exit(f"error: {verb!r} is no verb; " + (f"did you mean {near[0]}?" if near else HINT))
    sys.argv = [f"mlpf {name}", *rest]
    sys.path.insert(0, "")  # as python -m: objectives and configurations may lie here
    runpy.run_module(f"launch.{name}", run_name="__main__", alter_sys=True)


HINT = "mlpf --help shows them"


def overview() -> str:
    """The verbs by what a person wants, each with the first sentence of its program."""
    lines = ["mlpf <verb> [--flags]; mlpf <verb> --help shows what one does, and its flags", ""]
    for wish, verbs in VERBS.items():
        lines += [wish, *(f"  {verb:16} {purpose(verb)}" for verb in verbs), ""]
    return "\n".join(lines).rstrip()


def purpose(verb: str) -> str:
    """The first line of a program's docstring, without importing it."""
    spec = importlib.util.find_spec(f"launch.{verb}")
    file = Path(spec.origin)
    program = file.with_name("__main__.py") if file.name == "__init__.py" else file
    return ast.get_docstring(ast.parse(program.read_text())).splitlines()[0]


if __name__ == "__main__":
    main()
