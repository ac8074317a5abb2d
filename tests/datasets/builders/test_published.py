"""Published directories, as TFDS writes them, load in every version through one interface."""

import contextlib
import dataclasses
import io
import json

import numpy as np
import pytest

from datasets import jets, schema
from datasets import samples as stored
from datasets.builders import read
from datasets.builders.published import feature_map
from datasets.builders.records import DatasetError
from tests.datasets.builders.published_examples import (
    BY_ID,
    COUNTS,
    IDS,
    PF_1_5,
    PF_2_5,
    VERSIONS,
    random_samples,
    write_published,
)


def in_order(samples, like):
    """The samples in the order of others: TFDS shuffles; column 1 of X is unlike everywhere."""
    keys = [[tuple(s.X[a:b, 1]) for a, b in zip(s.offsets, s.offsets[1:], strict=False)]
            for s in (samples, like)]  # fmt: skip
    return stored.take(samples, np.array([keys[0].index(key) for key in keys[1]]))


def target_column(y, name):
    return y[:, schema.target(name)]


def clustered(y, offsets):
    pt, eta, energy = (target_column(y, name) for name in ("pt", "eta", "energy"))
    phi = np.arctan2(target_column(y, "sin_phi"), target_column(y, "cos_phi"))
    return jets.cluster(pt, eta, phi, energy, offsets)


@pytest.mark.parametrize("published", VERSIONS, ids=IDS)
@pytest.mark.parametrize("metadata", [True, False], ids=["named", "unnamed"])
def test_columns_are_found_by_name(tmp_path, published, metadata):
    if not metadata and published.version in ("2.2.0", "3.3.0"):
        pytest.skip("its widths alone do not tell its columns")
    wrote = random_samples(COUNTS, 1, published.elements)
    folder = write_published(tmp_path, published, {"test": wrote}, metadata=metadata)
    dataset = read.open_dataset(folder)
    back = in_order(read.read(folder, "test"), wrote)
    assert back.elements == published.elements

    known = {
        part.kind: [*names]
        for part, names in zip(
            schema.ELEMENTS[published.elements].parts, [*published.x.values()] * 2, strict=False
        )
    }
    for part in schema.ELEMENTS[published.elements].parts:
        rows = back.X[:, 0] == part.elemtype
        for column, name in enumerate(part.features):
            there = column == 0 or name in known[part.kind]
            expected = wrote.X[rows, column] if there else 0
            assert np.array_equal(back.X[rows, column], np.broadcast_to(expected, rows.sum()))
            assert there or any(name in note for note in dataset.notes)
        assert not back.X[rows, len(part.features) :].any()
    for name in schema.TARGET_FEATURES:
        for ours, theirs in ((back.ytarget, wrote.ytarget), (back.ycand, wrote.ycand)):
            if name in published.y and name != "jet_idx":
                assert np.array_equal(target_column(ours, name), target_column(theirs, name))
        if name not in published.y:
            assert any(name in note for note in dataset.notes)


@pytest.mark.parametrize("published", VERSIONS, ids=IDS)
def test_what_a_version_lacks_is_computed_and_said(tmp_path, published):
    wrote = random_samples(COUNTS, 2, published.elements)
    folder = write_published(tmp_path, published, {"test": wrote})
    said = " ".join(read.open_dataset(folder).notes)
    back = in_order(read.read(folder, "test"), wrote)
    found, number = clustered(back.ytarget, back.offsets)
    for name in stored.JETS:
        expected = getattr(wrote, name) if name in published.events else found
        assert np.array_equal(
            stored.table_rows(getattr(back, name)), stored.table_rows(expected)
        ), name
        assert np.array_equal(getattr(back, name).offsets, expected.offsets)
        assert (name in said) == (name not in published.events)
    keeps = "targetjets" in published.events
    expected = target_column(wrote.ytarget, "jet_idx") if keeps else number
    assert np.array_equal(target_column(back.ytarget, "jet_idx"), expected)
    assert ("jet_idx" in said) == (not keeps)
    own = target_column(wrote.ycand, "jet_idx") if keeps else clustered(back.ycand, back.offsets)[1]
    assert np.array_equal(target_column(back.ycand, "jet_idx"), own)
    if "genmet" in published.events:
        assert np.array_equal(back.genmet, wrote.genmet)
        assert "genmet" not in said
    else:
        for event in range(back.events):
            y = back.ytarget[slice(*back.offsets[event : event + 2])].astype(float)
            pt = target_column(y, "pt")
            met = np.hypot(
                (pt * target_column(y, "cos_phi")).sum(), (pt * target_column(y, "sin_phi")).sum()
            )
            assert back.genmet[event] == pytest.approx(met, abs=1e-4)
        assert "genmet" in said


def test_a_version_with_everything_lacks_nothing(tmp_path):
    wrote = random_samples(COUNTS)
    folder = write_published(tmp_path, PF_2_5, {"test": wrote})
    assert read.open_dataset(folder).notes == ()


