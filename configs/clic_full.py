"""A training of full size on the published events of CLIC's full simulation, on accelerators.

Reads `clic_edm_ttbar_pf` and `clic_edm_qq_pf` (Zenodo 8409592; python -m launch.datasets says how
to get them) from data/; without them it simulates as many events as `data.events` says. The model
is that of `clic_small`, wider and deeper; ten epochs of some 720,000 published events, or
900,000 simulated ones, on all devices.

Cost: not measured. From counts (--dry_run), 2.6 million parameters and 2.5e15 FLOP an epoch of the
900,000: a quarter of an hour of an accelerator that does 3 TFLOP/s of these sizes, a day of two
cores. Expected: better than clic_small's 0.80 of the rule-based width in the fast simulation; on
full simulation nothing is known yet.

python -m launch.train --config=clic_full --run=runs/full
python -m launch.evaluate --run=runs/full
"""

from ml_collections import ConfigDict

from configs import clic_small


def get_config() -> ConfigDict:
    config = clic_small.get_config()
    config.data.root = "data"
    config.data.processes = ("ttbar", "qq")
    config.data.events = ConfigDict({"train": 450000, "validation": 2000, "test": 10000})  # of each
    config.data.workers = 16
    config.model.width = 256
    config.model.layers_id = 3
    config.model.layers_regression = 3
    config.model.hidden = 256
    config.model.head_width = 256
    config.train.share_weight = 0.0  # the published datasets know no shares
    config.train.learning_rate = 2e-3
    config.train.warmup_steps = 1000
    config.fit.epochs = 10
    config.fit.batch_size = 64
    config.fit.calibrate = True
    config.mesh = ConfigDict({"data": -1, "model": 1})  # all devices there are
    return config
