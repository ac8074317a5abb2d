"""Datasets, samples, models and studies of the versions before open, and say what they said."""

import json
import tarfile
from pathlib import Path

import jax
import numpy as np
import pytest

import hpo
from datasets import samples as stored
from datasets.builders import read
from datasets.schema import CLIC_FACE
from mlpf_jax.model.mlpf import MLPF
from mlpf_jax.training.checkpoint import load_model
from tests.saved import formats

HERE = Path(__file__).parent
VERSIONS = ("before_shares", "before_faces", "before_scales")
every = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("formats")
    with tarfile.open(HERE / "formats.tar.xz") as file:
        file.extractall(folder, filter="data")
    return folder


@every
def test_samples_and_datasets_open(saved, version):
    samples = stored.load(saved / version / "samples")
    assert np.diff(samples.offsets).tolist() == [3, 1, 2]
    assert samples.face == CLIC_FACE
    dataset = read.read(saved / version / "mine", "all")
    np.testing.assert_array_equal(dataset.X, samples.X)
    np.testing.assert_array_equal(dataset.ytarget, samples.ytarget)
    assert (dataset.shares, dataset.face) == (None, CLIC_FACE)


@pytest.mark.soak
@every
def test_a_model_predicts_what_it_predicted(saved, version):
    config, variables = load_model(saved / version / "model")
    prediction = jax.jit(MLPF(config).apply)(variables, *formats.batch())._asdict()
    with np.load(saved / version / "answers.npz") as answers:
        assert answers.files
        for name in answers.files:
            np.testing.assert_allclose(prediction[name], answers[name], rtol=1e-4, atol=1e-4)


@every
def test_a_study_is_over_and_stays_so(saved, version):
    path = saved / version / "study.db"
    before = hpo.read_journal(path)[1]
    with hpo.Journal(path) as journal:
        executor = hpo.InlineExecutor(formats.objective, 2, folder=saved / version / "trials")
        state = hpo.run_study(formats.scheduler(), executor, journal, 3)
    assert hpo.read_journal(path)[1] == before
    assert hpo.summarise(state).best is not None


def test_what_is_newer_is_refused_by_name(saved):
    folder = saved / "before_scales" / "model"
    described = json.loads((folder / "config.json").read_text())
    newer = folder.with_name("newer")
    newer.mkdir()
    (newer / "arrays.npz").write_bytes((folder / "arrays.npz").read_bytes())
    for change, said in (
        ({"format": 2}, "its format is 2, expected 1"),
        ({"model": described["model"] | {"towers": 3}}, r"unknown ModelConfig key.* towers"),
    ):
        (newer / "config.json").write_text(json.dumps(described | change))
        with pytest.raises(ValueError, match=said):
            load_model(newer)
