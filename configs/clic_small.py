"""clic_small, the model that comes with the package: four processes at 380 GeV.

48,000 events, several in a row; an epoch of them takes five to seven minutes on one core. Twelve
epochs, and then two in which every particle's energy counts alike:

python -m launch.train --config=configs/clic_small.py --run=runs/first
python -m launch.train --config=configs/clic_small.py --run=runs/clic_small \\
    --config.fit.start=runs/first --config.train.energy_power=0 \\
    --config.train.learning_rate=2e-3 --config.fit.epochs=2
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
