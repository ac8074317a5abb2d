"""Every file that cannot be read gives one clear line."""

from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from datasets import edm4hep
from datasets.detectors import CLD, CLIC
from datasets.edm4hep import EDM4HEPError, layout
from datasets.edm4hep.chunk import Chunk, Jagged
from datasets.edm4hep.podio import OWN_STATES, PODIO_2025, tell
from datasets.edm4hep.reading.tables import to_events
from datasets.schema import ECAL, TRACKER
from tests.datasets.edm4hep.edm4hep_columns import metadata_of, random_chunk, refusal

FOLDER = Path(__file__).parents[4].parent / "shared" / "edm4hep"
REAL = FOLDER / "cld_zh_nunubb_240gev.root"

# What a full-simulation file has; each collection has more leaves than are read.
COMPLETE = (
    *layout.leaves(PODIO_2025, CLD),
    *(f"{name}.unread" for name in layout.collections(PODIO_2025, CLD)),
)


NAMES = ak.Array(metadata_of(random_chunk(0, PODIO_2025, CLD)[1])["podio 1"])


def real(name: str) -> Path:
    if not (FOLDER / name).is_file():
        pytest.skip(f"the real file {name} is not in {FOLDER}")
    return FOLDER / name


def write(path: Path, tree: str, leaves) -> Path:
    """A ROOT file with three events of one float for each leaf."""
    with uproot.recreate(path) as file:
        columns = {leaf: np.ones(3, np.float32) for leaf in leaves}
        file.mktree(tree, dict.fromkeys(columns, "float32")).extend(columns)
    return path


def test_missing(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.root")
    assert "no such file; one is needed" in refusal(tmp_path / "*.root")
    assert "a folder, not a file" in refusal(tmp_path)


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
    assert "'events' is a TH1D: only a TTree or an RNTuple" in refusal(path)


def test_not_edm4hep(tmp_path):
    assert "but not EDM4HEP" in refusal(write(tmp_path / "x.root", "events", ["x", "y"]))


def test_not_lists(tmp_path):
    with uproot.recreate(tmp_path / "flat.root") as file:
        columns = {leaf: np.ones(3, np.float32) for leaf in COMPLETE}
        file.mktree("events", dict.fromkeys(columns, "float32")).extend(columns)
        file.mkrntuple("podio_metadata", NAMES)
    message = refusal(tmp_path / "flat.root")
    assert message.endswith("SiTracks_Refitted.type is not a list of numbers in every event")


@pytest.mark.parametrize(
    ("missing", "part"),
    [
        ("MCParticles", "truth"),
        ("CalohitMCTruthLink", "truth"),
        ("HCALOther", "calorimeter hits"),
        ("PandoraPFOs", "baseline"),
    ],
)
def test_missing_collection_is_named(tmp_path, missing, part):
    leaves = [leaf for leaf in COMPLETE if leaf.split(".")[0] != missing]
    message = refusal(write(tmp_path / "part.root", "events", leaves))
    assert f"lacks collections needed for CLD: {missing} ({part}). Full simulation" in message
    assert "Pandora and truth links have them" in message


def test_missing_branch_is_named(tmp_path):
    leaves = [leaf for leaf in COMPLETE if leaf != "PandoraClusters.iTheta"]
    message = refusal(write(tmp_path / "part.root", "events", leaves))
    assert message.endswith("layout of 2025: PandoraClusters.iTheta (clusters)")


def test_missing_names_of_collections(tmp_path):
    path = write(tmp_path / "part.root", "events", COMPLETE)
    assert "lacks the tree 'podio_metadata'" in refusal(path)


def test_missing_numbers_of_collections(tmp_path):
    part = ak.Array({"events___CollectionTypeInfo": NAMES["events___CollectionTypeInfo"][:, 1:]})
    path = write(tmp_path / "part.root", "events", COMPLETE)
    with uproot.update(path) as file:
        file.mkrntuple("podio_metadata", part)
    assert refusal(path).endswith("its table of collections lacks MCParticles")
    with uproot.update(path) as file:
        file.mkrntuple("podio_metadata", {"unrelated": NAMES["events___CollectionTypeInfo"]})
    assert "names of its collections cannot be read" in refusal(path)


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
    assert message.endswith("fast simulation has not (this looks like Delphes)")


def test_photons_without_tracks_lack_their_links():
    message = refusal(real("clic_photons_10gev.root"))
    assert "lacks collections needed for CLIC: SiTracksMCTruthLink (truth)." in message


def test_wrong_detector_is_told():
    message = refusal(real(REAL.name), detector="clic")
    assert (
        "lacks collections needed for CLIC: ECALOther, LumiCal_Hits (calorimeter hits)." in message
    )


def test_real_file_of_2023():
    """Photons of the real CLIC; of their tracks, which are none, the file lacks some branches."""
    with uproot.open(real("clic_photons_10gev.root")) as file:
        tree, metadata = file["events"], file["metadata"]
        leaves = {key.rsplit("/", 1)[-1] for key in tree.keys()}  # noqa: SIM118
        form = tell({leaf.split(".", 1)[0] for leaf in leaves})
        names, numbers = (
            metadata[f"CollectionIDs/m_{part}"].array()[0].to_list()
            for part in ("names", "collectionIDs")
        )
        detector = replace(CLIC, tracker_hits=dict.fromkeys(CLIC.tracker_hits))
        none = Jagged(np.zeros(3, int), np.zeros(0))
        columns = dict.fromkeys(layout.leaves(form, detector), none)
        for leaf in columns.keys() & leaves:
            values = tree[leaf].array(library="ak")
            columns[leaf] = Jagged(ak.num(values).to_numpy(), ak.flatten(values).to_numpy())
    assert form.states.collection == OWN_STATES
    assert len(columns.keys() - leaves) == 6  # time of states, and the links of tracks
    collections = dict(zip(numbers, names, strict=True))
    assert "MCParticle" in names
    known = {number: form.aliases.get(name, name) for number, name in collections.items()}
    events = to_events(Chunk(columns, known, 0), form, detector)
    assert events.clusters.counts.tolist() == [1, 1, 1]
    assert events.candidates["pdg"].tolist() == [22, 22, 22]
    assert events.candidate_cluster.target.tolist() == [0, 1, 2]
    in_ecal = events.hits["subdetector"] == ECAL
    assert (in_ecal | (events.hits["subdetector"] == TRACKER)).all()
    # One photon made all hits; the energy of its cluster is theirs but for Pandora's calibration.
    first = events.particles.offsets[:-1]
    np.testing.assert_array_equal(
        events.hit_particle.target, first[events.hits.event[events.hit_particle.source]]
    )
    np.testing.assert_array_equal(np.unique(events.hit_particle.source), np.flatnonzero(in_ecal))
    energy = np.bincount(
        events.cluster_hit.source, events.hits["energy"][events.cluster_hit.target]
    )
    np.testing.assert_allclose(energy, events.clusters["energy"], rtol=0.03)
