"""Nothing that comes from outside is unpickled or executed; who may do either is listed here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOP = ("datasets", "hpo", "launch", "mlpf_install", "mlpf_jax", "qsvr")
FILES = [path for top in TOP for path in sorted((ROOT / top).rglob("*.py"))]
MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}
CALLS = {"eval", "exec", "compile", "__import__", "literal_eval"}
RUNNING = {"exec_module", "run_module", "run_path"}
SHELLS = {"system", "popen"}

ALLOWED = {  # who, and why
    ("datasets/storage/pickles.py", "pickle"): "an unpickler that answers every name itself",
    ("datasets/storage/pickles.py", "pickletools"): "looks at instructions, runs none",
    ("hpo/estimators/search.py", "joblib"): "threads or workers of this process; loads no file",
    ("hpo/front/reaching.py", "pickle"): "what this process sends its own workers, by a pipe",
    ("hpo/front/reaching.py", "cloudpickle"): "the same; dumps alone",
    ("launch/__main__.py", "run_module"): "a verb, which is a module of the package",
    ("launch/shell/configs.py", "exec_module"): "a configuration is a program, and said to be one",
}


def suspects(path: Path) -> Iterator[str]:
    """What a file imports or calls that could run what is in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
            yield from (name for name in names if name in MODULES | {"pickletools"})
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] in MODULES:
                yield node.module.split(".")[0]
        elif isinstance(node, ast.Call):
            yield from _called(node)


def _called(node: ast.Call) -> Iterator[str]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    owner = getattr(getattr(node.func, "value", None), "id", "")
    if isinstance(node.func, ast.Name) and name in CALLS:
        yield name
    if name in RUNNING or (owner == "os" and name in SHELLS) or (owner, name) == ("torch", "load"):
        yield name
    for keyword in node.keywords:
        given = getattr(keyword.value, "value", None)
        if keyword.arg == "allow_pickle" and given is not False:
            yield "allow_pickle"
        if keyword.arg == "shell" and given is not False:
            yield "shell"


def test_only_those_listed_could_run_what_they_read():
    found = {(str(p.relative_to(ROOT)), what) for p in FILES for what in suspects(p)}
    assert found - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found == set()


@pytest.mark.parametrize(
    "text",
    [
        "import pickle", "from yaml import load", "eval(x)", "np.load(p, allow_pickle=True)",
        "subprocess.run(x, shell=True)", "os.system(x)", "spec.loader.exec_module(m)",
        "torch.load(p)", "np.load(p, allow_pickle=flag)",
    ],
)  # fmt: skip
def test_what_could_run_something_is_found(tmp_path, text):
    (tmp_path / "a.py").write_text(text)
    assert len(list(suspects(tmp_path / "a.py"))) == 1


def test_what_runs_nothing_is_not(tmp_path):
    text = (
        "np.load(p, allow_pickle=False); re.compile(x); json.load(f); jax.jit(f).lower(x).compile()"
    )
    (tmp_path / "a.py").write_text(text)
    assert not list(suspects(tmp_path / "a.py"))
