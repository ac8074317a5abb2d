"""Trials of a study that train particle flow."""

import numpy as np

from configs import tiny
from datasets import samples as stored
from datasets.storage.files import write_json
from hpo.core.types import Job
from hpo.executors.protocol import Trials
from launch.objectives import particle_flow, training
from tests.launch.objectives.test_final_training import MODEL, samples


def test_events_of_a_trial_are_packed_for_its_bins(tmp_path, monkeypatch):
    """Trials whose models have bins of different sizes, in one worker."""
    for split, events in (("train", 12), ("validation", 6)):
        folder = tmp_path / "data" / "cache" / "ttbar" / split
        stored.save(folder, samples(np.random.default_rng(0), events))
    config = tiny.get_config()
    config.data.processes, config.model = ("ttbar",), MODEL
    config.tune.update({"packed": True, "batch_size": 2, "train_events": 0})
    config.tune.validation_events = 0
    monkeypatch.setattr("launch.shell.compilation.keep_compilations", lambda _: None)
    monkeypatch.setattr("launch.shell.compilation.drop_compilations", lambda: None)
    write_json(tmp_path / "config.json", config.to_dict())
    objective = particle_flow.make({"run": str(tmp_path)})
    packed = []
    load = training.load_material

    def loaded(*given):
        packed.append(load(*given).sampler.plan)
        return load(*given)

    monkeypatch.setattr(training, "load_material", loaded)
    trials = Trials(tmp_path / "trials", 1)
    for number, bins in enumerate((8, 16, 16)):
        (metrics,) = objective(trials.of(Job(number, {"model.bin_size": bins}, 0, 1)))
        assert np.isfinite(metrics["validation_loss"])
    assert [plan.bin_size for plan in packed] == [16]  # of 8 it was there already; of 16 it stays
    assert packed[0].packed
