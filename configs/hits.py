"""Tracks and calorimeter hits instead of clusters: ttbar events of 9,000 elements, one a row.

A small model, to see where it stands. Cost: an hour of one core, and 4 GB of memory at most.

python -m launch.train --config=configs/hits.py --run=runs/hits
python -m launch.evaluate --model=runs/hits --process=ttbar --events=200 --seed=1

Hits know no shares of tracks, so energies are not accounted for: neighbour values, sums of energy
and momentum around every element, say what the heads need of a hit's surroundings.
"""

from ml_collections import ConfigDict

from configs import demo


def get_config() -> ConfigDict:
    config = demo.get_config()
    config.data.events = ConfigDict({"train": 1500, "validation": 50, "test": 50})
    config.data.shard_events = 25
    config.model.elements = "tracks_hits"
    config.model.width = 32
    config.model.layers_id = 1
    config.model.layers_regression = 1
    config.model.sharing = False
    config.model.max_bins = 320  # events of up to 20,480 elements
    config.train.share_weight = 0.0
    config.train.ema = 0.99
    config.tune.batch_size = 1
    config.fit.epochs = 4
    config.fit.batch_size = 1
    config.fit.buckets = 1
    config.fit.packed = False
    config.fit.select = "loss"  # 50 events make too few jets to choose by
    return config
