"""Events written as EDM4HEP: what is read back trains the same, and no half file is left."""

from dataclasses import replace

import numpy as np
import pytest

from datasets import edm4hep
from datasets.detectors import CLD, CLIC, Detector
from datasets.edm4hep import EDM4HEPError
from datasets.edm4hep.podio import LAYOUTS, PODIO_2025
from datasets.edm4hep.writing.columns import in_file_order
from datasets.edm4hep.writing.hit_collections import collection_of
from datasets.events import Table, join_events
from datasets.schema import ECAL, HCAL, JET_FEATURES, OTHER, TRACKER
from datasets.schema import target as column
from datasets.truth import target
from tests.datasets.edm4hep.edm4hep_columns import assert_same, held
from tests.datasets.random_events import random_events

# Bit for bit in the target; the others are made of these and of angles.
EXACT = (
    "PDG",
    "charge",
    "ispu",
    "generatorStatus",
    "simulatorStatus",
    "jet_idx",
    "particle_number",
)


@pytest.fixture(scope="module")
def simulated():
    pytest.importorskip("pythia8mc", reason="simulation needs the extra 'physics'")
    pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
    from datasets.simulation import simulate

    return simulate("zh", 4, seed=11)


@pytest.fixture(scope="module", params=sorted(LAYOUTS))
def trip(request, simulated, tmp_path_factory):
    """A layout, simulated events read back from it, and these read back once more."""
    path = tmp_path_factory.mktemp("trip") / "simulated.root"
    assert edm4hep.write(path, simulated, "CLIC", request.param) == 4
    once = join_events(list(edm4hep.read(path, "CLIC", chunk=3)))
    source = edm4hep.inspect(path)
    assert (source.layout.name, source.detector) == (request.param, CLIC)
    edm4hep.write(path, once, "CLIC", request.param)
    return once, join_events(list(edm4hep.read(path)))


def test_simulated_events_train_the_same_after_a_round_trip(simulated, trip):
    """Exactly where it counts, and to the rounding of EDM4HEP's 32 bits elsewhere."""
    ours, theirs = target.to_samples(simulated), target.to_samples(trip[0])
    np.testing.assert_array_equal(ours.offsets, theirs.offsets)
    for i in range(ours.X.shape[1]):
        np.testing.assert_allclose(theirs.X[:, i], ours.X[:, i], 1e-5, 1e-6, err_msg=f"X {i}")
    for name in ("ytarget", "ycand"):
        a, b = getattr(ours, name), getattr(theirs, name)
        for feature in EXACT:
            np.testing.assert_array_equal(b[:, column(feature)], a[:, column(feature)])
        np.testing.assert_allclose(b, a, 1e-5, 1e-6, err_msg=name)
    # A sum over momenta of up to 100 GeV that nearly cancel.
    np.testing.assert_allclose(theirs.genmet, ours.genmet, 1e-5, 1e-4)
    for name in ("genjets", "targetjets"):
        np.testing.assert_array_equal(getattr(ours, name).offsets, getattr(theirs, name).offsets)
        for feature in JET_FEATURES:
            np.testing.assert_allclose(
                getattr(theirs, name)[feature], getattr(ours, name)[feature], 1e-5, 1e-6
            )


def test_hits_train_the_same_in_the_order_of_the_file(simulated, trip):
    ordered, _ = in_file_order(simulated, collection_of(simulated.hits, CLIC))
    settings = target.Settings("hits")
    ours, theirs = (target.to_samples(events, settings) for events in (ordered, trip[0]))
    np.testing.assert_array_equal(ours.offsets, theirs.offsets)
    np.testing.assert_allclose(theirs.X, ours.X, 1e-5, 1e-6)
    for feature in EXACT:
        i = column(feature)
        np.testing.assert_array_equal(theirs.ytarget[:, i], ours.ytarget[:, i], err_msg=feature)
    np.testing.assert_allclose(theirs.ytarget, ours.ytarget, 1e-5, 1e-6)


def test_a_second_round_trip_changes_nothing(trip):
    assert_same(trip[1], trip[0])


