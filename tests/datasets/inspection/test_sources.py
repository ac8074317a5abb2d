"""Datasets of any kind are read as samples, as many events as asked for."""

from pathlib import Path

import numpy as np
import pytest

from datasets import samples as stored
from datasets.inspection.sources import InspectionError, Request, read, read_pair
from tests.datasets.inspection.made_up import COUNTS, made_up


def test_only_the_events_asked_for_are_read(tmp_path):
    samples = made_up("clusters")
    stored.save(tmp_path / "set", samples)
    source = read(Request(tmp_path / "set", events=3))
    assert source.samples.events == 3
    assert "3 of 5 events" in source.place
    assert np.array_equal(source.samples.X, samples.X[: COUNTS[:3].sum()])


def test_a_dataset_of_one_event_is_shown_without_naming_a_split(tmp_path):
    from datasets.builders import write

    stored.save(tmp_path / "shard", made_up("clusters", counts=COUNTS[:1]))
    folder = write.build(tmp_path, "one", {"all": [tmp_path / "shard"]})
    source = read(Request(folder))
    assert source.samples.events == 1
    assert "split all: 1 of 1 event" in source.place


def test_what_cannot_be_compared_is_said(tmp_path):
    stored.save(tmp_path / "c", made_up("clusters"))
    stored.save(tmp_path / "h", made_up("hits"))
    with pytest.raises(InspectionError, match=r"'clusters', but .* 'hits'"):
        read_pair(Request(tmp_path / "c"), Request(tmp_path / "h"))
    with pytest.raises(InspectionError, match="holds hits, not clusters"):
        read(Request(tmp_path / "h", elements="clusters"))
    with pytest.raises(InspectionError, match="unknown elements 'cells'"):
        read(Request(tmp_path / "h", elements="cells"))
    with pytest.raises(InspectionError, match="has no splits"):
        read(Request(tmp_path / "h", split="train"))
    with pytest.raises(InspectionError, match="at least 1"):
        read(Request(tmp_path / "h", events=0))


REAL = Path(__file__).parents[4] / "shared/edm4hep/cld_zh_nunubb_240gev.root"


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not here")
def test_a_file_is_read_in_the_form_of_the_other_dataset(tmp_path):
    stored.save(tmp_path / "set", made_up("tracks_hits"))
    one, other = read_pair(Request(REAL), Request(tmp_path / "set"))
    assert (one.name, other.name) == ("cld_zh_nunubb_240gev", "set")
    assert one.samples.elements == "tracks_hits"
    assert one.samples.events == one.account.events == 1
    with pytest.raises(InspectionError, match="'clusters'"):
        read_pair(Request(REAL, elements="clusters"), Request(tmp_path / "set"))


def test_an_empty_dataset(tmp_path):
    stored.save(tmp_path / "none", made_up("clusters", counts=np.array([], int)))
    with pytest.raises(InspectionError, match=r"none.* holds no events"):
        read(Request(tmp_path / "none"))
