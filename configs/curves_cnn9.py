"""Learning curves of a CNN on handwritten digits with wrong labels: 9 hyperparameters.

python -m launch.curves --config=configs/curves_cnn9.py --run=runs/curves_cnn9

A part of the training labels is wrong, and validation knows the right ones: who learns fast also
learns the mistakes. The table `cnn9` of `hpo/simulation/zoo`.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 1

    config.digits = ConfigDict()
    config.digits.train_images = 480  # of 1797; the others validate
    config.digits.label_noise = 0.5  # share of the training labels drawn at random

    config.model = ConfigDict()
    config.model.width = 8  # channels of the first convolution

    # see Hyper in launch/objectives/digits.py
    config.train = ConfigDict()
    config.train.batch_size = 32
    config.train.learning_rate = 0.05
    config.train.momentum = 0.9
    config.train.decay = 0.1
    config.train.weight_decay = 0.0
    config.train.dropout = 0.0
    config.train.smoothing = 0.0
    config.train.pixel_noise = 0.0

    config.tune = ConfigDict()
    config.tune.objective = "launch.objectives.digits:make"
    config.tune.scheduler = "random"
    config.tune.trials = 320
    config.tune.max_epochs = 81
    config.tune.eta = 2  # of other schedulers, by launch.tune
    config.tune.workers = 1
    config.tune.space = (
        ("model.width", "categorical", 4, 8, 12),
        ("train.batch_size", "categorical", 16, 32, 64),
        ("train.learning_rate", "log_float", 1e-2, 1.0),
        ("train.momentum", "float", 0.0, 0.9),
        ("train.decay", "log_float", 3e-2, 1.0),
        ("train.weight_decay", "log_float", 1e-6, 1e-2),
        ("train.dropout", "float", 0.0, 0.8),
        ("train.smoothing", "float", 0.0, 0.2),
        ("train.pixel_noise", "float", 0.0, 0.5),
    )
    return config
