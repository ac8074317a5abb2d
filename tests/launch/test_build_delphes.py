"""python -m launch.build_delphes, as people run it."""

import bz2
import os
import pickle

import numpy as np
import tensorflow_datasets as tfds


class Trap:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


def write(path, data):
    path.write_bytes(bz2.compress(pickle.dumps(data)))


def content(events):
    X, y = np.ones((3, 12)), np.zeros((3, 7))
    return {"X": [X] * events, "ygen": [y] * events, "ycand": [y] * events}


def test_files_become_a_dataset(launch, tmp_path):
    for number in range(5):
        write(tmp_path / f"{number}.pkl.bz2", content(number + 1))
    arguments = (f"--input={tmp_path}/*.pkl.bz2", "--process=ttbar", f"--data_dir={tmp_path}/data")
    done = launch("build_delphes", *arguments)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "data" / "delphes_ttbar_pf" / "1.2.0"
    assert f"dataset {folder}" in done.stdout
    splits = tfds.builder_from_directory(folder).info.splits
    assert {name: split.num_examples for name, split in splits.items()} == {"train": 10, "test": 5}
    again = launch("build_delphes", *arguments)
    assert "there already" in again.stderr


def test_a_hostile_file_does_nothing(launch, tmp_path):
    write(tmp_path / "0.pkl.bz2", content(1))
    write(tmp_path / "1.pkl.bz2", {"X": [Trap(tmp_path / "marker")]})
    arguments = (f"--input={tmp_path}/*.pkl.bz2", "--process=qcd", f"--data_dir={tmp_path}/data")
    done = launch("build_delphes", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert "1.pkl.bz2 is refused: it asks for posix.mkdir" in done.stderr
    assert not (tmp_path / "marker").exists()
    assert not (tmp_path / "data" / "delphes_qcd_pf" / "1.2.0").exists()


def test_mistakes_are_one_line(launch, tmp_path):
    write(tmp_path / "0.pkl.bz2", content(1))
    for pattern, process, words in (
        ("none*", "ttbar", "no file matches"),
        ("*.bz2", "tt", "unknown process 'tt'; there are ttbar, qcd"),
        ("*.bz2", "ttbar", "cannot be split 80/20"),
    ):
        done = launch(
            "build_delphes",
            f"--input={tmp_path}/{pattern}",
            f"--process={process}",
            f"--data_dir={tmp_path}/data",
        )
        assert done.returncode == 1
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr


def test_help_says_what_and_how(launch):
    assert "python -m launch.build_delphes --input=" in launch("build_delphes", "--help").stdout
