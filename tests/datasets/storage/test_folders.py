"""Folders and caches appear whole under their names, or not at all."""

import pytest

from datasets import samples as stored
from datasets import schema
from datasets.builders.mapping import empty
from datasets.storage.appending import appended
from datasets.storage.folders import FolderError, written_whole
from tests.datasets.builders.published_examples import random_samples


def test_two_writers_of_one_folder(tmp_path):
    with written_whole(tmp_path / "f") as partial:
        (partial / "first").write_text("")
        with (
            pytest.raises(FolderError, match="another program is writing"),
            written_whole(tmp_path / "f"),
        ):
            pass
        assert (partial / "first").exists()
    assert [p.name for p in (tmp_path / "f").iterdir()] == ["first"]
    with pytest.raises(FolderError, match="there already"), written_whole(tmp_path / "f"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_an_unfinished_folder_is_cleared_or_kept(tmp_path):
    left = tmp_path / ".f.partial"
    for keep in (True, False):
        left.mkdir(exist_ok=True)
        (left / "old").write_text("")
        found = []

        def fail(keep=keep, found=found):
            with written_whole(tmp_path / "f", keep) as partial:
                found.extend(partial.iterdir())
                raise KeyError

        with pytest.raises(KeyError):
            fail()
        assert found == ([left / "old"] if keep else [])
        assert left.exists() == keep
    assert not (tmp_path / "f").exists()


def test_a_cache_appears_whole(tmp_path, same_samples):
    old, new = random_samples([3, 1]), random_samples([2], seed=1)
    stored.save(tmp_path / "cache", old)
    nothing = empty(schema.ELEMENTS["clusters"])

    def fail():
        with appended(tmp_path / "cache", nothing) as append:
            append(new)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert same_samples(stored.load(tmp_path / "cache"), old)
    with appended(tmp_path / "cache", nothing) as append:
        append(new)
        with pytest.raises(stored.SamplesError, match="cannot append hits"):
            append(random_samples([1], elements="hits"))
    assert same_samples(stored.load(tmp_path / "cache"), new)
    assert [p.name for p in tmp_path.iterdir()] == ["cache"]
