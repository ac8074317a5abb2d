import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.types import Trial
from hpo.executors.inline import InlineExecutor
from hpo.schedulers.halving import full_training
from hpo.simulation.tables import Table, read_table, table_of, write_table, zoo
from hpo.space import Categorical, space_around
from hpo.study.journal import Journal
from hpo.study.records import Record, TrialRecord, read
from hpo.study.run import run_study


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
        ("lr,loss_0,loss_2\n1,2,3\n", "from loss_0 to loss_2, and none is loss_1"),
        ("lr,loss_1,loss_2\n1,2,3\n", "none is loss_0: epochs count from 0"),
        ("lr,loss_0,loss_00\n1,2,3\n", "none is loss_1"),
        ("lr,loss_0,loss_1\n1,2,1\n1,2,\n", "line 3: the curve has 1 of 2 epochs, then blanks"),
        ("lr,loss_0,loss_1\n1,,2\n", "line 2: the loss '' is no number"),
        ("lr,loss_0\n1,1_2\n", "line 2: the loss '1_2' is no number"),
        ("lr;loss_0\n1;0,5\n", "line 2: the loss '0,5' is no number: decimal commas"),
        ("lr,loss_0\n1," + "x" * 2000 + "\n", f"the loss '{'x' * 57}...' is no number"),
        ("lr,loss_0\n0.1,2\nnan,2\n", "line 3: lr is 'nan' among numbers"),
        ("lr,loss_0,loss_²\n1,2,nan\n2,3,4\n", "line 2: loss_² is 'nan' among numbers"),
        ("lr,loss_" + "1" * 5000 + "\n1,2\n", "no columns loss_0, loss_1, ... among lr, loss_11"),
        ("lr,loss_0\n1,\x1b[31m\n", r"the loss '\?\[31m' is no number"),
        ('"a\nb",loss_0\n0.1,2\nnan,2\n', "line 3: a b is 'nan' among numbers"),
        ("lr,loss_0\ninf,2\n0.1,2\n", "line 2: lr is 'inf' among numbers"),
        ("lr,loss_0\n1,2\n1,much\n", "line 3"),
        ("lr,loss_0,loss_1\n1,2\n", "line 2: 2 cells for 3 columns"),
        ("lr,loss_0\n1,2\n1,2,3\n", "line 3: 3 cells for 2 columns"),
        ("lr,lr,loss_0\n1,2,3\n", "each column needs a name of its own"),
        ("row,loss_0\n1,2\n", "other than 'row'"),
        ('lr,loss_0\n"1,2\n' + 2**17 * "1", "is no CSV"),
    ],
)
def test_a_table_that_is_none_is_refused(path, text, complaint):
    path.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read_table(path)


def test_what_editors_add_changes_nothing(path):
    plain = read_table(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n\r\n")
    again = read_table(path)
    assert again.configurations == plain.configurations
    np.testing.assert_array_equal(again.curves, plain.curves)


def columns_apart(text, separator):
    return text.replace(",", separator)


def numbered(text, name=""):
    head, *rows = text.splitlines()
    return "\n".join([f"{name},{head}", *(f"{i},{row}" for i, row in enumerate(rows))])


AS_OTHERS_WRITE_IT = {
    "semicolons": lambda text: columns_apart(text, ";"),
    "tabs": lambda text: columns_apart(text, "\t"),
    "numbers of rows": numbered,
    "numbers of rows, twice through pandas": lambda text: numbered(text, "Unnamed: 0"),
    "padded epochs": lambda text: text.replace("loss_", "loss_00"),
    "blanks around losses": lambda text: text.replace("2.0,", " 2.0 ,"),
    "epochs in another order": lambda text: "loss_1,lr,loss_0,kind\n1.5,1e-3,2.0,a\nnan,8.0,3.0,b",
}


@pytest.mark.parametrize("how", AS_OTHERS_WRITE_IT)
def test_a_table_as_others_write_it_is_the_same_table(path, how):
    plain = read_table(path)
    path.write_text(AS_OTHERS_WRITE_IT[how](path.read_text()))
    again = read_table(path)
    assert again.configurations == plain.configurations
    np.testing.assert_array_equal(again.curves, plain.curves)


@given(st.lists(st.sampled_from(["nan", "inf", "-Infinity", "1_2", "007", "0x1F", "٣", "1e", "a"])))
def test_words_stay_words(tmp_path_factory, words):
    path = tmp_path_factory.mktemp("words") / "some.csv"
    path.write_text("\n".join(["kind,loss_0", "a,1", *(f"{word},1" for word in words)]))
    table = read_table(path)
    assert [c["kind"] for c in table.configurations] == ["a", *words]
    assert isinstance(space_around(table.configurations).parameters["kind"], Categorical)


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


NAMES = st.text('abclos_.0 ,"\n', min_size=1, max_size=8).filter(
    lambda name: name != "row" and not re.fullmatch(r"loss_\d+", name)
)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["adam", "a b", 'say "no"', "one, two", "two\nlines"]),
)
LOSSES = st.floats(-1e5, 1e5, allow_subnormal=False) | st.just(math.nan)


