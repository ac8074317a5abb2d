"""clic_small goes on learning in a detector like CLD: another field, another face, few events.

1,000 events of each process, 2 epochs; some minutes on two cores, most of it simulation:

python -m launch.train --config=configs/finetune_cld.py --run=runs/cld
python -m launch.evaluate --model=runs/cld --detector=cld --process=ttbar,zh --events=500 --seed=2

From nothing, to compare with: --config.fit.start='' --config.train.learning_rate=4e-3
"""

from ml_collections import ConfigDict

from configs import clic_small


def get_config() -> ConfigDict:
    config = clic_small.get_config()
    config.seed = 8
    config.data.detector = "cld"
    config.data.events = ConfigDict({"train": 1000, "validation": 250, "test": 100})  # of each
    config.train.learning_rate = 1e-3
    config.train.warmup_steps = 50
    config.train.ema = 0.99
    config.fit.start = "clic_small"
    config.fit.epochs = 2
    return config
