"""Commands of README, tutorial and how-to, executed in the order of their pages, with few events.

Only a command's size is changed: `demo` becomes `tiny`, and what SMALLER and OF_CONFIG say is
added. Commands of the pages in depth, and those of ELSEWHERE, are parsed alone (test_commands.py);
what runs them is said there.
"""

import lzma
import os
import re
import subprocess
import sys

import pytest

from handbook import programs
from handbook.commands import Command, commands
from handbook.sources import ROOT, pages_of_guide
from tests.forks import Forks

PAGES = (
    "docs/tutorial.md", "README.md", "docs/finetune.md", "docs/tune.md", "docs/annealer.md",
    "docs/any_training.md",
)  # fmt: skip
ELSEWHERE = {
    "make": "make setup, demo and test are what runs these tests",
    "pip": "tests/mlpf_install/test_wheel.py",
    "sbatch": "tests/launch/kills/test_study_job.py, tests/launch/shell/test_group.py",
    "mlpf_install": "tests/mlpf_install/test_extras.py",
    "launch": "tests/mlpf_install/test_wheel.py",
    "--config.tune.executor=ray": "tests/launch/kills/test_kills.py",
}
SMALLER = {
    "build_dataset": ("--splits=train:0.6,validation:0.2,test:0.2",),
    "compare_hpo": ("--seeds=1",),
    "curves": ("--config.tune.trials=2", "--config.tune.max_epochs=2"),
    "qsvr_hyperband": ("--max_epochs=16", "--reads=20"),
    "qsvr_study": ("--splits=1",),
}
EVENTS = ("--config.data.events.train=24", "--config.data.events.validation=12")
OF_CONFIG = {
    "asha_bayesian": (
        *EVENTS, "--config.data.events.test=12", "--config.tune.trials=3",
        "--config.tune.max_epochs=2", "--config.tune.min_epochs=1",
        "--config.tune.train_events=12", "--config.tune.validation_events=6",
    ),
    "curves_cnn5": ("--config.tune.max_epochs=2",),
    "finetune_cld": ("--config.fit.epochs=1",),
    "tiny": ("--config.data.root=data_of_tiny",),  # the same events in every run: simulated once
}  # fmt: skip
FILES = """
    from datasets import edm4hep
    from datasets.simulation.chain import simulate
    for number, name in enumerate("abcde"):
        events = simulate("ttbar", 6, seed=number + 1, detector="cld")
        edm4hep.write(f"files/{name}.root", events, "CLD")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the pages speak of: files of a detector, a table of curves."""
    pytest.importorskip("pythia8mc", reason="the simulation needs the extra `physics`")
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / "files").mkdir()
    script(folder, re.sub(r"^    ", "", FILES, flags=re.MULTILINE))
    (folder / "events.root").write_bytes((folder / "files" / "a.root").read_bytes())
    table = lzma.decompress((ROOT / "hpo" / "simulation" / "zoo" / "mlpf.csv.xz").read_bytes())
    (folder / "mlpf.csv").write_bytes(b"\n".join(table.splitlines()[:60]) + b"\n")
    return folder


@pytest.fixture(scope="module")
def forks(place):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        server = Forks(place)
    yield server
    server.close()


def script(folder, code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def is_elsewhere(command: Command) -> bool:
    return bool(ELSEWHERE.keys() & {command.program, *command.words})


def smaller(command: Command) -> list[str]:
    """The arguments with fewer events; flags that stand later win."""
    arguments = [re.sub(r"^--config=demo$", "--config=tiny", word) for word in command.arguments]
    verb = command.program.removeprefix("launch.")
    config = next((w.partition("=")[2] for w in arguments if w.startswith("--config=")), "")
    simulated = verb == "evaluate" and any(w.startswith("--process") for w in arguments)
    fewer = ("--events=12", "--process=ttbar") if simulated else ()
    return [*arguments, *OF_CONFIG.get(config, ()), *SMALLER.get(verb, ()), *fewer]


@pytest.mark.parametrize("page", PAGES)
def test_what_is_executed_would_begin(page):
    """Also with what makes it smaller: every day, as the execution is not."""
    executed = [c for c in commands(page, pages_of_guide()[page]) if not is_elsewhere(c)]
    for command in executed:
        programs.check(command.program.removeprefix("launch."), smaller(command))
    assert executed


@pytest.mark.soak
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_do_what_they_say(page, forks, place):
    if not (place / "runs" / "demo").exists():  # what `make demo` leaves
        flags = ("--config=tiny", "--run=runs/demo", *OF_CONFIG["tiny"])
        done = forks.run("launch.demo", *flags, limit_s=900)
        assert done.returncode == 0, done.stderr
    for command in commands(page, pages_of_guide()[page]):
        if not is_elsewhere(command):
            done = forks.run(command.program, *smaller(command), limit_s=900)
            assert done.returncode == 0, f"line {command.line}: {command.text}\n{done.stderr}"


@pytest.mark.soak
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/any_training.md"])
def test_the_python_of_a_page_runs(page, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", pages_of_guide()[page], re.DOTALL)
    script(tmp_path, code)