@st.composite
def tables(draw):
    rows, epochs = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    names = draw(st.lists(NAMES, max_size=3, unique=True))
    configurations = tuple(
        {name: draw(VALUES) for name in names if draw(st.integers(0, 3))} for _ in range(rows)
    )
    curves = [draw(st.lists(LOSSES, min_size=epochs, max_size=epochs)) for _ in range(rows)]
    return Table("some", configurations, np.array(curves))


@given(table=tables(), suffix=st.sampled_from([".csv", ".csv.xz"]))
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read_back(tmp_path_factory, table, suffix):
    folder = tmp_path_factory.mktemp("written")
    path = folder / f"some{suffix}"
    write_table(table, path)
    found = read_table(path)
    assert found.name == "some"
    assert found.configurations == table.configurations
    np.testing.assert_allclose(found.curves, table.curves, rtol=5.1e-6)
    once = path.read_bytes()
    write_table(found, path)
    assert path.read_bytes() == once
    assert [each.name for each in folder.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("configuration", "complaint"),
    [
        ({"row": 1}, "can be called 'row'"),
        ({"loss_3": 1}, "can be called 'loss_3'"),
        ({"": 1}, "can be called ''"),
        ({"kind": ""}, "kind: '' could not be read back"),
        ({"kind": "1e3"}, "kind: '1e3' could not be read back"),
        ({"kind": "True"}, "kind: 'True' could not be read back"),
        ({"lr": math.nan}, "lr: nan could not be read back"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, configuration, complaint):
    with pytest.raises(ValueError, match=complaint):
        write_table(Table("some", (configuration,), np.ones((1, 2))), tmp_path / "some.csv")
    assert not list(tmp_path.iterdir())


def test_a_table_is_written_to_what_can_read_it(tmp_path):
    with pytest.raises(ValueError, match=r"is a \.csv or a \.csv\.xz file"):
        write_table(Table("some", ({"lr": 1},), np.ones((1, 2))), tmp_path / "some.json")


def test_a_damaged_table_is_named(tmp_path, path):
    whole = tmp_path / "whole.csv.xz"
    write_table(read_table(path), whole)
    content = whole.read_bytes()
    for number, damaged in enumerate((b"no xz", content[:-9], content[:40] + b"?" + content[41:])):
        file = tmp_path / f"{number}.csv.xz"
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match=rf"{number}.csv.xz is damaged"):
            read_table(file)
    (tmp_path / "noise.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is no text"):
        read_table(tmp_path / "noise.csv")


def test_trials_that_ended_or_failed_are_the_rows_of_a_table():
    trials = (
        TrialRecord(0, {"lr": 1}, (3.0, 2.0, 1.0)),
        TrialRecord(1, {"lr": 2}, (3.0,), error="it diverged"),
        TrialRecord(2, {"lr": 3}, (3.0, 2.5)),  # stopped, or not there yet
        TrialRecord(3, {"lr": 4}, (), error="it diverged"),
    )
    table = table_of(Record("loss", trials, (), 0, None, None), "some", 3)
    assert table.configurations == ({"lr": 1}, {"lr": 2}, {"lr": 4})
    expected = [[3, 2, 1], [3, math.nan, math.nan], [math.nan] * 3]
    np.testing.assert_array_equal(table.curves, expected)
    assert table.diverged == 2
    with pytest.raises(ValueError, match="none of 1 trial came to epoch 3"):
        table_of(Record("loss", trials[2:3], (), 0, None, None), "some", 3)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_table_played_in_full_is_itself_again(tmp_path, workers):
    rng = np.random.default_rng(workers)
    curves = rng.normal(size=(12, 5))
    curves[rng.random(12) < 0.4, rng.integers(0, 5) :] = np.nan
    table = Table("some", tuple({"lr": i / 8} for i in range(12)), curves)
    with Journal(tmp_path / "study.db") as journal:
        executor = InlineExecutor(table.objective, workers)
        run_study(full_training(table.searcher(), 12, 5), executor, journal, 7)
        again = table_of(read(journal.entries(), "loss"), "some", 5)
    rows = [configuration["row"] for configuration in again.configurations]
    assert sorted(rows) == list(range(12))
    np.testing.assert_array_equal(again.curves, curves[rows])
    assert all(c["lr"] == table.configurations[c["row"]]["lr"] for c in again.configurations)
    assert 0 < again.diverged < 12


def test_ranks_are_of_one_epoch_and_put_the_diverged_last():
    table = Table("some", ({},) * 4, np.array([[1, 4], [2, math.nan], [3, 2], [math.nan] * 2]))
    assert table.ranks(1).tolist() == [1, 2, 3, 4]
    assert table.ranks(2).tolist() == [2, 3.5, 1, 3.5]


def test_a_bootstrap_draws_configurations_with_all_their_rows():
    configurations = tuple({"x": row // 3, "y": 1.0} for row in range(30))
    table = Table("some", configurations, np.arange(60.0).reshape(30, 2))
    drawn = [table.resampled(number) for number in range(300)]
    counts = np.zeros((300, 30), int)
    for count, one in zip(counts, drawn, strict=True):
        rows = (one.curves[:, 0] / 2).astype(int)
        np.testing.assert_array_equal(table.curves[rows], one.curves)
        assert one.configurations == tuple(configurations[row] for row in rows)
        np.add.at(count, rows, 1)
    groups = counts.reshape(300, 10, 3)
    assert (groups == groups[..., :1]).all(), "a configuration comes with all its rows"
    assert (groups[..., 0].sum(1) == 10).all()
    assert np.var(groups[..., 0]) == pytest.approx(0.9, abs=0.1), "drawn with replacement"
    assert abs(groups[..., 0].mean(0) - 1).max() < 0.3
    np.testing.assert_array_equal(drawn[7].curves, table.resampled(7).curves)


PROMISED = {
    "mlpf": (150, 27), "lstm": (300, 81), "cnn5": (300, 81), "cnn9": (300, 81),
    "sgd_digits": (300, 27),
}  # fmt: skip
HYPERPARAMETERS = {"mlpf": 7, "lstm": 2, "cnn5": 5, "cnn9": 9, "sgd_digits": 4}


def test_the_tables_of_the_package_are_what_they_are_said_to_be():
    shipped = zoo()
    assert set(shipped) == set(PROMISED)
    for name, path in shipped.items():
        table = read_table(path)
        assert table.name == name
        finite = np.isfinite(table.curves)
        ended = table.curves[finite[:, -1]]
        rows, epochs = PROMISED[name]
        assert len(ended) >= rows
        assert table.curves.shape[1] >= epochs
        assert (np.diff(finite.astype(int), axis=1) <= 0).all(), "nothing comes back from NaN"
        assert {len(c) for c in table.configurations} == {HYPERPARAMETERS[name]}
        assert len({tuple(c.items()) for c in table.configurations}) == len(table.curves)
    assert sum(path.stat().st_size for path in shipped.values()) < 2e6
    assert all((path.parent / "README.md").is_file() for path in shipped.values())
