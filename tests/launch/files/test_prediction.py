"""A model needs no truth, and what is wrong with one event costs that event."""

import json

import awkward as ak
import numpy as np
import pytest
import uproot
from pyarrow import parquet

from datasets import edm4hep, schema
from datasets.detectors import CLD
from datasets.edm4hep.layout import BASELINE, PARTS, TRUTH, collections
from datasets.edm4hep.podio import PODIO_2025
from datasets.events import take_events
from launch.files.prediction import check_output, lines, needs_of, predict
from launch.shell.runs import RunError
from tests.datasets.edm4hep.edm4hep_columns import (
    metadata_of,
    random_chunk,
    some_events,
    spoiled,
    write_ttree,
)

OMEGA = "_SiTracks_Refitted_trackStates.omega"


def photons(samples, progressed):
    """A model that takes every element for a photon of 2 GeV."""
    rows = np.zeros((len(samples.X), schema.TARGET_WIDTH), np.float32)
    rows[:, schema.target("PDG")], rows[:, schema.target("energy")] = 3, 2.0
    return rows


@pytest.fixture(scope="module")
def made():
    return random_chunk(21, PODIO_2025, CLD, events=5)


def written(tmp_path, chunk):
    path = tmp_path / "some.root"
    write_ttree(path, chunk, metadata_of(chunk)["podio 1"])
    return path


def without(chunk, part):
    gone = {*collections(PODIO_2025, CLD, (part,))} - {"MCParticles"}
    kept = {k: v for k, v in chunk.columns.items() if not any(name in k for name in gone)}
    return chunk._replace(columns=kept)


@pytest.mark.parametrize("name", ["p.csv", "p", "p.ROOT", "none/p.root", "."])
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, name):
    with pytest.raises(RunError, match=r"a name that ends in \.parquet or \.root|cannot write"):
        check_output(tmp_path / name)
    if name.startswith("p"):
        with pytest.raises(ValueError, match=r"^\S+: a name that ends in \.parquet or \.root is"):
            predict(photons, tmp_path / "not looked for.root", tmp_path / name)
    for good in ("p.root", "p.parquet"):
        check_output(tmp_path / good)


def test_one_damaged_event_costs_that_event_and_is_named(tmp_path, made):
    events, chunk = made
    first = int(np.flatnonzero(events.tracks.counts)[0])
    path, output = written(tmp_path, spoiled(chunk, OMEGA, 0, np.nan)), tmp_path / "p.parquet"
    found = predict(photons, path, output)
    assert found.left_out == (f"{path}, event {first}: omega of tracks is nan",)
    assert found.left_out[0] in "\n".join(lines(found))
    table = parquet.read_table(output)
    sizes = events.tracks.counts + events.clusters.counts
    expected = np.repeat(np.arange(5), sizes)
    assert table["event"].to_pylist() == expected[expected != first].tolist()
    stored = parquet.read_metadata(output).metadata[b"left_out"]
    assert json.loads(stored) == list(found.left_out)
    assert (found.sums.events, found.sums.compared) == (4, 4)
    assert found.sums.mlpf == 2.0 * found.sums.elements == 2.0 * table.num_rows


def test_damage_of_the_truth_costs_its_comparison_alone(tmp_path, made):
    _, chunk = made
    path = written(tmp_path, spoiled(chunk, "MCParticles.momentum.x", 0, np.inf))
    found = predict(photons, path, tmp_path / "p.parquet")
    assert (found.sums.events, found.sums.compared, found.left_out) == (5, 4, ())
    assert found.sums.mlpf < 2.0 * found.sums.elements
    assert "in 4 events where all are known" in "\n".join(lines(found))


@pytest.mark.parametrize("part", [TRUTH, BASELINE])
def test_what_a_model_does_not_need_may_be_missing(tmp_path, made, part):
    events, chunk = made
    path = written(tmp_path, without(chunk, part))
    found = predict(photons, path, tmp_path / "p.parquet")
    assert found.parts == {*PARTS} - {part}
    assert found.sums.elements == len(events.tracks) + len(events.clusters)
    text = "\n".join(lines(found))
    assert f"not compared with: {part}" in text
    assert ("rule-based" in text) == (part == TRUTH)


