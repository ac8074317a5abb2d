"""The demo in a minute: the same stages with next to no events, to see that all of it works.

python -m launch.demo --config=configs/tiny.py --run=runs/tiny
"""

from ml_collections import ConfigDict

from configs import demo


def get_config() -> ConfigDict:
    config = demo.get_config()
    config.data.events = ConfigDict({"train": 24, "validation": 12, "test": 12})
    config.data.shard_events = 12
    config.model.width = 16
    config.model.layers_id = 1
    config.model.layers_regression = 1
    config.tune.max_epochs = 4
    config.tune.min_curves = 3
    config.tune.train_events = 12
    config.tune.validation_events = 6
    config.tune.batch_size = 4
    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-3, 1e-2),
        ("train.clip", "log_float", 0.1, 10.0),
    )
    config.fit.epochs = 2
    config.fit.batch_size = 4
    config.fit.buckets = 1
    return config
