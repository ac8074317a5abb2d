"""Particles as podio keeps them: their classes, their values, and ROOT that reads them."""

import subprocess
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from sklearn.utils import murmurhash3_32

from datasets.edm4hep import EDM4HEPError, Found, write_particles
from datasets.edm4hep.reading.metadata import metadata_of
from datasets.edm4hep.writing.frames import EDM4HEP, PODIO, references
from datasets.edm4hep.writing.particles import COLLECTION

READER = Path(__file__).with_name("as_podio_reads.cc")
NUMBERS = {"tracks": 11, "clusters": 2**32 - 1}
OBJECTS = "std::vector<edm4hep::ReconstructedParticleData>"
IDS = "std::vector<podio::ObjectID>"
RELATIONS = ("clusters", "tracks", "particles", "decayVertex")


def found(seed: int, events: int, particles: int) -> Found:
    rng = np.random.default_rng(seed)
    momentum = rng.normal(size=(particles, 3)).astype(np.float32).astype(float)
    energy = np.sqrt((momentum**2).sum(1) + 0.01)
    of_track, place = rng.random(particles) < 0.5, np.arange(particles)
    return Found(
        np.sort(rng.integers(0, events, particles)),
        rng.choice([22, 130, 211, -211], particles),
        rng.integers(-1, 2, particles),
        np.c_[momentum, energy],
        np.where(of_track, place, -1),
        np.where(of_track, -1, place),
    )