def test_events_keep_the_numbers_of_their_file(tmp_path):
    """Also behind the first portion, whose damaged events are left out."""
    path, many = tmp_path / "many.root", some_events(3, 70)
    many.tracks.columns["omega"][many.tracks.offsets[np.flatnonzero(many.tracks.counts)[0]]] = 0
    edm4hep.write(path, many, "CLD")
    found = predict(photons, path, tmp_path / "p.parquet")
    assert len(found.left_out) == 1
    told = parquet.read_table(tmp_path / "p.parquet")["event"].to_pylist()
    sizes = many.tracks.counts + many.clusters.counts
    lost = int(np.flatnonzero(many.tracks.counts)[0])
    assert sorted(set(told)) == [e for e in np.flatnonzero(sizes) if e != lost]


def test_where_nothing_is_left_it_is_said_why(tmp_path, made):
    _, chunk = made
    clusters = chunk.columns["PandoraClusters.iTheta"].values
    path = written(tmp_path, spoiled(chunk, "PandoraClusters.iTheta", slice(None), 0 * clusters))
    with pytest.raises(RunError, match=r"none of the .* can be used: .*a cluster on the beam axis"):
        predict(photons, path, tmp_path / "p.parquet")
    none = tmp_path / "none.root"
    edm4hep.write(none, take_events(some_events(3, 2), np.zeros(0, int)), "CLD")
    with pytest.raises(RunError, match="holds no events"):
        predict(photons, none, tmp_path / "p.parquet")
    assert not list(tmp_path.glob("*.parquet")) + list(tmp_path.glob(".*"))


def test_each_form_needs_its_own_elements():
    assert {form: needs_of(form) for form in schema.ELEMENTS} == {
        "clusters": ("tracks", "clusters"),
        "hits": ("tracker hits", "calorimeter hits"),
        "tracks_hits": ("tracks", "calorimeter hits"),
    }


def test_particles_of_edm4hep_stand_beside_the_events_they_were_made_of(tmp_path, made):
    """Read with uproot: one an element, with its track or cluster by the numbers of the source;
    of an event that is left out none."""
    events, chunk = made
    lost = int(np.flatnonzero(events.tracks.counts)[0])
    path = written(tmp_path, spoiled(chunk, OMEGA, 0, np.nan))
    found = predict(photons, path, tmp_path / "p.root")
    predict(photons, path, tmp_path / "p.parquet")
    table = parquet.read_table(tmp_path / "p.parquet").to_pydict()
    counts = {"tracks": events.tracks.counts.copy(), "clusters": events.clusters.counts.copy()}
    for kind in counts:
        counts[kind][lost] = 0
    with pytest.raises(edm4hep.EDM4HEPError, match=r"EDM4HEP, but without .* only MLPFParticles;"):
        predict(photons, tmp_path / "p.root", tmp_path / "again.root")
    with uproot.open(tmp_path / "p.root") as file:
        leaves = {key.rsplit("/", 1)[-1]: key for key in file["events"].keys()}  # noqa: SIM118
        read = {leaf: file["events"][key].array() for leaf, key in leaves.items()}
    assert ak.num(read["MLPFParticles.PDG"]).tolist() == sum(counts.values()).tolist()
    energy = ak.flatten(read["MLPFParticles.energy"]).to_numpy()
    assert energy.tolist() == table["energy"]
    assert energy.sum() == found.sums.mlpf
    px = np.array(table["pt"]) * np.cos(table["phi"])
    np.testing.assert_allclose(ak.flatten(read["MLPFParticles.momentum.x"]), px, rtol=1e-6)
    for kind, name in (("tracks", "SiTracks_Refitted"), ("clusters", "PandoraClusters")):
        (number,) = (n for n, known in chunk.collections.items() if known == name)
        index = read[f"_MLPFParticles_{kind}.index"]
        assert index.to_list() == [list(range(n)) for n in counts[kind]]
        assert set(ak.flatten(read[f"_MLPFParticles_{kind}.collectionID"])) == {number}
        begin, end = (read[f"MLPFParticles.{kind}_{bound}"] for bound in ("begin", "end"))
        assert ak.sum(end - begin, axis=1).to_list() == counts[kind].tolist()
        assert (
            ak.max(end, axis=1, initial=0, mask_identity=False).to_list() == counts[kind].tolist()
        )
