"""The kernel transformer (FAVOR+) as tuned in the paper: 0.29 million parameters.

Same source, data, losses and schedule as `clic_gnn_lsh`. Eight heads of 32 dimensions each, on a
representation of 32 values; random features as in Choromanski et al. 2021 (arXiv:2009.14794).

Cost, from counts: 1.07 MFLOP forward for an element: 1.0e13 FLOP an epoch of 20,000 events, 3 min
on a core that does 60 GFLOP/s, and 7 h for all epochs.

python -m launch.train --config=configs/clic_favor.py --run=runs/clic_favor
"""

from ml_collections import ConfigDict

from configs import clic_gnn_lsh


def get_config() -> ConfigDict:
    config = clic_gnn_lsh.get_config()
    config.model = ConfigDict()
    config.model.backbone = "favor"
    config.model.width = 32
    config.model.layers_shared = 3
    config.model.layers_id = 2
    config.model.layers_regression = 2
    config.model.heads = 8
    config.model.head_dims = 32
    config.model.random_features = 32
    config.model.hidden = 32
    config.model.head_width = 320
    config.model.head_layers = 1
    config.model.neighbour_features = False
    config.model.shapes = False
    config.model.sharing = False
    config.model.momenta = "free"

    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-5, 1e-3),
        ("model.layers_shared", "int", 1, 4),
        ("model.layers_id", "int", 1, 4),
        ("model.layers_regression", "int", 1, 4),
        ("model.width", "categorical", 32, 64, 128),
        ("model.heads", "categorical", 8, 16, 32, 64),
        ("model.random_features", "categorical", 16, 32, 64, 128),
        ("model.head_width", "categorical", 128, 256, 512),
        ("model.head_layers", "int", 1, 4),
    )
    return config