PORTIONS = [  # of no events, of no particles, and others
    (found(3, 0, 0), 0),
    (found(0, 3, 20), 3),
    (found(4, 0, 0), 0),
    (found(1, 4, 0), 4),
    (found(2, 5, 31), 5),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("particles") / "particles.root"
    assert write_particles(path, PORTIONS, NUMBERS) == 12
    return path


def expected() -> list[str]:
    """What the reader shows, from a loop over the portions."""
    lines = []
    for particles, events in PORTIONS:
        for event in range(events):
            mine = np.flatnonzero(particles.event == event)
            lines.append(f"event {len(mine)} 0 {len(mine)} 0")
            for i in mine:
                numbers = np.r_[particles.p4[i, [3, 0, 1, 2]], particles.charge[i], 0.1, 0]
                shown = " ".join(f"{v:.6g}" for v in numbers)
                kind = "track" if particles.track[i] >= 0 else "cluster"
                place = max(particles.track[i], particles.cluster[i])
                lines.append(f"{particles.pdg[i]} {shown} {kind} {place} {NUMBERS[kind + 's']}")
    return lines


def classes(path, name: str) -> dict[str, str]:
    """The class of every field, by its way from the top."""
    fields = uproot.open(path)[name].field_records
    ways = []
    for place, field in enumerate(fields):
        parent = field.parent_field_id
        ways.append((ways[parent] + "/" if parent != place else "") + field.field_name)
    return {way: field.type_name for way, field in zip(ways, fields, strict=True)}


def test_the_fields_of_events_have_the_classes_that_podio_asks_for(path):
    known = classes(path, "events")
    values = {"Int": "std::int32_t", "Float": "float", "Double": "double", "String": "std::string"}
    assert {way: known[way] for way in known if "/" not in way} == {
        "MLPFParticles": OBJECTS,
        **{f"_MLPFParticles_{relation}": IDS for relation in RELATIONS},
        **{f"GP{kind}Keys": "std::vector<std::string>" for kind in values},
        **{f"GP{kind}Values": f"std::vector<std::vector<{t}>>" for kind, t in values.items()},
    }
    inner = {way.removeprefix("MLPFParticles/_0/"): known[way] for way in known}
    assert inner["momentum"] == inner["referencePoint"] == "edm4hep::Vector3f"
    assert inner["covMatrix"] == "edm4hep::CovMatrix4f"
    assert inner["covMatrix/values"] == "std::array<float,10>"
    assert inner["PDG"] == "std::int32_t"
    assert inner["particles_end"] == "std::uint32_t"
    assert known["_MLPFParticles_tracks/_0/collectionID"] == "std::uint32_t"


def test_the_table_of_collections_has_the_classes_that_podio_asks_for(path):
    known = classes(path, "podio_metadata")
    assert {way: known[way] for way in known if "/" not in way} == {
        "PodioBuildVersion": "std::vector<std::uint16_t>",
        "edm4hep___Version": "std::vector<std::uint16_t>",
        "EDMDefinitions": "std::vector<std::tuple<std::string,std::string>>",
        "availableCategories": "std::vector<std::string>",
        "events___CollectionTypeInfo": "std::vector<podio::root_utils::CollectionWriteInfo>",
    }
    with uproot.open(path) as file:
        (read,) = file["podio_metadata"].arrays().to_list()
    assert read["availableCategories"] == ["events"]
    assert read["events___CollectionTypeInfo"] == [
        {
            "collectionID": COLLECTION.number,
            "dataType": "edm4hep::ReconstructedParticleCollection",
            "isSubset": False,
            "schemaVersion": 2,
            "name": "MLPFParticles",
            "storageType": OBJECTS,
        }
    ]
    assert metadata_of(uproot.open(path)).version == EDM4HEP


def test_no_cluster_is_empty_and_no_particle_has_a_vertex(path):
    """ROOT reads no file with an empty cluster; podio takes what is not there by its index."""
    with uproot.open(path) as file:
        events = file["events"]
        assert [cluster.num_entries for cluster in events.cluster_summaries] == [3, 4, 5]
        vertices = events.arrays()["_MLPFParticles_decayVertex"].to_list()
    count = [np.sum(found.event == event) for found, n in PORTIONS for event in range(n)]
    assert vertices == [[{"index": -2, "collectionID": 0}] * n for n in count]


def test_the_collection_has_the_number_that_podio_gives_to_its_name():
    assert COLLECTION.number == murmurhash3_32(COLLECTION.name.encode(), positive=True)


def test_what_uproot_calls_records_is_as_before(path, tmp_path):
    for nothing in ([], PORTIONS[:1]):
        with pytest.raises(EDM4HEPError, match="no events"):
            write_particles(tmp_path / "none.root", nothing, NUMBERS)
    with uproot.recreate(tmp_path / "other.root") as file:
        ids = references(np.zeros(1), np.zeros(1))
        file.mkrntuple("events", ak.zip({"a": ak.unflatten(ids, [1])}, depth_limit=1))
    assert classes(tmp_path / "other.root", "events")["a/_0"] == ""
    assert [p.name for p in tmp_path.iterdir()] == ["other.root"]


def test_two_files_written_side_by_side_have_their_classes(path, tmp_path):
    """One writes all of its own while the other makes its second portion."""

    def portions():
        yield PORTIONS[1]
        write_particles(tmp_path / "inner::x.root", PORTIONS, NUMBERS)
        yield PORTIONS[4]

    assert write_particles(tmp_path / "outer.root", portions(), NUMBERS) == 8
    for name in ("events", "podio_metadata"):
        expected = classes(path, name)
        assert classes(tmp_path / "outer.root", name) == expected
        with (tmp_path / "inner::x.root").open("rb") as file:
            assert classes(file, name) == expected
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.soak
def test_root_reads_them_as_podio_does(path):
    """Where ROOT 6.36 or later is installed, as by `pip install root`."""
    pytest.importorskip("ROOT", reason="ROOT is not installed")
    program = f"import ROOT; ROOT.gInterpreter.Declare(open({str(READER)!r}).read()); ROOT.show"
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{program}({str(path)!r})"],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert shown[0] == f"podio {'.'.join(map(str, PODIO))} 0 events"
    kind = "edm4hep::ReconstructedParticleCollection"
    assert shown[1] == f"MLPFParticles {COLLECTION.number} {kind} 0 2 {OBJECTS}"
    assert len(shown) == 2 + len(expected())
    for line, own in zip(shown[2:], expected(), strict=True):
        assert [*map(_value, line.split())] == pytest.approx([*map(_value, own.split())], abs=1e-5)


def _value(word: str) -> float:
    return float(word) if word[-1].isdigit() else {"event": 0.0, "track": 1.0, "cluster": 2.0}[word]
