"""A folder of datasets is not one dataset; one in several configurations or versions is."""

import numpy as np
import pytest

from datasets.builders.content import content_of
from datasets.builders.read import open_dataset
from datasets.builders.records import DatasetError
from datasets.inspection.sources import Request
from datasets.inspection.sources import read as look_at
from tests.datasets.builders.published_examples import PF_2_5, write_published


@pytest.fixture
def splits(make_samples):
    samples = make_samples([3, 2])
    samples.ytarget[:, 0], samples.ycand[:, 0] = 1, 0
    samples.X[:, 0] = np.where(np.arange(5) % 2, 1, 2)
    return {"train": samples, "test": samples}


@pytest.mark.parametrize("names", [("zh", "qq"), ("zh",)])
def test_a_folder_of_datasets_is_refused_and_says_what_to_give(tmp_path, splits, names):
    for name in names:
        folder = write_published(tmp_path, PF_2_5._replace(name=name), splits).parent
    for ask in (open_dataset, content_of, lambda path: look_at(Request(path))):
        with pytest.raises(
            DatasetError, match=f"folder of datasets .*{sorted(names)[0]}"
        ) as caught:
            ask(tmp_path)
        assert f"like {tmp_path / sorted(names)[0]}" in str(caught.value)
        ask(folder)


def test_configurations_are_one_dataset(tmp_path, splits):
    for config in ("1", "2"):
        write_published(tmp_path, PF_2_5, splits, config)
    assert open_dataset(tmp_path / PF_2_5.name).events("test") == 4
