"""Learning curves of a CNN on handwritten digits: 5 hyperparameters.

python -m launch.curves --config=configs/curves_cnn5.py --run=runs/curves_cnn5

All labels are right, and early losses tell much. The table `cnn5` of `hpo/simulation/zoo`.
"""

from ml_collections import ConfigDict

from configs import curves_cnn9


def get_config() -> ConfigDict:
    config = curves_cnn9.get_config()
    config.digits.train_images = 640
    config.digits.label_noise = 0.0
    config.tune.space = (
        ("model.width", "categorical", 2, 4, 8),
        ("train.batch_size", "categorical", 16, 32, 64),
        ("train.learning_rate", "log_float", 3e-3, 1.0),
        ("train.momentum", "float", 0.0, 0.95),
        ("train.dropout", "float", 0.0, 0.9),
    )
    return config
