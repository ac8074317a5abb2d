"""A small model of four processes at 380 GeV, to become one that ships: none does yet.

48,000 events, several in a row; an epoch of them takes five minutes on one core:

python -m launch.train --config=configs/clic_small.py --run=runs/clic_small
python -m launch.evaluate --model=runs/clic_small --process=ttbar,qq,zh,ww --events=1000 --seed=1
"""

from ml_collections import ConfigDict

from configs import demo


def get_config() -> ConfigDict:
    config = demo.get_config()
    config.seed = 7
    config.data.processes = ("ttbar", "qq", "zh", "ww")
    config.data.events = ConfigDict({"train": 12000, "validation": 500, "test": 100})  # of each
    config.model.width = 96
    config.train.learning_rate = 4e-3
    config.train.weight_decay = 1e-3
    config.train.energy_power = 0.5
    config.train.warmup_steps = 200
    config.train.ema = 0.999
    config.fit.epochs = 12
    return config
