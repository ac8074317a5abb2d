"""Every file that cannot be read gives one clear line."""

from pathlib import Path

import numpy as np
import pytest
import uproot

from datasets import edm4hep
from datasets.detectors import CLD
from datasets.edm4hep import EDM4HEPError, layout

FOLDER = Path(__file__).parents[2].parent / "shared" / "edm4hep"
REAL = FOLDER / "cld_zh_nunubb_240gev.root"

# What a full-simulation file has; each collection has more leaves than are read.
COMPLETE = (*layout.leaves(CLD), *(f"{name}.unread" for name in layout.collections(CLD)))


def real(name: str) -> Path:
    if not (FOLDER / name).is_file():
        pytest.skip(f"the real file {name} is not in {FOLDER}")
    return FOLDER / name


def refusal(path, **options) -> str:
    """What is said about the file: one line that names it."""
    with pytest.raises(EDM4HEPError) as caught:
        list(edm4hep.read(path, **options))
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    return message


def write(path: Path, tree: str, leaves) -> Path:
    """A ROOT file with three events of one float for each leaf."""
    with uproot.recreate(path) as file:
        columns = {leaf: np.ones(3, np.float32) for leaf in leaves}
        file.mktree(tree, dict.fromkeys(columns, "float32")).extend(columns)
    return path


def test_missing(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.root")
    assert "no such file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"roo", b"a text that is no ROOT file at all"])
def test_not_root(tmp_path, content):
    path = tmp_path / "text.root"
    path.write_bytes(content)
    assert "not a ROOT file" in refusal(path)


def test_without_events(tmp_path):
    path = write(tmp_path / "other.root", "other", ["x"])
    assert "without the tree 'events'" in refusal(path)


def test_events_that_are_no_tree(tmp_path):
    path = tmp_path / "histogram.root"
    with uproot.recreate(path) as file:
        file["events"] = np.histogram([1.0, 2.0])
    assert "'events' is not a TTree" in refusal(path)


def test_not_edm4hep(tmp_path):
    assert "but not EDM4HEP" in refusal(write(tmp_path / "x.root", "events", ["x", "y"]))


def test_layout_of_2023(tmp_path):
    path = write(tmp_path / "old.root", "events", ["MCParticles#0.index"])
    assert "EDM4HEP of 2023" in refusal(path)


@pytest.mark.parametrize("missing", ["MCParticles", "CalohitMCTruthLink", "HCALOther"])
def test_missing_collection_is_named(tmp_path, missing):
    leaves = [leaf for leaf in COMPLETE if leaf.split(".")[0] != missing]
    message = refusal(write(tmp_path / "part.root", "events", leaves))
    assert f"lacks collections needed for CLD: {missing}." in message


def test_missing_branch_is_named(tmp_path):
    leaves = [leaf for leaf in COMPLETE if leaf != "PandoraClusters.iTheta"]
    message = refusal(write(tmp_path / "part.root", "events", leaves))
    assert message.endswith("PandoraClusters.iTheta")


def test_missing_names_of_collections(tmp_path):
    path = write(tmp_path / "part.root", "events", COMPLETE)
    assert "lacks the tree 'podio_metadata'" in refusal(path)


def test_unknown_detector(tmp_path):
    with pytest.raises(EDM4HEPError, match="unknown detector 'ATLAS': known are CLIC, CLD"):
        next(edm4hep.read(tmp_path, detector="ATLAS"))


@pytest.mark.parametrize("kept", [3, 10, 40, 5_000, 800_000, -1])
def test_truncated(tmp_path, kept):
    content = real(REAL.name).read_bytes()
    path = tmp_path / "cut.root"
    path.write_bytes(content[:kept])
    assert ("not a ROOT file" if kept == 3 else "truncated") in refusal(path)


def test_damaged_inside(tmp_path):
    content = bytearray(real(REAL.name).read_bytes())
    with uproot.open(REAL) as file:
        branch = file["events"]["PandoraClusters.energy"]
        seek = int(branch.member("fBasketSeek")[0])
    content[seek : seek + 60] = bytes(60)
    path = tmp_path / "damaged.root"
    path.write_bytes(content)
    assert "damaged ROOT file" in refusal(path)


def test_delphes_output_lacks_the_simulation():
    message = refusal(real("delphes_ww_240gev.root"))
    for needed in ("MCParticles", "PandoraClusters", "CalohitMCTruthLink"):
        assert needed in message


def test_published_layout_of_2023_is_told():
    assert "EDM4HEP of 2023" in refusal(real("clic_photons_10gev.root"))


def test_wrong_detector_is_told():
    message = refusal(real(REAL.name), detector="CLIC")
    assert "lacks collections needed for CLIC: ECALOther, LumiCal_Hits." in message
