"""The GNN-LSH as tuned in the paper: 5.47 million parameters, its losses, its search space.

Pata, Wulff, Mokhtar, Southwick, Zhang, Girone, Duarte, Commun. Phys. 7, 124 (2024),
arXiv:2309.06782; what the paper leaves open as in parameters/tensorflow/clic.yaml of
jpata/particleflow. The graph layers are as published, to the letter. Unlike there, momentum and
energy are learned as log ratios to the input, not in GeV, and two heads of 448 hidden values stand
for the seven of 128, with as many parameters.

Cost, from counts: 15.0 MFLOP forward for an element, three times that for a step, 160 elements in
a ttbar event: 1.4e14 FLOP an epoch of 20,000 events, 40 min on a core that does 60 GFLOP/s, and
100 h for all epochs. Meant for an accelerator (`--config.model.precision=bfloat16`).

python -m launch.train --config=configs/clic_gnn_lsh.py --run=runs/clic_gnn_lsh
"""

from ml_collections import ConfigDict

from configs import demo


def get_config() -> ConfigDict:
    config = demo.get_config()
    config.data.processes = ("ttbar", "qq")
    config.data.events = ConfigDict({"train": 10000, "validation": 1000, "test": 2000})  # of each

    config.model = ConfigDict()
    config.model.backbone = "gnn_lsh"
    config.model.form = "published"
    config.model.width = 256
    config.model.layers_id = 6
    config.model.layers_regression = 6
    config.model.binning = "learned"
    config.model.bin_size = 256
    config.model.messages = 2
    config.model.distance_width = 128
    config.model.distance_hidden = 64
    config.model.distance_layers = 3
    config.model.head_width = 448
    config.model.head_layers = 1
    config.model.neighbour_features = False
    config.model.shapes = False
    config.model.sharing = False
    config.model.momenta = "free"
    config.model.face_kernel = False

    config.train = ConfigDict()
    config.train.learning_rate = 1e-3
    config.train.weight_decay = 0.0  # Adam
    config.train.warmup_steps = 0
    config.train.schedule = "cosine"
    config.train.class_weight = 100.0
    config.train.charge_weight = 1.0
    config.train.momentum_weight = 10.0
    config.train.energy_weight = 10.0
    config.train.angle_weight = 10.0
    config.train.region_weight = 0.0
    config.train.focal_gamma = 2.0
    config.train.energy_power = 0.0
    config.train.clip = 1e6  # gradients are not clipped

    config.tune.max_epochs = 200
    config.tune.eta = 4
    config.tune.train_events = 2000
    config.tune.validation_events = 500
    config.tune.batch_size = 50
    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-4, 1e-2),
        ("model.layers_id", "int", 1, 6),
        ("model.layers_regression", "int", 1, 6),
        ("model.bin_size", "categorical", 16, 32, 64, 128, 256),
        ("model.width", "categorical", 64, 128, 256),
        ("model.distance_hidden", "categorical", 64, 128, 256),
        ("model.distance_layers", "int", 1, 5),
        ("model.head_width", "categorical", 64, 128, 256, 512),
        ("model.head_layers", "int", 1, 5),
    )

    config.fit.epochs = 150
    config.fit.batch_size = 50
    config.fit.buckets = 4
    return config
