import math

import numpy as np
import pytest

from hpo.tables import read_table
from hpo.types import Trial


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("lr,kind,loss_0,loss_1\n1e-3,a,2.0,1.5\n8.0,b,3.0,nan\n")
    return path


def test_rows_become_configurations_and_curves(path):
    table = read_table(path)
    assert table.configurations == ({"lr": 0.001, "kind": "a"}, {"lr": 8, "kind": "b"})
    assert table.curves[0].tolist() == [2.0, 1.5]
    assert math.isnan(table.curves[1, 1])


def test_a_trial_meets_its_row(path):
    table = read_table(path)
    drawn = [table.searcher().propose(3, number) for number in range(4)]
    assert sorted(c["row"] for c in drawn[:2]) == [0, 1]
    assert drawn[2:] == drawn[:2]
    trial = Trial(0, {"row": 0}, path.parent, 1, 2, 0)
    assert list(table.objective(trial)) == [{"loss": 1.5}]
    assert np.shape(table.curves) == (2, 2)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no rows"),
        ("lr,loss_0\n", "no rows"),
        ("lr,other\n1,2\n", "no columns loss_0"),
        ("lr,loss_0,loss_2\n1,2,3\n", "in order"),
        ("lr,loss_0\n1,2\n1,much\n", "line 3"),
        ("lr,loss_0,loss_1\n1,2\n", "line 2"),
    ],
)
def test_a_table_that_is_none_is_refused(path, text, complaint):
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_table(path)


def test_taskset_curves_are_of_the_validation_loss(tmp_path):
    path = tmp_path / "set.json"
    path.write_text(
        '[{"hp": {"lr": 0.1}, "train": {"loss": [9, 9]}, "valid": {"loss": [2.0, 1.5]}},'
        ' {"hp": {"lr": 0.2}, "valid": {"loss": [NaN, 1e17]}}]'
    )
    table = read_table(path)
    assert table.configurations == ({"lr": 0.1}, {"lr": 0.2})
    assert table.curves[0].tolist() == [2.0, 1.5]
    assert np.isnan(table.curves[1]).all()
    assert table.diverged == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[]", "one length"),
        ("{", "is no list"),
        ('[{"hp": {}}]', "is no list"),
        ('[{"hp": {}, "valid": {"loss": ["much"]}}]', "is no list"),
        (
            '[{"hp": {}, "valid": {"loss": [1]}}, {"hp": {}, "valid": {"loss": [1, 2]}}]',
            r"\[1, 2\] epochs",
        ),
    ],
)
def test_taskset_files_that_are_none_are_refused(tmp_path, text, complaint):
    path = tmp_path / "set.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_table(path)
