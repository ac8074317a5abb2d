"""Published datasets of hits train through the same functions as any other, unchanged."""

import json

import pytest

from configs import hits
from launch import train
from launch.shell import data
from launch.shell.runs import working_in
from mlpf_jax.training.checkpoint import load_model
from tests.datasets.builders.published_examples import BY_ID, random_samples, write_published
from tests.soaked import soaked

SMALL = {
    "backbone": "mlp", "width": 8, "layers_id": 1, "layers_regression": 1, "hidden": 8,
    "head_width": 8, "bin_size": 8, "neighbour_features": False, "binning": "none",
}  # fmt: skip


NAMES = soaked("clic_edm_ttbar_hits_pf-1.7.0", "clic_edm_ttbar_hits-3.2.0")


@pytest.mark.parametrize("name", NAMES)
def test_a_published_directory_of_hits_trains_unchanged(tmp_path, name):
    pytest.importorskip("fastjet", reason="jets need the extra 'physics'")
    published = BY_ID[name]
    events = {
        split: random_samples([9, 5, 12, 7] * 3, seed, published.elements)
        for seed, split in enumerate(("train", "test"))
    }
    folder = write_published(tmp_path / "data", published, events)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    config = hits.get_config()
    config.data.root = str(tmp_path / "data")
    config.model.elements = published.elements
    config.model.update(SMALL)
    config.fit.epochs, config.fit.calibrate = 1, False
    with working_in(tmp_path / "run", config) as run:
        data.build(run)
        train.train(run)
    assert load_model(tmp_path / "run" / "model")[0].elements == published.elements
    (record,) = map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines())
    assert record["validation_loss"] > 0
    assert {path: path.read_bytes() for path in before} == before
