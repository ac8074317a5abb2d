"""Datasets of EDM4HEP files, made by the real program."""

import json

import numpy as np
import pytest

from datasets import edm4hep
from datasets.simulation import CLICLike, simulate
from datasets.truth import target
from datasets.truth.truth import VISIBILITIES
from launch.build_dataset import recipe_of_files
from tests.datasets.same_samples import same
from tests.launch.programs import ROOT, refused
from tests.soaked import soaked

CLD = ROOT.parent / "shared" / "edm4hep" / "cld_zh_nunubb_240gev.root"
has_cld = pytest.mark.skipif(not CLD.is_file(), reason=f"the real CLD event is not at {CLD}")


@has_cld
@pytest.mark.parametrize("elements", ["clusters", *soaked("hits")])
def test_a_real_file_becomes_a_dataset(launch, tmp_path, elements):
    from datasets.builders.read import read

    arguments = [f"--input={CLD}", "--detector=cld", "--dataset=real", f"--data_dir={tmp_path}"]
    done = launch("build_dataset", *arguments, "--splits=all", f"--elements={elements}")
    assert done.returncode == 0, done.stderr
    (event,) = edm4hep.read(CLD)
    samples = read(tmp_path / "real" / "3.2.0", "all")
    assert samples.elements == elements
    same(samples, target.to_samples(event, target.Settings(elements)))
    account = json.loads((tmp_path / "real" / "3.2.0" / "summary.json").read_text())["all"]
    assert account["events"] == 1
    assert account["visible"] == pytest.approx(
        account["assigned"] + account["merged"] + account["dropped"]
    )


@pytest.mark.soak
def test_a_folder_of_files(launch, tmp_path):
    """Three files in the layout of 2023: one for each split, however long they are."""
    from datasets.builders.read import read

    # A muon without a track is asked for by the one rule and not by the other.
    blind = CLICLike(track_efficiency=0.3)
    wrote = [simulate("zh", 3, 20), simulate("zh", 1, 21), simulate("zh_tautau", 2, 19, blind)]
    for i, events in enumerate(wrote):
        edm4hep.write(tmp_path / f"{i}.root", events, "clic", layout="2023")
    done = launch(
        "build_dataset", f"--input={tmp_path}/*.root", "--detector=clic", "--dataset=mine",
        f"--data_dir={tmp_path / 'data'}", "--splits=train:0.4,validation:0.3,test:0.3",
        "--visibility=paper_2024",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    splits = [read(tmp_path / "data" / "mine", s) for s in ("train", "validation", "test")]
    rule = target.Settings(visibility=VISIBILITIES["paper_2024"])
    expected = {events.events: target.to_samples(events, rule) for events in wrote}
    assert sorted(samples.events for samples in splits) == [1, 2, 3]
    for samples in splits:
        made = expected[samples.events]
        np.testing.assert_array_equal(samples.offsets, made.offsets)
        np.testing.assert_allclose(samples.X, made.X, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(samples.ytarget, made.ytarget, rtol=1e-4, atol=1e-5)
    assert (target.to_samples(wrote[2]).ytarget != expected[2].ytarget).any()  # rules do differ


def test_a_file_with_two_names_is_one_file(tmp_path, monkeypatch):
    edm4hep.write(tmp_path / "a.root", simulate("zh", 1, seed=1), "clic")
    (tmp_path / "link[1].root").symlink_to("a.root")
    monkeypatch.chdir(tmp_path)
    ways = ["a.root", "./*.root", f"{tmp_path}/a.root", "link[1].root"]
    once = recipe_of_files(ways[:1], "clic", "x", "clusters", "all", 1)
    assert len(once.shards) == 1
    for detector in ("clic", "CLIC"):
        assert recipe_of_files(ways, detector, "x", "clusters", "all", 1) == once
    edm4hep.write(tmp_path / "a.root", simulate("zh", 1, seed=2), "clic")
    assert recipe_of_files(ways[:1], "clic", "x", "clusters", "all", 1) != once  # another file
    with pytest.raises(ValueError, match="1 file cannot fill 2 splits"):
        recipe_of_files(ways, "clic", "x", "clusters", "train:0.5,test:0.5", 1)


def test_layouts_do_not_mix(launch, tmp_path):
    data = simulate("zh", 1, seed=1)
    for layout in ("2023", "2025"):
        edm4hep.write(tmp_path / f"{layout}.root", data, "clic", layout=layout)
    done = launch(
        "build_dataset", f"--input={tmp_path}/*.root", "--dataset=x", "--splits=all",
        f"--data_dir={tmp_path / 'data'}",
    )  # fmt: skip
    refused(done, "different kinds", "2023.root", "2025.root")
