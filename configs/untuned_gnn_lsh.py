"""The GNN-LSH as it was before its published tuning, at a budget of two cores: what tuning gains.

5+5 layers, bins of 640, a distance network of 2 x 128: 5.60 million parameters; its losses are
those of `clic_gnn_lsh`. Its learning rate is that of the tuned one, as none is known. The space is
the published one and what we add to these models, as choices; `untuned_gnn_lsh.py:published` is
the published one alone. Trials and final trainings see few events. Cost: half an hour of one core
for the study, and two to six minutes for each of six trainings.

python -m launch.tune --config=configs/untuned_gnn_lsh.py --run=runs/gain_gnn
python -m launch.claims --gnn=runs/gain_gnn --transformer=runs/gain_favor --page=claims.html
"""

from ml_collections import ConfigDict

from configs import clic_gnn_lsh

# Neighbours and shapes as inputs, buckets of the calorimeter face, messages normalised by degrees.
ADDED = (
    ("model.neighbour_features", "categorical", False, True),
    ("model.shapes", "categorical", False, True),
    ("model.binning", "categorical", "learned", "face"),
    ("model.form", "categorical", "published", "improved"),
)
SPACES = ("ours", "published")


def get_config(space: str = SPACES[0]) -> ConfigDict:
    config = clic_gnn_lsh.get_config()
    config.data.events = ConfigDict({"train": 300, "validation": 200, "test": 300})  # of each
    config.model.layers_id = 5
    config.model.layers_regression = 5
    config.model.bin_size = 640
    config.model.distance_hidden = 128
    config.model.distance_layers = 2
    config.model.head_width = 552  # not published: what makes up 5.60 million
    config.model.head_layers = 2
    config.tune.space += added(space, ADDED)
    return budgeted(config)


def added(space: str, ours: tuple) -> tuple:
    """What a space has beside the published one."""
    if space not in SPACES:
        raise ValueError(f"space {space!r}: choose among {', '.join(SPACES)}")
    return ours if space == "ours" else ()


def budgeted(config: ConfigDict) -> ConfigDict:
    """With few events and epochs, for a study and for a training."""
    config.tune.max_epochs = 8
    config.tune.eta = 2
    config.tune.train_events = 200
    config.tune.validation_events = 100
    config.tune.batch_size = 8
    config.tune.packed = True
    config.fit.train_events = 0
    config.fit.epochs = 5
    config.fit.batch_size = 8
    config.fit.packed = True
    config.fit.select = "loss"
    config.fit.calibrate = False
    return config
