"""The final training of a run: what is kept, interrupted or not, and what breaks it."""

import json
import shutil
from functools import partial

import jax
import numpy as np
import pytest

from configs import tiny
from datasets import samples as stored
from datasets import schema
from datasets.events import Samples, offsets_of
from launch import train as launch_train
from launch.objectives import training
from launch.shell import outcomes, runs
from launch.shell.fitting import fitting_of
from launch.shell.runs import Run, RunError, working_in
from mlpf_jax.physics import calibration
from mlpf_jax.physics.calibration import Calibration
from mlpf_jax.training import checkpoint, divergence, train
from tests.mlpf_jax.conftest import make_event, quickly
from tests.soaked import soaked

MODEL = {
    "backbone": "mlp", "width": 8, "layers_id": 1, "layers_regression": 1, "bin_size": 8,
    "hidden": 8, "head_width": 8, "max_bins": 4, "neighbour_features": False, "sharing": False,
    "binning": "none", "dropout": 0.1,
}  # fmt: skip
STEPS = ("replacing_step", "count_step", "add_gradient_step", "update_step", "evaluate_step")


def samples(rng, events):
    counts = rng.integers(8, 16, events)
    parts = [make_event(rng, int(n) - 4, 4) for n in counts]
    X, y = (np.concatenate(each) for each in zip(*parts, strict=True))
    no_jets = stored.table_of(np.zeros(events + 1, np.int64), np.zeros((0, 4), np.float32))
    met = np.zeros(events, np.float32)
    return Samples(offsets_of(counts), X, y, y, met, no_jets, no_jets)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where the datasets of all runs here lie, as a run reads them."""
    folder = tmp_path_factory.mktemp("data")
    for seed, process in enumerate(("ttbar", "zh")):
        rng = np.random.default_rng(seed)
        for split, events in (("train", 12), ("validation", 6)):
            stored.save(folder / "cache" / process / split, samples(rng, events))
    return folder


@pytest.fixture(scope="module")
def quick_steps():
    return {name: quickly(getattr(train, name)) for name in STEPS}


@pytest.fixture(autouse=True)
def steps(quick_steps, monkeypatch):
    for name, step in quick_steps.items():
        monkeypatch.setattr(train, name, step)
    monkeypatch.setattr(training, "matmul_rate", lambda _: 1e9)
    monkeypatch.setattr("launch.shell.compilation.keep_compilations", lambda _: None)


@pytest.fixture
def begin(root, tmp_path):
    """A run of its own folder; options are fields of config.fit, and `rate` the learning rate."""

    def make(name, rate=0.02, weights=(), **fit):
        config = tiny.get_config()
        config.data.root, config.data.weights = str(root), weights
        config.data.processes = ("ttbar", "zh") if weights else ("ttbar",)
        config.model = MODEL
        config.train.learning_rate, config.train.warmup_steps, config.train.ema = rate, 0, 0.5
        plain = {"epochs": 4, "batch_size": 4, "packed": False, "select": "loss"}
        config.fit.update(plain | fit)
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return Run(folder, config)

    return make


def arrays(folder):
    with np.load(folder / "arrays.npz") as file:
        return dict(file)


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


def state_of(run, epoch):
    material = training.load_material(run, run.config.fit, run.config.model)
    template = training.first_state(run.config, material, 4, 1, fitting_of(run.config.fit))
    return checkpoint.restore_state(run.folder / "checkpoints", template, epoch)


def test_the_model_is_that_of_the_best_epoch(begin, monkeypatch, capsys):
    """Losses as we say them: the second is the lowest, and two later ones end it."""
    real, said = train.evaluate, iter([3.0, 1.0, 2.0, 1.5, 0.0])
    monkeypatch.setattr(train, "evaluate", lambda *a: real(*a) | {"loss": next(said)})
    run = begin("a", patience=2, epochs=9)
    launch_train.train(run)
    assert sorted(outcomes.records(run)) == [1, 2, 3, 4]
    assert checkpoint.saved_epochs(run.folder / "checkpoints") == {2, 3, 4}
    _, variables = checkpoint.load_model(run.folder / "model")
    jax.tree.map(np.testing.assert_array_equal, variables, dict(state_of(run, 2).variables))
    assert not np.array_equal(*(state_of(run, e).average for e in (2, 4)))
    out = capsys.readouterr().out
    assert "ended after 4 epochs: none of the last 2 was better" in out
    assert "of epoch 2 of 4" in out
    assert "events/s" in out
    assert outcomes.chosen_epoch(run) == 2
    for lost in ("checkpoints/2", "model"):
        shutil.rmtree(run.folder / lost)
    launch_train.train(run)
    assert outcomes.chosen_epoch(run) == 4  # the best of those whose states there are


@pytest.mark.soak
def test_the_model_is_calibrated_once_and_anew(begin, monkeypatch, capsys):
    """What is found is saved, and it is found of a model without: also where one was configured."""
    seen = []

    def calibrate(samples, candidates):
        seen.append(candidates)
        return Calibration(0.25, -0.1, 1.5) if calibrated else None

    monkeypatch.setattr(calibration, "calibrate", calibrate)
    for calibrated in (True, False):
        run = begin(f"calibrated {calibrated}", epochs=1, calibrate=True)
        run.config.model.hadron_bias = 9.0 if calibrated else 0.0
        launch_train.train(run)
        config, _ = checkpoint.load_model(run.folder / "model")
        found = config.hadron_bias, config.photon_bias, config.neutral_scale
        assert found == ((0.25, -0.1, 1.5) if calibrated else (0.0, 0.0, 1.0))
    plain, other = seen
    hadron = schema.CLASSES.index("neutral hadron")
    assert np.abs(plain.logits[plain.logits[:, hadron] > -29, hadron]).max() < 4
    assert plain.rows.shape == other.rows.shape
    out = capsys.readouterr().out
    assert "neutral hadrons +0.25, of photons -0.10, neutral momenta times 1.5000" in out
    assert "not calibrated" in out


class Interrupted(Exception):
    pass


@pytest.mark.parametrize("when", ["in the epoch", "saved", *soaked("recorded", "before the model")])
@pytest.mark.parametrize("select", ["loss", *soaked("last")])
def test_an_interrupted_training_ends_in_the_same_model(begin, monkeypatch, when, select):
    """Two batches make an update, and processes are mixed; the best is the second epoch's."""
    options = {"select": select, "accumulate": 2, "weights": (1.0, 2.0)}
    whole, cut = begin("whole", **options), begin("cut", **options)
    real = train.evaluate

    def evaluate(state, *rest):
        metrics = real(state, *rest)
        return metrics | {"loss": metrics["loss"] + abs(int(state.step) - 6) * 10.0}

    monkeypatch.setattr(train, "evaluate", evaluate)
    launch_train.train(whole)
    kept = {4, 3} if select == "last" else {4, 3, 2}
    assert checkpoint.saved_epochs(whole.folder / "checkpoints") == kept

    def stop(*_, **__):
        raise Interrupted

    def third(function, *values, **named):
        result = function(*values, **named)
        if checkpoint.latest_epoch(cut.folder / "checkpoints") == 3:
            raise Interrupted
        return result

    places = {
        "in the epoch": (train, "train_on"),
        "saved": (checkpoint, "save_state"),
        "recorded": (outcomes, "record"),
        "before the model": (checkpoint, "save_model"),
    }
    module, name = places[when]
    with monkeypatch.context() as patch:
        function = getattr(module, name)
        patch.setattr(module, name, stop if "model" in when else partial(third, function))
        with pytest.raises(Interrupted):
            launch_train.train(cut)
    assert not (cut.folder / "model").exists()
    launch_train.train(cut)
    assert same(arrays(cut.folder / "model"), arrays(whole.folder / "model"))
    assert outcomes.records(cut) == outcomes.records(whole)


