"""Tokens of the environment are in no error, journal, file of a trial or printed configuration."""

import subprocess
import sys
from pathlib import Path

import pytest

import hpo
from hpo.core.secrets import without_secrets
from hpo.core.types import one_line
from launch.shell import program

ROOT = Path(__file__).parents[2]
TOKENS = {
    "DWAVE_API_TOKEN": "DEV-0123456789abcdef",
    "RAY_AUTH_TOKEN": "ray-swordfish",
    "MY_SERVICE_PASSWORD": "opensesame",
}


@pytest.fixture(autouse=True)
def tokens(monkeypatch):
    for name, value in TOKENS.items():
        monkeypatch.setenv(name, value)


def objective(trial):
    yield {"loss": 1.0}
    raise ConnectionError(f"401: X-Auth-Token: {' '.join(TOKENS.values())}")


def told(text: str) -> list[str]:
    return [value for value in TOKENS.values() if value in text]


def test_only_what_is_secret_is_masked():
    assert not told(without_secrets(f"a {' '.join(TOKENS.values())} b"))
    assert without_secrets("TOKEN of a b", {"TOKEN": "of", "HOME": "a b"}) == "TOKEN of a b"
    environment = {"A_TOKEN": "secret", "B_TOKEN": "secret-and-more"}
    assert without_secrets("x secret-and-more y", environment) == "x *** y"


def test_an_error_is_one_line_without_them():
    error = ValueError(f"no {TOKENS['RAY_AUTH_TOKEN']}\nat all")
    assert one_line(error) == "ValueError: no *** at all"
    assert program._line(error) == "error: no *** at all"


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_a_failed_trial_leaves_none_on_the_disk(tmp_path, workers):
    named = "tests.security.test_secrets:objective"  # pytest's name of it leads no worker here
    hpo.tune(
        named, {"x": hpo.Float(0, 1)}, max_epochs=2, trials=1, scheduler="random",
        folder=tmp_path / "s", workers=workers, verbose=False,
    )  # fmt: skip
    written = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
    assert any(b"401" in path.read_bytes() for path in written)
    for path in written:
        assert not told(path.read_bytes().decode("utf-8", "replace")), path


@pytest.mark.soak
def test_a_printed_configuration_has_none(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import os\nfrom configs import tiny\n\n\ndef get_config():\n"
        "    config = tiny.get_config()\n    config.data.root = os.environ['RAY_AUTH_TOKEN']\n"
        "    return config\n"
    )
    command = [sys.executable, "-m", "launch.train", f"--config={file}", "--print_config"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--config.data.root='***'" in done.stdout
