"""Every file that cannot be read gives one clear line."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from datasets import edm4hep
from datasets.detectors import CLD, CLIC, Detector
from datasets.edm4hep import EDM4HEPError, layout
from datasets.edm4hep.convert import convert
from datasets.edm4hep.podio import OWN_STATES, PODIO_2023, PODIO_2025, tell
from datasets.edm4hep.references import Chunk, Jagged
from datasets.events import join_events, take_events
from datasets.schema import ECAL, TRACKER
from tests.datasets.edm4hep_columns import held, random_chunk, write_rntuple, write_ttree
from tests.datasets.random_events import random_events
from tests.datasets.test_edm4hep_convert import assert_same

FOLDER = Path(__file__).parents[2].parent / "shared" / "edm4hep"
REAL = FOLDER / "cld_zh_nunubb_240gev.root"

# What a full-simulation file has; each collection has more leaves than are read.
COMPLETE = (
    *layout.leaves(PODIO_2025, CLD),
    *(f"{name}.unread" for name in layout.collections(PODIO_2025, CLD)),
)


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
    assert "'events' is a TH1D: only a TTree or an RNTuple" in refusal(path)


def test_not_edm4hep(tmp_path):
    assert "but not EDM4HEP" in refusal(write(tmp_path / "x.root", "events", ["x", "y"]))


def test_not_lists(tmp_path):
    with uproot.recreate(tmp_path / "flat.root") as file:
        columns = {leaf: np.ones(3, np.float32) for leaf in COMPLETE}
        file.mktree("events", dict.fromkeys(columns, "float32")).extend(columns)
        file.mkrntuple("podio_metadata", NAMES)
    message = refusal(tmp_path / "flat.root")
    assert message.endswith("MCParticles.PDG is not a list of numbers in every event")


@pytest.mark.parametrize("missing", ["MCParticles", "CalohitMCTruthLink", "HCALOther"])
def test_missing_collection_is_named(tmp_path, missing):
    leaves = [leaf for leaf in COMPLETE if leaf.split(".")[0] != missing]
    message = refusal(write(tmp_path / "part.root", "events", leaves))
    assert f"lacks collections needed for CLD: {missing}. Full simulation" in message
    assert "Pandora and truth links have them" in message


def test_missing_branch_is_named(tmp_path):
    leaves = [leaf for leaf in COMPLETE if leaf != "PandoraClusters.iTheta"]
    message = refusal(write(tmp_path / "part.root", "events", leaves))
    assert message.endswith("PandoraClusters.iTheta")


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
    assert "lacks collections needed for CLIC: SiTracksMCTruthLink." in message


def test_wrong_detector_is_told():
    message = refusal(real(REAL.name), detector="clic")
    assert "lacks collections needed for CLIC: ECALOther, LumiCal_Hits." in message


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
    events = convert(Chunk(columns, known, 0), form, detector)
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


def some_events(seed: int, count: int, form=PODIO_2025, detector=CLD):
    return held(random_events(seed, count), form, detector)


@pytest.mark.parametrize("form", ["2023", "2025"])
def test_the_size_of_chunks_makes_no_difference(tmp_path, form):
    path = tmp_path / "some.root"
    assert edm4hep.write(path, (some_events(i, n) for i, n in enumerate((3, 4))), "CLD", form) == 7
    whole = join_events(list(edm4hep.read(path)))
    for chunk, sizes in ((2, [2, 2, 2, 1]), (5, [5, 2]), (7, [7])):
        parts = list(edm4hep.read(path, chunk=chunk))
        assert [part.events for part in parts] == sizes
        assert_same(join_events(parts), whole)
    with pytest.raises(EDM4HEPError, match="at least 1"):
        next(edm4hep.read(path, chunk=0))
    part = join_events(list(edm4hep.read(path, chunk=2, first=1, last=6)))
    assert_same(part, take_events(whole, np.arange(1, 6)))
    assert list(edm4hep.read(path, first=7)) == []
    for first, last in ((8, None), (0, 8), (3, 2), (-1, 2)):
        assert f"has 7 events, not {first} to {last}" in refusal(path, first=first, last=last)


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "long.root"
    part = some_events(1, 300)
    edm4hep.write(path, (part for _ in range(6)), "CLD")
    size = sum(
        column.nbytes
        for table in (part.hits, part.particles, part.clusters)
        for column in table.columns.values()
    )
    tracemalloc.start()
    held = [tracemalloc.get_traced_memory()[0] for _ in edm4hep.read(path, chunk=300)]
    tracemalloc.stop()
    assert len(held) == 6
    assert held[-1] - held[1] < size / 2


def test_a_file_without_events(tmp_path):
    path = tmp_path / "empty.root"
    none = take_events(some_events(3, 2), np.zeros(0, int))
    assert edm4hep.write(path, none, "CLD") == 0
    assert edm4hep.inspect(path).events == 0
    assert list(edm4hep.read(path)) == []


def metadata_of(chunk: Chunk) -> dict[str, dict]:
    numbers, names = [list(chunk.collections)], [list(chunk.collections.values())]
    return {
        "podio 1": {
            "events___CollectionTypeInfo": ak.zip({"collectionID": numbers, "name": names})
        },
        "before": {"events_collectionNames": names, "events___idTable": numbers},
    }


@pytest.mark.parametrize("age", ["podio 1", "before"])
def test_rntuple(tmp_path, age):
    made, chunk = random_chunk(7, PODIO_2025, CLD, events=7)
    path = tmp_path / "ntuple.root"
    write_rntuple(path, chunk, metadata_of(chunk)[age])
    source = edm4hep.inspect(path)
    assert (source.layout, source.detector, source.events) == (PODIO_2025, CLD, 7)
    assert_same(join_events(list(edm4hep.read(path, chunk=3))), made)


NAMES = ak.Array(metadata_of(random_chunk(0, PODIO_2025, CLD)[1])["podio 1"])


def numbers_of_2023(collections: dict[int, str]) -> dict:
    table = [{"m_collectionIDs": list(collections), "m_names": list(collections.values())}]
    return {"CollectionIDs": ak.Array(table)}


def test_tracker_hits_of_2023_may_lack_their_particles(tmp_path):
    made, chunk = random_chunk(8, PODIO_2023, CLD, events=6)
    ways = ("ITrackerEndcapHitsRel", "VertexBarrelCollection", "VXDTrackerHitRel")
    part = {leaf: c for leaf, c in chunk.columns.items() if not leaf.startswith(ways)}
    path = tmp_path / "old.root"
    less = chunk._replace(columns=part)
    write_ttree(path, less, "podio_metadata", numbers_of_2023(chunk.collections))
    found = join_events(list(edm4hep.read(path)))
    lost = len(made.hit_particle.source) - len(found.hit_particle.source)
    assert 0 < lost <= (made.hits["subdetector"][made.hit_particle.source] == TRACKER).sum()
    np.testing.assert_array_equal(found.hits["energy"], made.hits["energy"])


def test_links_of_2023_may_know_the_particles_by_another_name(tmp_path):
    made, chunk = random_chunk(8, PODIO_2023, CLD, events=3)
    links = chunk.columns["CalohitMCTruthLink#1.collectionID"]
    other = links._replace(values=np.full_like(links.values, 777))
    path = tmp_path / "old.root"
    write_ttree(
        path,
        chunk._replace(columns={**chunk.columns, "CalohitMCTruthLink#1.collectionID": other}),
        "metadata",
        numbers_of_2023({**chunk.collections, 777: "MCParticle"}),
    )
    assert_same(join_events(list(edm4hep.read(path))), made)


def test_contradictions_are_told_by_the_event_of_the_file(tmp_path):
    _, chunk = random_chunk(8, PODIO_2025, CLD, events=6)
    leaf = "_CalohitMCTruthLink_to.index"
    counts, values = chunk.columns[leaf]
    wrong = np.where(np.arange(len(values)) == len(values) - 1, 999, values).astype(np.int32)
    path = tmp_path / "wrong.root"
    wrong = chunk._replace(columns={**chunk.columns, leaf: Jagged(counts, wrong)})
    write_ttree(path, wrong, "podio_metadata", metadata_of(chunk)["podio 1"])
    event = np.flatnonzero(counts)[-1]
    assert event > 2
    there = chunk.columns["MCParticles.PDG"].counts[event]
    said = f"points to entry 999 of MCParticles, which has {there}, in event {event}"
    assert refusal(path, chunk=2).endswith(said)


def test_a_detector_of_the_users(tmp_path):
    ours = Detector("ours", 3.5, {"ECALBarrel": ECAL}, {"VXDTrackerHits": None})
    path = tmp_path / "some.root"
    made = some_events(2, 4)
    edm4hep.write(path, made, CLD)
    found = join_events(list(edm4hep.read(path, replace(CLD, name="ours", field=3.5))))
    assert found.field == 3.5
    assert_same(replace(found, field=2.0), join_events(list(edm4hep.read(path))))
    assert edm4hep.inspect(path, ours).detector is ours
    assert "where one of ECALBarrel, VXDTrackerHits is expected" in refusal(path, detector=ours)


def test_several_files(tmp_path):
    paths = [tmp_path / f"{i}.root" for i in range(2)]
    for i, path in enumerate(paths):
        edm4hep.write(path, some_events(i, i + 2), "cld")
    assert [source.events for source in edm4hep.check(paths)] == [2, 3]
    assert edm4hep.count_events(paths) == {str(paths[0]): 2, str(paths[1]): 3}
    alone = [part for path in paths for part in edm4hep.read(path)]
    together = list(edm4hep.read_all(paths))
    assert [part.events for part in together] == [2, 3]
    assert_same(join_events(together), join_events(alone))
    assert list(edm4hep.read_all([])) == []


def test_files_that_differ_are_refused_together(tmp_path):
    new, old, other = (tmp_path / f"{name}.root" for name in ("new", "old", "other"))
    edm4hep.write(new, some_events(0, 2), "CLD", "2025")
    edm4hep.write(old, some_events(0, 2), "CLD", "2023")
    edm4hep.write(other, replace(some_events(0, 2), field=4.0), "CLIC", "2025")
    for pair, kinds in (
        ((new, old), ("CLD in the layout of 2025", "CLD in the layout of 2023")),
        ((new, other), ("CLD in the layout of 2025", "CLIC in the layout of 2025")),
    ):
        with pytest.raises(EDM4HEPError) as caught:
            next(edm4hep.read_all(pair))
        message = str(caught.value)
        for path, kind in zip(pair, kinds, strict=True):
            assert f"{kind}: {path}" in message
        assert "\n" not in message
    with pytest.raises(EDM4HEPError, match=r"none\.root: no such file"):
        edm4hep.check([new, tmp_path / "none.root"])
