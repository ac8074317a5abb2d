import numpy as np
import pytest

from datasets import samples as stored


@pytest.fixture
def clic():
    from datasets.builders import clic

    return clic


def test_a_dataset_gives_back_what_was_written(tmp_path, clic, make_samples, same_samples):
    shards = {}
    for seed, split in enumerate(("train", "validation", "test")):
        stored.save(tmp_path / f"shard-{seed}", make_samples([3, 0, 7, 2], seed))
        shards[split] = [tmp_path / f"shard-{seed}"]
    folder = clic.build(tmp_path / "data", "ttbar", shards)
    assert folder == clic.dataset_folder(tmp_path / "data", "ttbar")
    assert folder.match("clic_edm_ttbar_pf/3.2.0")
    for seed, split in enumerate(shards):
        read, wrote = clic.read(folder, split), make_samples([3, 0, 7, 2], seed)
        order = np.argsort(read.genmet)  # TFDS shuffles; genmet numbers the events
        back = stored.take(read, order)
        assert same_samples(back, wrote)


def test_what_is_no_dataset_is_named(tmp_path, clic, make_samples):
    with pytest.raises(clic.DatasetError, match="is no TFDS dataset"):
        clic.read(tmp_path, "train")
    stored.save(tmp_path / "s", make_samples([1], 0))
    folder = clic.build(tmp_path / "data", "qq", {"train": [tmp_path / "s"]})
    with pytest.raises(clic.DatasetError, match="no split 'test'"):
        clic.read(folder, "test")
