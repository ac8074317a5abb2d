"""Detectors of TOML files: read as they are described, or refused in one line."""

import pytest

from datasets import detectors
from datasets.detectors import CLD
from datasets.edm4hep.podio import PODIO_2025
from datasets.edm4hep.reading.tables import to_events
from datasets.edm4hep.reading.versions import called, resolved
from datasets.schema import ECAL, HCAL
from tests.datasets.edm4hep.edm4hep_columns import assert_same, random_chunk

KINDS = {ECAL: "ECAL", HCAL: "HCAL"}
NAMES = {"tracks": "OurTracks", "clusters": "OurClusters", "candidates": "OurParticles",
         "hit_links": "HitLinks", "track_links": "TrackLinks"}  # fmt: skip
LIKE_CLD = "\n".join(
    [
        f'name = "MINE"\nfield = {CLD.field}\nface = [{CLD.face.radius}, {CLD.face.half_length}]',
        "[calorimeter_hits]",
        *(f'{name} = "{KINDS.get(code, "OTHER")}"' for name, code in CLD.calorimeter_hits.items()),
        "[tracker_hits]",
        *(f'{name} = ["{way[0]}", "{way[1]}"]' for name, way in CLD.tracker_hits.items()),
        "[collections]",
        *(f'{field} = "{name}"' for field, name in NAMES.items()),
    ]
)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(LIKE_CLD)
    return path


def test_a_described_detector_is_read_as_one_that_is_known(path):
    mine = detectors.find(str(path))
    assert (mine.name, mine.field, mine.face, mine.hits) == ("MINE", 2.0, CLD.face, CLD.hits)
    assert mine.calorimeter_hits == CLD.calorimeter_hits
    assert mine.tracker_hits == CLD.tracker_hits
    usual = {"tracks": "SiTracks_Refitted", "clusters": "PandoraClusters",
             "candidates": "PandoraPFOs", "hit_links": "CalohitMCTruthLink",
             "track_links": "SiTracksMCTruthLink"}  # fmt: skip
    made, chunk = random_chunk(7, PODIO_2025, CLD)
    columns = {}
    for leaf, column in chunk.columns.items():
        for field, name in usual.items():
            leaf = leaf.replace(name, NAMES[field])
        columns[leaf] = column
    named = {name: NAMES[field] for field, name in usual.items()}
    numbers = {n: named.get(name, name) for n, name in chunk.collections.items()}
    own = resolved(called(PODIO_2025, mine.collections), set(columns), {})
    assert_same(to_events(chunk._replace(columns=columns, collections=numbers), own, mine), made)


def test_a_recipe_holds_what_the_file_said(path):
    known = detectors.reference(str(path))
    assert detectors.find(known) == detectors.find(str(path))
    assert detectors.reference("cld") == "CLD"
    path.write_text(LIKE_CLD.replace("field = 2.0", "field = 3.0"))
    assert detectors.reference(str(path)) != known
    with pytest.raises(ValueError, match=r"mine\.toml has changed since"):
        detectors.find(known)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("field = 2.0", "", "lacks 'field'"),
        ("field = 2.0", "field = 0", "above 0"),
        ("field = 2.0", "field = 'strong'", "has to be a number"),
        ("field = 2.0", "fields = 2.0", "unknown fields: known are name"),
        ("face = [2150.0, 2307.0]", "face = [2150.0]", "has to be 2 numbers"),
        ('MUON = "OTHER"', 'MUON = "MUON"', "hits of MUON: choose among ECAL, HCAL, OTHER"),
        ('tracks = "OurTracks"', 'trax = "OurTracks"', "unknown collections trax; known: tracks"),
        ('"VXDTrackerHitRelations", ', "", r"has to be \[relations"),
        ('name = "MINE"', "name = ", "cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(path, before, after, said):
    assert before in LIKE_CLD
    path.write_text(LIKE_CLD.replace(before, after, 1))
    with pytest.raises(ValueError, match=f"detector {path}.*{said}") as caught:
        detectors.find(str(path))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        detectors.reference(str(path.with_name("none.toml")))