def test_a_record_that_was_cut_off_costs_only_itself(begin):
    run = begin("a")
    outcomes.record(run, {"epoch": 1, "loss": 1.0})
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.write('{"epoch": 2, "lo')
    outcomes.record(run, {"epoch": 2, "loss": 0.5})
    outcomes.record(run, {"epoch": 3, "loss": 0.25})
    assert [r["loss"] for r in outcomes.records(run).values()] == [1.0, 0.5, 0.25]


def test_a_batch_that_breaks_a_training_is_kept(begin, root, tmp_path, monkeypatch):
    """Known by its NaN; the state before is there, and training again comes to the same end."""
    run = begin("a")
    material = training.load_material(run, run.config.fit, run.config.model)
    per, asked = material.sampler.steps_per_epoch, type(material.sampler).__call__

    def call(sampler, step):
        batch = asked(sampler, step)
        X = np.where(step == per + 1, np.nan, batch.X).astype(np.float32)
        return batch._replace(X=X)

    monkeypatch.setattr(type(material.sampler), "__call__", call)
    for _ in range(2):
        with pytest.raises(divergence.Diverged) as caught:
            launch_train.train(run)
        assert str(caught.value).startswith(
            f"training diverged in epoch 2, step {per + 2}: the class loss is not finite. "
            f"Its batch is in {run.folder / 'diverged.npz'}."
        )
        (batch,) = divergence.load_batches(run.folder / "diverged.npz")
        np.testing.assert_array_equal(batch.event, material.sampler(per + 1).event)
        assert np.isnan(batch.X).all()
        assert checkpoint.saved_epochs(run.folder / "checkpoints") == {1}


