"""python -m launch.compare_hpo: what it computes, writes and refuses."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hpo
from launch.compare_hpo import compare_all, located, write
from launch.shell.runs import RunError

ROOT = Path(__file__).parents[2]


def run(*flags, cwd=ROOT):
    command = [sys.executable, "-m", "launch.compare_hpo", *flags]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """A table of 60 crossing curves over 9 epochs, two of which diverge."""
    path = tmp_path_factory.mktemp("curves") / "small.csv"
    generator = np.random.default_rng(0)
    rate = generator.uniform(0.2, 1.5, (60, 1))
    values = rate + np.arange(1, 10) ** -rate + generator.normal(0, 0.02, (60, 9))
    values[:2, 4:] = np.nan
    header = ["rate", *(f"loss_{i}" for i in range(9))]
    rows = [[float(r), *map(float, v)] for r, v in zip(rate[:, 0], values, strict=True)]
    path.write_text("\n".join(",".join(map(str, row)) for row in [header, *rows]) + "\n")
    return path


def test_it_writes_what_it_found(curves, tmp_path):
    done = run(
        f"--curves={curves}",
        "--methods=successive_halving,swift,asha",
        "--seeds=3",
        "--workers=4",
        "--epoch_spread=0.3",
        "--crashes=0.1",
        "--eta=3",
        f"--json={tmp_path / 'out.json'}",
        f"--figure={tmp_path / 'out.png'}",
    )
    assert done.returncode == 0, done.stderr
    assert "2 of them diverge" in done.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["curves"] == str(curves)
    assert written["settings"]["max_epochs"] == 9
    assert list(written["methods"]) == ["successive_halving", "swift", "asha"]
    for figures in written["methods"].values():
        assert figures["seeds"] == 3
        assert figures["epochs_mean"] > 0
        assert 0 <= figures["same_or_better"] <= 1
        assert 0 <= figures["idle_share"] < 1
        assert figures["wall_vs_least"] >= 1
        assert figures["wrong_stops"] >= 0
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")


def test_hyperband_is_as_good_as_itself(curves, tmp_path):
    out = tmp_path / "out.json"
    names = ("hyperband", "hyperband_parallel")
    results = compare_all([curves], names, range(2), (None, 2, "minimise"), {"workers": 3}, "loss_")
    write(results, out, None)
    methods = json.loads(out.read_text())["methods"]
    for figures in methods.values():
        assert figures["same_or_better"] == 1
        assert figures["epochs_vs_hyperband"] == 1
        assert figures["loss_change_vs_hyperband"] == 0
        assert figures["epochs_mean"] <= hpo.hyperband_epochs(9, 2)  # diverged trials end early
    assert methods["hyperband_parallel"]["wall_mean"] < methods["hyperband"]["wall_mean"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"methods": ["best"]}, "there are random, top_n"),
        ({"methods": []}, "there are random, top_n"),
        ({"seeds": range(0)}, "--seeds must be at least 1"),
        ({"seeds": range(-1, 2)}, "--first_seed not negative"),
        ({"budget": (10, 2, "minimise")}, "curves of 9 epochs"),
        ({"budget": (1, 2, "minimise")}, "max_epochs >= eta"),
        ({"budget": (0, 2, "minimise")}, "max_epochs >= eta"),
        ({"budget": (9, 1, "minimise")}, "eta >= 2"),
        ({"conditions": {"workers": 0}}, "at least one worker"),
        ({"prefix": "acc_"}, "no columns acc_0"),
        ({"paths": [Path("none.csv")]}, "no file none.csv"),
        ({"paths": []}, "no file named"),
    ],
)
def test_what_cannot_be_is_refused(curves, change, complaint):
    asked = {
        "paths": [curves],
        "methods": ["hyperband"],
        "seeds": range(1),
        "budget": (None, 2, "minimise"),
        "conditions": {},
        "prefix": "loss_",
    }
    with pytest.raises((RunError, ValueError), match=complaint):
        compare_all(**(asked | change))


@pytest.mark.parametrize("flag", ["json", "figure"])
def test_a_place_for_the_results_is_needed(curves, tmp_path, flag):
    for path in (tmp_path, tmp_path / "absent/out"):
        done = run(f"--curves={curves}", "--seeds=1", f"--{flag}={path}")
        assert done.stderr.startswith(f"error: cannot write {path}: "), done.stderr


def test_an_error_is_one_line(curves):
    done = run(f"--curves={curves}", "--seeds=0")
    assert done.returncode == 1
    assert done.stderr.strip() == "error: --seeds must be at least 1 and --first_seed not negative"
    done = run(f"--curves={curves}", "--max_epochs=10")
    assert done.returncode == 1
    expected = "error: small has curves of 9 epochs: --max_epochs=10 is too many"
    assert done.stderr.strip().splitlines()[-1] == expected


def test_tables_of_the_package_are_known_by_name(curves, monkeypatch, tmp_path):
    here, other = tmp_path / "here.csv", tmp_path / "other.csv"
    for path in (here, other):
        path.write_bytes(curves.read_bytes())
    monkeypatch.setattr("hpo.simulation.tables.zoo", lambda: {"small": curves, "other": other})
    assert located([]) == [curves, other]
    assert located([str(here), "small"]) == [here, curves]
    with pytest.raises(RunError, match="no file smal; tables of the package: small, other"):
        located(["smal"])
    (result,) = compare_all(
        located(["small"]), ["random"], range(1), (9, 3, "minimise"), {}, "loss_"
    )
    assert result["curves"] == "small"
