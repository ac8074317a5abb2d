"""scikit-learn's SGDClassifier as an objective: what an epoch is, and that it goes on."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss

from configs.curves_sgd_digits import get_config
from hpo.core.types import Trial
from launch.objectives import sgd
from launch.shell.runs import working_in

VALUES = {"train.eta0": 0.3, "train.learning_rate": "invscaling", "train.penalty": "l1"}


@pytest.fixture(scope="module")
def objective(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = get_config()
    config.update_from_flattened_dict({"digits.train_images": 200, "tune.max_epochs": 5})
    with working_in(folder, config):
        pass
    return sgd.make({"run": str(folder)})


def losses(objective, folder, first, last):
    folder.mkdir(parents=True, exist_ok=True)
    trial = Trial(0, VALUES, folder, first, last, 3)
    return [metrics["validation_loss"] for metrics in objective(trial)]


def test_a_trial_goes_on_as_if_it_had_not_stopped(objective, tmp_path):
    whole = losses(objective, tmp_path / "whole", 0, 5)
    first = losses(objective, tmp_path / "parts", 0, 2)
    second = losses(objective, tmp_path / "parts", 2, 4)
    assert [path.stem for path in (tmp_path / "parts").glob("*.npz")] == ["4"]
    assert first + second + losses(objective, tmp_path / "parts", 4, 5) == whole
    assert len(set(whole)) == 5


def test_epochs_are_those_of_one_model_that_is_never_taken_apart(objective, tmp_path):
    """And the loss is scikit-learn's, of its own probabilities."""
    digits, seed, expected = sgd.load(200), 3, []
    model = SGDClassifier(
        loss="log_loss", penalty="l1", alpha=1e-4, learning_rate="invscaling", eta0=0.3
    )
    for epoch in range(4):
        generator = np.random.default_rng((seed, epoch))
        model.set_params(random_state=int(generator.integers(2**31)))
        order = generator.permutation(200)
        model.partial_fit(digits.images[order], digits.labels[order], classes=np.arange(10))
        found = model.predict_proba(digits.validation_images)
        expected.append(log_loss(digits.validation_labels, found))
    assert losses(objective, tmp_path, 0, 4) == pytest.approx(expected, rel=1e-9)