def test_a_training_starts_from_a_model_and_leaves_parts_alone(begin):
    first = begin("first", epochs=1)
    launch_train.train(first)
    start = str(first.folder)
    known = first.folder / "model" / "training.json"
    own = json.loads(known.read_text())["ttbar"]
    known.write_text(json.dumps({"ttbar": [5], "zh": [6]}))
    second = begin("second", epochs=2, start=start, frozen=("embedding", "identification"))
    launch_train.train(second)
    learned = json.loads((second.folder / "model" / "training.json").read_text())
    assert learned == {"ttbar": sorted([5, *own]), "zh": [6]}
    before, after = (arrays(run.folder / "model") for run in (first, second))
    frozen = [n for n in before if n.split("/")[1] in ("embedding", "identification")]
    assert frozen
    for name in before:
        trained = name.startswith("params/") and name not in frozen
        assert np.array_equal(before[name], after[name]) != trained, name
    other = begin("other", start=start)
    other.config.model.width = 16
    with pytest.raises(RunError, match=r"another architecture: width 8 \(here 16\); set") as caught:
        launch_train.train(other)
    assert "\n" not in str(caught.value)
    with pytest.raises(RunError, match="no model there"):
        launch_train.train(begin("none", start=str(first.folder / "nothing")))


def old_config(run):
    """The configuration as a version before wrote it."""
    config = json.loads(run.config.to_json_best_effort())
    for path in runs.ADDED:
        *sections, name = path.split(".")
        at = config
        for section in sections:
            at = at.get(section, {})
        at.pop(name, None)
    return config


def test_a_run_from_before_there_was_a_choice_goes_on(begin, monkeypatch):
    """Its configuration lacks the choices, its states the average; best is by validation loss."""
    whole, old = begin("whole"), begin("old")
    for run in (whole, old):
        run.config.train.ema, run.config.train.energy_power = 0.0, 0.5
        run.config.fit.calibrate = False
    launch_train.train(whole)
    (old.folder / "config.json").write_text(json.dumps(old_config(old)))
    tree = checkpoint._tree

    def young(state):
        found = tree(state)
        hyper = {k: v for k, v in found["hyper"].items() if k != "ema"}
        return {k: v for k, v in found.items() if k != "average"} | {"hyper": hyper}

    save = checkpoint.save_state

    def save_as_before(folder, epoch, state, keep):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "_tree", young)
            save(folder, epoch, state, keep)
        if epoch == 2:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save_state", save_as_before)
        with pytest.raises(Interrupted):
            launch_train.train(old)
    with working_in(old.folder, old.config) as run:
        launch_train.train(Run(run.folder, runs.open_run(old.folder).config))
    assert same(arrays(old.folder / "model"), arrays(whole.folder / "model"))


def test_a_trial_goes_on_as_if_it_had_never_stopped(begin, tmp_path):
    """Without anything that only the final training has."""
    run = begin("a")
    material = training.load_material(run, run.config.fit, run.config.model)

    def play(folder, *spans):
        return [
            epoch
            for span in spans
            for epoch in training.epochs(run.config, material, folder, span, 4, seed=1)
        ]

    whole = play(tmp_path / "whole", range(3))
    cut = play(tmp_path / "cut", range(2), range(1, 3))
    assert [epoch.epoch for epoch in cut] == [1, 2, 2, 3]
    assert [epoch.metrics for epoch in cut[2:]] == [epoch.metrics for epoch in whole[1:]]
    jax.tree.map(np.testing.assert_array_equal, cut[-1].state, whole[-1].state)


def test_a_loss_weight_wins_nothing_by_itself(begin, tmp_path):
    """Trials that differ in a weight alone, and do not move: one validation loss, the study's."""
    run = begin("weights", rate=0.0)
    run.config.train.update({"class_weight": 1.0, "focal_gamma": 1.0})
    material = training.load_material(run, run.config.fit, run.config.model)

    def first(name, **weights):
        config = outcomes.with_values(run.config, {f"train.{k}": v for k, v in weights.items()})
        spans = config, material, tmp_path / name, range(1), 4
        return next(training.epochs(*spans, seed=1, judge=run.config)).metrics

    plain = first("plain")
    for changed in ({"region_weight": 0.0}, {"class_weight": 7.0}, {"focal_gamma": 3.0}):
        other = first("other", **changed)
        assert other["validation_loss"] == plain["validation_loss"]
        assert other["loss"] != plain["loss"]


def test_shares_that_no_dataset_knows_cannot_be_learned(begin):
    run = begin("shares")
    run.config.model.sharing, run.config.train.share_weight = True, 0.5
    with pytest.raises(RunError, match=r"share_weight is 0.5, .* do not know the shares"):
        training.load_material(run, run.config.fit, run.config.model)
    run.config.train.share_weight = 0.0
    training.load_material(run, run.config.fit, run.config.model)