def test_hits_keep_their_subdetectors(simulated, trip):
    back = trip[0].hits
    codes = [np.bincount(hits["subdetector"], minlength=4) for hits in (simulated.hits, back)]
    np.testing.assert_array_equal(*codes)
    np.testing.assert_array_equal(back.offsets, simulated.hits.offsets)
    for name in ("x", "energy", "time"):
        np.testing.assert_allclose(np.sort(back[name]), np.sort(simulated.hits[name]), 1e-6, 1e-6)


def hits_at(rows) -> Table:
    """Hits of (subdetector, type, radius, z)."""
    code, kind, radius, z = np.array(rows, float).T
    columns = {"subdetector": code.astype(int), "type": kind.astype(int), "x": radius, "z": z}
    return Table(np.array([0, len(rows)]), {**columns, "y": np.zeros(len(rows))})


def test_hits_are_placed_by_type_and_position():
    where = {
        "ECALBarrel": (ECAL, 11010, 1600, 0),
        "ECALEndcap": (ECAL, 32010, 1600, 0),
        "HCALBarrel": (HCAL, 0, 2000, 1000),
        "HCALEndcap": (HCAL, 0, 1000, -2700),
        "MUON": (OTHER, 2032, 1000, 5000),
        "VXDTrackerHits": (TRACKER, 0, 31, 100),
        "VXDEndcapTrackerHits": (TRACKER, 0, 50, -160),
        "ITrackerHits": (TRACKER, 0, 340, 400),
        "ITrackerEndcapHits": (TRACKER, 0, 90, -1093),
        "OTrackerHits": (TRACKER, 0, 1486, 1200),
        "OTrackerEndcapHits": (TRACKER, 0, 700, 1310),
    }
    for detector in (CLIC, CLD):
        placed = collection_of(hits_at(list(where.values())), detector)
        assert [detector.hits[i] for i in placed] == list(where)
    assert len(collection_of(hits_at([(0, 0, 0, 0)]), CLIC)) == 1


def test_hits_of_unnamed_places_go_where_their_subdetector_is():
    plain = Detector("plain", 2.0, {"Calo": HCAL, "Front": ECAL}, {"Drift": None})
    placed = collection_of(
        hits_at([(HCAL, 2010, 1, 9), (TRACKER, 0, 5, 0), (ECAL, 0, 1, 0)]), plain
    )
    assert [plain.hits[i] for i in placed] == ["Calo", "Drift", "Front"]
    with pytest.raises(EDM4HEPError, match="plain has no collection for hits of subdetector 2"):
        collection_of(hits_at([(OTHER, 0, 1, 1)]), plain)


def refusal(path, *arguments) -> str:
    """What is said instead of writing a file; none is left."""
    with pytest.raises(EDM4HEPError) as caught:
        edm4hep.write(path, *arguments)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert list(path.parent.iterdir()) == []
    return message


def test_what_cannot_be_written_leaves_no_file(tmp_path):
    path = tmp_path / "new.root"
    made = held(random_events(4, 3), PODIO_2025, CLD)
    assert "no events to write" in refusal(path, [], "CLD")
    assert "unknown detector 'ATLAS'" in refusal(path, made, "ATLAS")
    assert "unknown layout '2024': known are 2023, 2025" in refusal(path, made, "CLD", "2024")
    assert "2.0 T are not of CLIC, which has 4.0 T" in refusal(path, made, "CLIC")
    fraction = replace(
        made,
        tracks=replace(
            made.tracks,
            columns={**made.tracks.columns, "ndf": made.tracks["ndf"] + 0.5},
        ),
    )
    assert "0.5 cannot be written as SiTracks_Refitted.ndf" in refusal(
        path, [made, fraction], "CLD"
    )


def test_an_interrupted_source_leaves_the_old_file(tmp_path):
    path = tmp_path / "old.root"
    made = held(random_events(4, 3), PODIO_2025, CLD)
    edm4hep.write(path, made, "CLD")
    before = path.read_bytes()

    def parts():
        yield made
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edm4hep.write(path, parts(), "CLD")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