def test_hits_of_both_kinds_may_have_numbers(tmp_path):
    published = BY_ID["clic_edm_ttbar_hits-3.2.0"]
    wrote = random_samples(COUNTS, elements="hits")
    numbered = wrote.X.copy()
    numbered[:, 0] = np.where(np.arange(len(numbered)) % 2, 1, 2)  # 1 tracker, 2 calorimeter
    folder = write_published(tmp_path, published, {"test": _with(wrote, X=numbered)})
    back = in_order(read.read(folder, "test"), wrote)
    assert np.array_equal(back.X, wrote.X)


def _with(samples, **changed):
    return dataclasses.replace(samples, **changed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X": (4, 2, np.nan)}, "event 2: X is not finite"),
        ({"ytarget": (4, 2, np.inf)}, "event 2: ytarget is not finite"),
        ({"X": (4, 0, 3)}, "event 2: an element has an unknown type"),
        ({"ytarget": (4, 0, 7)}, "event 2: a particle has an unknown class"),
        ({"ycand": (0, 0, 1.5)}, "event 0: a particle has an unknown class"),
        (
            {"ytarget": (4, 1, 2)},
            r"event 2: a particle has the charge \+2, and models know -1, 0 and 1",
        ),
        (
            {"ycand": (0, 1, -0.5)},
            "event 0: a particle has the charge -0.5, and models know -1, 0 and 1",
        ),
    ],
)
def test_bad_values_are_refused_with_their_event(tmp_path, change, words):
    from datasets.builders import records, write

    good = random_samples(COUNTS)
    ((name, (row, column, value)),) = change.items()
    bad = getattr(good, name).copy()
    bad[row, column] = value
    stored.save(tmp_path / "shard", _with(good, **{name: bad}))
    folder = write.build(tmp_path, "mine", {"test": [tmp_path / "shard"]})
    with pytest.raises(records.DatasetError, match=f"split test: {words} \\(1 of 12 events\\)"):
        read.read(folder, "test")
    number = words.split(":")[0]
    with pytest.raises(records.DatasetError, match=f"split test: {number}"):
        list(read.portions(read.open_dataset(folder), "test", rows=1))


@pytest.mark.parametrize(
    ("widths", "metadata", "words"),
    [
        ({"X": 17, "ycand": 8}, {}, "lacks the features ygen"),
        ({"image": 3}, {}, "lacks the features X, ycand, ygen"),
        ({"X": 41, "ygen": 8, "ycand": 8}, {}, "X has 41 columns"),
        ({"X": 17, "ygen": 9, "ycand": 9}, {}, "targets have 9 columns"),
        (
            {"X": 17, "ygen": 8, "ycand": 8},
            {"x_features_track": ["elemtype", "pt"]},
            "elements are of no known form",
        ),
        (
            {"X": 12, "ygen": 8, "ycand": 8},
            {"x_features": ["typ_idx", "pt", "eta", "sin_phi", "cos_phi"]},
            "lacks the columns elemtype",
        ),
        (
            {"X": 12, "ygen": 8, "ycand": 8},
            {"y_features": ["type", "charge"]},
            "lacks the columns PDG, pt",
        ),
        ({"X": 3, "ygen": 8, "ycand": 8}, {"x_features": schema.HIT_FEATURES}, "names 12 columns"),
    ],
)
def test_other_datasets_are_refused(widths, metadata, words):
    with pytest.raises(DatasetError, match=words):
        feature_map(widths, metadata)


def test_datasets_of_other_things_are_refused(tmp_path):
    import tensorflow_datasets as tfds

    class Digits(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "X": tfds.features.Tensor(shape=(None,), dtype=np.float32),
                "ytarget": tfds.features.FeaturesDict({"a": np.float32}),
                "ycand": tfds.features.Text(),
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, download_manager):
            event = {"X": np.ones(3, np.float32), "ytarget": {"a": 1.0}, "ycand": "b"}
            return {"train": iter([("1", event)])}

        def _generate_examples(self):
            raise NotImplementedError

    with contextlib.redirect_stdout(io.StringIO()):
        Digits(data_dir=tmp_path).download_and_prepare(file_format="array_record")
    with pytest.raises(DatasetError, match="cannot be read: X has 0 columns"):
        read.open_dataset(tmp_path / "digits")


def test_damaged_metadata_is_named(tmp_path):
    folder = write_published(tmp_path, PF_1_5, {"test": random_samples([1])})
    for text in ("{", "3"):
        (folder / "metadata.json").write_text(text)
        with pytest.raises(DatasetError, match=r"metadata\.json is damaged"):
            read.open_dataset(folder)


def test_tfrecord_directories_are_sent_to_convert(tmp_path):
    folder = write_published(tmp_path, PF_1_5, {"test": random_samples([1])})
    info = json.loads((folder / "dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))
    with pytest.raises(DatasetError, match=r"launch\.convert --input="):
        read.open_dataset(folder)
