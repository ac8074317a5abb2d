"""What versions of EDM4hep call the same things makes no difference."""

import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

import awkward as ak
import numpy as np
import pytest
import uproot

from datasets import edm4hep
from datasets.detectors import CLD
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.podio import PODIO_2023, PODIO_2025
from datasets.edm4hep.reading import metadata
from datasets.edm4hep.reading.tables import to_events
from datasets.edm4hep.reading.versions import resolved, version_of
from datasets.events import Table, join_events
from tests.datasets.edm4hep.edm4hep_columns import (
    assert_same,
    metadata_of,
    random_chunk,
    write_ttree,
)

NONE = MappingProxyType({})
TRACKS, DQDX = "SiTracks_Refitted", "SiTracks_Refitted_dQdx"


def names_of_0_10(leaf: str) -> str:
    leaf = re.sub(r"^(_.+)_from\.", r"\1_rec.", leaf)
    leaf = re.sub(r"^(_.+)_to\.", r"\1_sim.", leaf)
    leaf = re.sub(r"^(_.+Collection)_particle\.", r"\1_MCParticle.", leaf)
    return leaf.replace("PandoraPFOs.PDG", "PandoraPFOs.type")


def newer_links(leaf: str) -> str:
    return leaf.replace("CalohitMCTruthLink", "CaloHitMCParticleLinks").replace(
        "SiTracksMCTruthLink", "TrackMCParticleLink"
    )


RENAMED: dict[str, Callable[[str], str]] = {
    "1.0 or later": lambda leaf: leaf.replace("PandoraClusters.phi", "PandoraClusters.iPhi"),
    "0.10": names_of_0_10,
    "0.99": newer_links,
    " 0.99": lambda leaf: leaf.replace("PandoraPFOs", "MergedRecoParticles"),
}


def with_names(chunk, rename):
    columns = {rename(leaf): column for leaf, column in chunk.columns.items()}
    return chunk._replace(columns=columns)


def layout_of(chunk, types=NONE, layout=PODIO_2025):
    return resolved(layout, set(chunk.columns), types)


@pytest.mark.parametrize("version", RENAMED)
def test_other_names_are_read_as_the_same(version):
    made, chunk = random_chunk(3, PODIO_2025, CLD)
    other = with_names(chunk, RENAMED[version])
    assert set(other.columns) != set(chunk.columns)
    assert_same(to_events(other, layout_of(other), CLD), made)
    assert version_of(set(other.columns), None) == version.strip()
    assert version_of(set(other.columns), (0, 99, 2)) == "0.99.2"


def test_energy_losses_and_radii_may_be_in_the_tracks():
    made, chunk = random_chunk(4, PODIO_2025, CLD)
    inside = {
        f"{TRACKS}.{name}": chunk.columns[f"{TRACKS}.chi2"]._replace(values=made.tracks[name])
        for name in ("dEdx", "dEdxError", "radiusOfInnermostHit")
    }
    columns = {k: v for k, v in chunk.columns.items() if DQDX not in k}
    other = with_names(chunk._replace(columns=columns | inside), names_of_0_10)
    assert_same(to_events(other, layout_of(other), CLD), made)


def test_what_was_not_measured_is_zero():
    made, chunk = random_chunk(4, PODIO_2025, CLD)
    gone = (DQDX, "trackStates.time")
    less = chunk._replace(
        columns={k: v for k, v in chunk.columns.items() if not any(name in k for name in gone)}
    )
    zero = dict.fromkeys(("dEdx", "dEdxError", "time"), np.zeros(len(made.tracks)))
    tracks = Table(made.tracks.offsets, {**made.tracks.columns, **zero})
    assert_same(to_events(less, layout_of(less), CLD), replace(made, tracks=tracks))


def test_links_are_told_by_their_type():
    made, chunk = random_chunk(5, PODIO_2025, CLD)
    other = with_names(chunk, lambda leaf: leaf.replace("SiTracksMCTruthLink", "Whatever"))
    types = {"Whatever": "podio::LinkCollection<...> edm4hep::TrackMCParticleLinkCollection"}
    assert_same(to_events(other, layout_of(other, types), CLD), made)
    assert layout_of(other).track_links == "SiTracksMCTruthLink", "not by that name alone"


def test_of_two_that_could_be_meant_none_is_taken():
    _, chunk = random_chunk(5, PODIO_2025, CLD)
    other = with_names(chunk, newer_links)
    twice = {"CalorimeterHitMCParticleLink.weight": next(iter(chunk.columns.values()))}
    with pytest.raises(EDM4HEPError, match="several collections that could be CalohitMCTruthLink"):
        layout_of(other._replace(columns=other.columns | twice))


def test_the_way_back_is_not_the_way():
    """`MCTruthSiTracksLink` leads from particles to tracks, `RecoMCTruthLink` from candidates."""
    leaves = {f"{name}.weight" for name in ("MCTruthSiTracksLink", "RecoMCTruthLink")}
    assert resolved(PODIO_2025, leaves, NONE).track_links == "SiTracksMCTruthLink"


@pytest.mark.parametrize("layout", [PODIO_2023, PODIO_2025])
def test_the_usual_names_are_left_as_they_are(layout):
    _, chunk = random_chunk(3, layout, CLD)
    found = layout_of(chunk, layout=layout)
    assert found == layout


def test_a_file_says_what_it_is(tmp_path):
    made, chunk = random_chunk(6, PODIO_2025, CLD)
    path = tmp_path / "new.root"
    rename = RENAMED["1.0 or later"]
    write_ttree(
        path, with_names(chunk, lambda n: newer_links(rename(n))), metadata_of(chunk)["podio 1"]
    )
    found = edm4hep.inspect(path)
    assert (found.version, found.parts) == ("1.0 or later", frozenset(edm4hep.PARTS))
    assert found.notes == (
        "CaloHitMCParticleLinks is taken for CalohitMCTruthLink",
        "TrackMCParticleLink is taken for SiTracksMCTruthLink",
    )
    assert "EDM4hep 1.0 or later" in edm4hep.described(found)[0]
    assert_same(join_events(list(edm4hep.read(path))), made)


@pytest.mark.parametrize(
    ("written", "version"),
    [([1, 0, 2], (1, 0, 2)), ([1, 0], None), (["1", "0", "2"], None)],
)
def test_a_version_in_an_rntuple_is_three_numbers(tmp_path, written, version):
    with uproot.recreate(tmp_path / "versions.root") as file:
        file.mkrntuple("podio_metadata", ak.Array([{"edm4hep___Version": written}]))
    with uproot.open(tmp_path / "versions.root") as file:
        assert metadata.metadata_of(file).version == version
