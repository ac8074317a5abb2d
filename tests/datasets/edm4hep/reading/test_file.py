"""What is read does not depend on the size of chunks, the container or the other files."""

import tracemalloc
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest
import uproot

from datasets import edm4hep
from datasets.detectors import CLD, Detector
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.podio import PODIO_2023, PODIO_2025
from datasets.events import join_events, take_events
from datasets.schema import ECAL, TRACKER
from tests.datasets.edm4hep.edm4hep_columns import (
    assert_same,
    metadata_of,
    random_chunk,
    refusal,
    some_events,
    write_rntuple,
    write_ttree,
)


def test_the_size_of_chunks_makes_no_difference(tmp_path):
    path = tmp_path / "some.root"
    assert edm4hep.write(path, (some_events(i, n) for i, n in enumerate((3, 4))), "CLD") == 7
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


@pytest.mark.soak
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


@pytest.mark.parametrize("age", ["podio 1", "before"])
def test_rntuple(tmp_path, age):
    made, chunk = random_chunk(7, PODIO_2025, CLD, events=7)
    path = tmp_path / "ntuple.root"
    write_rntuple(path, chunk, metadata_of(chunk)[age])
    source = edm4hep.inspect(path)
    assert (source.layout, source.detector, source.events) == (PODIO_2025, CLD, 7)
    assert_same(join_events(list(edm4hep.read(path, chunk=3))), made)


@pytest.fixture
def forgetful():
    """A class of an unknown version makes uproot replace the one that it knows, for good."""
    yield
    uproot.reset_classes()


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("container", ["TTree", "RNTuple"])
def test_random_damage_is_refused_or_not_noticed(tmp_path, container):
    """But never an error of another kind: ROOT has no check sums over everything."""
    path = tmp_path / "damaged.root"
    _, chunk = random_chunk(1, PODIO_2025, CLD, events=2)
    write = write_ttree if container == "TTree" else write_rntuple
    write(path, chunk, metadata_of(chunk)["podio 1"])
    content, rng, refusals = path.read_bytes(), np.random.default_rng(7), []
    for _ in range(12):
        damaged = bytearray(content)
        for start in rng.integers(24, len(content) - 8, 8):
            damaged[start : start + 8] = rng.bytes(8)
        path.write_bytes(damaged)
        try:
            list(edm4hep.read(path))
        except EDM4HEPError as error:
            refusals.append(str(error))
    assert len(refusals) > 6
    assert all(said.startswith(f"{path}: ") and "\n" not in said for said in refusals)


def numbers_of_2023(collections: dict[int, str]) -> dict:
    table = [{"m_collectionIDs": list(collections), "m_names": list(collections.values())}]
    return {"CollectionIDs": ak.Array(table)}


def test_tracker_hits_of_2023_may_lack_their_particles(tmp_path):
    made, chunk = random_chunk(8, PODIO_2023, CLD, events=6)
    ways = ("ITrackerEndcapHitsRel", "VertexBarrelCollection", "VXDTrackerHitRel")
    part = {leaf: c for leaf, c in chunk.columns.items() if not leaf.startswith(ways)}
    path = tmp_path / "old.root"
    less = chunk._replace(columns=part)
    write_ttree(path, less, numbers_of_2023(chunk.collections))
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
        numbers_of_2023({**chunk.collections, 777: "MCParticle"}),
        "metadata",
    )
    assert_same(join_events(list(edm4hep.read(path))), made)


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
