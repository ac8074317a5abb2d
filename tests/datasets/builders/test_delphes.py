"""The Delphes dataset: right files become TFDS, others are refused."""

import os

import numpy as np
import pytest

from datasets.builders import delphes
from datasets.builders.records import DatasetError
from datasets.storage import pickles
from datasets.storage.pickles import PickleError
from tests.datasets.builders.delphes_files import (
    CHARGE,
    COS,
    ENERGY,
    ETA,
    PT,
    SIN,
    Reduced,
    content,
    write_pickle,
)


@pytest.fixture
def write(tmp_path):
    def save(data, name="file.pkl.bz2", protocol=4):
        return write_pickle(tmp_path / name, data, protocol)

    return save


def changed(change):
    data = content()
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("ygen"), "no dict with lists"),
        (lambda d: d.update(X=3), "no dict with lists"),
        (lambda d: d["X"].pop(), "unequal or no numbers of events"),
        (lambda d: [v.clear() for v in d.values()], "unequal or no numbers of events"),
        (lambda d: d["X"].__setitem__(2, np.ones((3, 11))), "event 2: X is (3, 11), expected 12"),
        (lambda d: d["ygen"].__setitem__(2, np.ones((3, 8))), "event 2: ygen is (3, 8)"),
        (lambda d: d["ycand"].__setitem__(0, np.ones(35)), "event 0: ycand is (35,)"),
        (lambda d: d["ycand"].__setitem__(0, 7), "event 0: ycand is int"),
        (lambda d: d["ycand"].__setitem__(0, np.ones((4, 7))), "event 0: ycand has 4 rows"),
        (lambda d: d["X"][2].__setitem__((1, 4), np.nan), "event 2: X is not finite"),
        (lambda d: d["ycand"][0].__setitem__((1, 4), np.inf), "event 0: ycand is not finite"),
        (lambda d: d["X"][0].__setitem__((1, 0), 3), "event 0: an element is neither"),
        (lambda d: d["ygen"][0].__setitem__((1, 0), 8), "event 0: a particle has an unknown"),
    ],
)
def test_other_contents_are_refused(write, change, words):
    path = write(changed(change))
    with pytest.raises(DatasetError) as error:
        delphes.read(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_an_array_many_times_is_no_dataset(write, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_BYTES", 1_000_000)
    one = {name: arrays[0] for name, arrays in content((500,)).items()}
    path = write({name: [array] * 200 for name, array in one.items()})
    with pytest.raises(DatasetError, match="more than 1000000"):
        delphes.read(path)


def test_candidates_get_what_delphes_leaves_out(write):
    ygen, ycand = delphes.with_jets(delphes.read(write(content((400,)))))
    kind, charge = ycand[:, 0], ycand[:, CHARGE]
    assert np.allclose(ycand[:, ENERGY], ycand[:, PT] * np.cosh(ycand[:, ETA]), rtol=1e-5)
    for chosen in (charge == 0, charge != 0):
        assert (ycand[chosen & (kind > 0)][:, [PT, ENERGY]] > 0).all()
    assert not ycand[kind == 0, :7].any()
    assert ygen.shape == ycand.shape == (400, 8)


def test_jets_are_anti_kt_of_the_generated_particles(write):
    """Against FastJet on one event at a time."""
    import fastjet

    events = delphes.read(write(content((60, 0, 90, 1), seed=3)))
    ygen, ycand = delphes.with_jets(events)
    assert np.array_equal(ygen[:, 7], ycand[:, 7])
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.4)
    for first, last in zip(events.offsets, events.offsets[1:], strict=False):
        y = ygen[first:last].astype(float)
        inputs = []
        for row in np.flatnonzero(y[:, 0]):
            pt = y[row, PT]
            jet = fastjet.PseudoJet(
                pt * y[row, COS], pt * y[row, SIN], pt * np.sinh(y[row, ETA]), y[row, ENERGY]
            )
            jet.set_user_index(int(row))
            inputs.append(jet)
        expected = np.zeros(len(y))
        if inputs:
            sequence = fastjet.ClusterSequence(inputs, definition)
            found = sorted(sequence.inclusive_jets(5.0), key=lambda jet: -jet.pt())
            for number, jet in enumerate(found):
                expected[[c.user_index() for c in jet.constituents()]] = number + 1
        assert np.array_equal(y[:, 7], expected)
    assert ygen[:, 7].max() > 3


def test_files_become_a_dataset(tmp_path, write):
    import tensorflow_datasets as tfds

    wrote = [content(seed=seed) for seed in range(6)]
    files = [write(data, f"{i}.pkl.bz2") for i, data in enumerate(wrote)]
    done = []
    folder = delphes.build(tmp_path / "data", "qcd", files[::-1], done.append)
    assert folder == tmp_path / "data" / "delphes_qcd_pf" / "1.2.0"
    assert done == [1, 2, 3, 4, 5, 6]
    builder = tfds.builder_from_directory(folder)
    assert builder.info.metadata["x_features"] == list(delphes.X_FEATURES)
    for split, chosen in (("train", wrote[:4]), ("test", wrote[4:])):  # 80% of 6 files are 4
        source = builder.as_data_source(split)
        events = [
            (X, ygen) for data in chosen for X, ygen in zip(data["X"], data["ygen"], strict=True)
        ]
        assert len(source) == len(events)
        for (X, ygen), event in zip(events, source, strict=True):
            assert np.array_equal(event["X"], X.astype(np.float32))
            assert np.array_equal(event["ygen"][:, :7], ygen.astype(np.float32))
            assert event["ycand"].shape == (len(X), 8)


def test_nothing_is_left_of_a_dataset_with_a_bad_file(tmp_path, write):
    files = [write(content(), f"{i}.pkl.bz2") for i in range(4)]
    files.append(write(Reduced(os.getcwd, ()), "9.pkl.bz2"))
    with pytest.raises(PickleError, match=r"9\.pkl\.bz2 is refused: it asks for posix\.getcwd"):
        delphes.build(tmp_path / "data", "ttbar", files)
    assert not list((tmp_path / "data" / "delphes_ttbar_pf").iterdir())
    with pytest.raises(DatasetError, match="cannot be split"):
        delphes.build(tmp_path / "data", "ttbar", files[:1])
    with pytest.raises(DatasetError, match="unknown process 'zz'"):
        delphes.build(tmp_path / "data", "zz", files)
