"""One side of a fair duel: a GNN-LSH with the parameters and FLOPs of `clic_favor_matched`.

In the paper 5.47 million parameters met 0.29 million. Here both have 0.75 million, 1.74 MFLOP
forward for an element, the same embedding, inputs, heads, losses and schedule, those of
`configs/demo.py`: what is left is how elements see each other. A study of the learning rate, the
same for both, comes before the final training.

Cost, from counts: 1.7e13 FLOP an epoch of 20,000 events, 5 min on a core that does 60 GFLOP/s, and
2.5 h for all epochs.

python -m launch.tune  --config=configs/clic_gnn_lsh_matched.py --run=runs/gnn_lsh_matched
python -m launch.train --config=configs/clic_gnn_lsh_matched.py --run=runs/gnn_lsh_matched
"""

from ml_collections import ConfigDict

from configs import clic_gnn_lsh, demo


def get_config() -> ConfigDict:
    config = clic_gnn_lsh.get_config()
    config.model = ConfigDict()
    config.model.backbone = "gnn_lsh"
    config.model.width = 128
    config.model.layers_id = 3
    config.model.layers_regression = 3
    config.model.binning = "learned"
    config.model.bin_size = 64
    config.model.messages = 2
    config.model.distance_width = 32
    config.model.distance_hidden = 64
    config.model.distance_layers = 2
    config.model.head_width = 128
    config.model.head_layers = 1
    config.model.neighbour_features = False
    config.model.shapes = False
    config.model.sharing = False
    config.model.momenta = "free"
    config.model.face_kernel = False

    config.train = demo.get_config().train
    config.tune.max_epochs = 16
    config.tune.eta = 2
    config.tune.batch_size = 16
    config.tune.space = (
        ("train.learning_rate", "log_float", 3e-4, 1e-2),
        ("train.weight_decay", "log_float", 1e-4, 1e-1),
    )
    config.fit.epochs = 30
    config.fit.batch_size = 16
    return config
