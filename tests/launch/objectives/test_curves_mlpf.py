"""The study behind the table of MLPF's learning curves: its config, its space, what it shipped."""

from functools import partial
from itertools import product

import jax
import numpy as np
import pytest

from configs import curves_mlpf
from datasets.schema import ELEMENT_WIDTH
from hpo.simulation.tables import read_table, zoo
from launch.shell import studies
from launch.shell.checks import checked
from launch.shell.outcomes import with_values
from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
from mlpf_jax.model.mlpf import MLPF

CONFIG = curves_mlpf.get_config()
SPACE = studies.make_space(CONFIG.tune.space)


def settings_of(configuration):
    """The model and the training of a trial. Raises ValueError where they cannot be."""
    config = with_values(CONFIG, configuration)
    return (
        from_mapping(ModelConfig, config.model.to_dict()),
        from_mapping(TrainConfig, config.train.to_dict()),
    )


def size_of(configuration):
    """Parameters of a trial's model, trained on events of several bins; nothing is compiled."""
    model, _ = settings_of(configuration)
    rngs = {name: jax.random.key(0) for name in ("params", "dropout")}
    X, mask = np.zeros((1, 192, ELEMENT_WIDTH), np.float32), np.ones((1, 192), bool)
    variables = jax.eval_shape(partial(MLPF(model).init, train=True), rngs, X, mask)
    return sum(x.size for x in jax.tree.leaves(variables["params"]))


def test_the_config_is_a_study_of_full_trainings():
    tune = checked(CONFIG).tune
    assert tune.scheduler == "random"
    assert studies.size(tune) == (tune.trials, tune.trials * tune.max_epochs)
    assert studies.make_scheduler(tune).settings["metric"] == studies.METRICS[0]


def test_seven_hyperparameters_and_none_that_changes_what_the_loss_means():
    assert len(SPACE.names) == 7
    meaning = ("weight", "focal_gamma", "energy_power", "spread")
    for name in SPACE.names:
        assert name == "train.weight_decay" or not name.endswith(meaning)


def test_every_corner_of_the_space_is_a_trial():
    corners = list(product((0.0, 1.0), repeat=len(SPACE.names)))
    assert len({settings_of(SPACE.decode(corner)) for corner in corners}) == len(corners)


def test_every_hyperparameter_of_shapes_changes_the_model():
    """Larger where one goes from its low end to its high one; a bin's size has no parameters."""
    lowest = size_of(SPACE.decode([0.0] * len(SPACE.names)))
    for name in ("model.layers_id", "model.layers_regression", "model.width"):
        assert size_of(SPACE.decode([float(n == name) for n in SPACE.names])) > lowest
    highest = SPACE.decode([1.0] * len(SPACE.names))
    assert size_of(highest) == size_of(highest | {"model.bin_size": 16}) > lowest


@pytest.fixture(scope="module")
def table():
    return read_table(zoo()["mlpf"])


def test_the_shipped_table_is_of_this_config(table):
    """Its rows are the first trials of the study, to the digit, in their order."""
    assert table.curves.shape[0] >= 150
    assert table.curves.shape[1] == CONFIG.tune.max_epochs
    searcher = studies.make_searcher(CONFIG.tune)
    for number, configuration in enumerate(table.configurations):
        assert configuration == searcher.propose(CONFIG.seed, number)


def test_the_shipped_curves_are_of_trainings(table):
    """Finite until they diverge, and most are better at the end than at the beginning."""
    finite = np.isfinite(table.curves)
    assert (finite[:, :-1] >= finite[:, 1:]).all()
    ended = table.curves[finite.all(1)]
    assert len(ended) > 0.9 * len(table.curves)
    assert np.mean(ended[:, -1] < ended[:, 0]) > 0.9
    assert len(np.unique(ended[:, -1])) > 0.99 * len(ended)
