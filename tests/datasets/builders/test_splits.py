"""Splits, versions and configurations of published directories."""

import numpy as np
import pytest

from datasets.builders import read
from tests.datasets.builders.published_examples import (
    COUNTS,
    PF_2_0,
    PF_2_5,
    random_samples,
    write_published,
)


@pytest.mark.parametrize("configs", [None, ("1", "2", "10")])
def test_validation_is_a_part_of_train_that_train_has_not(tmp_path, configs):
    wrote = {c: random_samples([1 + i % 5 for i in range(23)], seed=i)
             for i, c in enumerate(configs or (None,))}  # fmt: skip
    for config, samples in wrote.items():
        write_published(tmp_path, PF_2_5, {"train": samples, "test": samples}, config)
    folder = tmp_path / PF_2_5.name
    dataset = read.open_dataset(folder)
    train, validation, test = (read.read(folder, s) for s in ("train", "validation", "test"))
    assert any("no validation split" in note for note in dataset.notes)
    assert validation.events == 2 * len(wrote)
    assert train.events == 21 * len(wrote)
    assert [dataset.events(s) for s in ("train", "validation")] == [train.events, validation.events]
    parts = [set(s.X[:, 1]) for s in (train, validation)]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == set(test.X[:, 1])
    again = read.read(folder, "validation")
    assert np.array_equal(again.X, validation.X)


def test_configurations_are_read_in_order(tmp_path):
    for number, config in enumerate(("10", "9", "2")):
        samples = random_samples([2, 3], seed=number)
        write_published(tmp_path, PF_2_5, {"test": samples}, config)
    dataset = read.open_dataset(tmp_path / PF_2_5.name)
    assert [part.folder.parent.name for part in dataset.splits["test"]] == ["2", "9", "10"]
    one = read.open_dataset(tmp_path / PF_2_5.name / "9")
    assert one.events("test") == 2


def test_the_newest_version_is_taken(tmp_path):
    write_published(tmp_path, PF_2_0, {"test": random_samples([1])})
    write_published(tmp_path, PF_2_5, {"test": random_samples([1, 1])})
    newer = PF_2_5._replace(version="2.10.0")
    write_published(tmp_path, newer, {"test": random_samples([1, 1, 1])})
    assert read.open_dataset(tmp_path / PF_2_5.name).events("test") == 3


def test_one_training_event_cannot_be_split(tmp_path):
    write_published(tmp_path, PF_2_5, {"train": random_samples([4])})
    dataset = read.open_dataset(tmp_path / PF_2_5.name)
    assert (dataset.events("train"), dataset.events("validation")) == (0, 1)
    assert read.read(dataset.folder, "train").events == 0


def test_its_own_validation_split_is_left_alone(tmp_path):
    events = random_samples(COUNTS)
    folder = write_published(tmp_path, PF_2_5, {"train": events, "validation": events})
    dataset = read.open_dataset(folder)
    assert dataset.notes == ()
    assert dataset.events("train") == dataset.events("validation") == len(COUNTS)
