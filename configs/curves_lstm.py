"""Learning curves of a character-level LSTM on Python's help topics: 2 hyperparameters.

python -m launch.curves --config=configs/curves_lstm.py --run=runs/curves_lstm

The table `lstm` of `hpo/simulation/zoo`.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 1

    config.text = ConfigDict()
    config.text.train_characters = 50_000
    config.text.validation_windows = 128
    config.text.length = 32  # characters, through all of which the gradient goes back
    config.text.batch_size = 32
    config.text.updates = 12  # an epoch

    config.model = ConfigDict()
    config.model.width = 48

    config.train = ConfigDict()
    config.train.learning_rate = 1e-2
    config.train.dropout = 0.0

    config.tune = ConfigDict()
    config.tune.objective = "launch.objectives.language:make"
    config.tune.scheduler = "random"
    config.tune.trials = 320
    config.tune.max_epochs = 81
    config.tune.eta = 2  # of other schedulers, by launch.tune
    config.tune.workers = 1
    config.tune.space = (
        ("train.learning_rate", "log_float", 3e-4, 0.5),
        ("train.dropout", "float", 0.0, 0.8),
    )
    return config
