"""The study of Q-SVR on tables of learning curves."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from launch import qsvr_study

ROOT = Path(__file__).parents[2]
FIELDS = [
    "solver", "known", "train_size", "r2_mean", "r2_std", "spearman_mean", "energy_gap_mean",
    "cpu_seconds_mean",
]  # fmt: skip


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """60 curves of 20 epochs, two of each configuration, and one that diverged."""
    random = np.random.default_rng(0)
    end, rate = random.uniform(1, 3, 30).repeat(2), random.uniform(0.3, 1, 30).repeat(2)
    curves = end[:, None] + 2 * np.arange(1, 21) ** -rate[:, None]
    curves += 0.01 * random.normal(size=curves.shape)
    rows = [[f"{r}", *map(str, c)] for r, c in zip(rate, curves, strict=True)]
    rows.append(["0.5", *["nan"] * 20])
    path = tmp_path_factory.mktemp("curves") / "toy.csv"
    names = ["rate", *(f"loss_{i}" for i in range(20))]
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    return path


def test_a_study_writes_its_figures_and_a_page(table, tmp_path):
    output = tmp_path / "figures.json"
    solvers = ["classical", "level_gibbs", "persistence"]
    page = qsvr_study.study(
        table, [0.25, 0.5], [10], range(2), solvers, "published", output
    ).read_text()
    records = json.loads(output.read_text())
    assert [list(record) for record in records] == [FIELDS] * 6
    assert [(r["solver"], r["known"]) for r in records] == [
        (solver, known) for known in (0.25, 0.5) for solver in solvers
    ]
    for record in records:
        annealed = record["solver"] == "level_gibbs"
        assert (record["energy_gap_mean"] is not None) == annealed
        assert record["r2_mean"] <= 1
        assert record["cpu_seconds_mean"] > 0
    assert 0 <= records[1]["energy_gap_mean"] < 0.05
    assert page.count("<figure") == 4  # two pictures of each protocol
    assert "Published protocol" in page
    assert "Proper protocol" in page
    assert "<script" not in page
    assert "left out are 1 row that diverged" in page


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"knowns": [1.5]}, "between 0 and 1"),
        ({"knowns": [0.01]}, "at least one epoch"),
        ({"train_sizes": [2]}, "at least 3"),
        ({"train_sizes": [55]}, "smaller train_size"),
        ({"splits": range(0)}, "at least 1"),
        ({"solvers": ["oracle"]}, "unknown solver"),
        ({"output": Path("nowhere/a.json")}, "no folder"),
        ({"path": Path("nowhere.csv")}, "nowhere.csv"),
    ],
)
def test_bad_input_is_refused(change, message, table, tmp_path):
    valid = {
        "path": table,
        "knowns": [0.25],
        "train_sizes": [10],
        "splits": range(1),
        "solvers": ["persistence"],
        "settings": "ours",
        "output": tmp_path / "a.json",
    }
    with pytest.raises((ValueError, OSError), match=message):
        qsvr_study.study(**(valid | change))
    assert not list(tmp_path.iterdir())


def test_a_table_without_a_sound_curve_is_refused(tmp_path):
    path = tmp_path / "lost.csv"
    path.write_text("loss_0,loss_1\nnan,1\n-1,1\n")
    with pytest.raises(ValueError, match=r"lost\.csv: no curve is finite and positive throughout$"):
        qsvr_study.read_curves(path)


def test_the_program(table, tmp_path):
    command = [sys.executable, "-m", "launch.qsvr_study", f"--curves={table}", "--splits=2"]
    options = ["--train_size=12", "--solvers=classical,persistence", "--json=out.json"]
    environment_path = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, env=environment_path
    )
    assert done.returncode == 0, done.stderr
    assert "out.html" in done.stdout
    assert len(json.loads((tmp_path / "out.json").read_text())) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "out.json"]
    failed = subprocess.run(
        [*command, "--known=half"], cwd=tmp_path, capture_output=True, text=True,
        env=environment_path,
    )  # fmt: skip
    assert failed.returncode == 1
    assert failed.stderr.strip().startswith("error: --known takes numbers")
