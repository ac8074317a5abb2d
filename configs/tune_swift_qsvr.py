"""Swift-Hyperband as published, its predictor trained by annealing: R = 100, eta = 2, d = 15.

163 configurations in the space of the learning curves published with it (MLPF, 7 hyperparameters);
decisions by Q-SVR of the losses seen so far, a QUBO for every half round, solved here by simulated
annealing. Expected, on the published curves: 2953 +- 61 epochs instead of Hyperband's 3213 (the
paper), 2926 +- 18 (docs/hpo.md), at the same best loss.

Cost: 3,000 epochs of 512 events: half a day of two cores; --dry_run, which knows no model but the
first, says less; a compilation for every architecture comes on top. On a D-Wave machine, with its
token in DWAVE_API_TOKEN (first see in docs/qsvr.md how to count the seconds):
--config.tune.qsvr.sampler=qpu

python -m launch.tune --config=tune_swift_qsvr --run=runs/swift
python -m launch.study --run=runs/swift --page=study.html
"""

from ml_collections import ConfigDict

from configs import demo


def get_config() -> ConfigDict:
    config = demo.get_config()
    config.data.events = ConfigDict({"train": 4000, "validation": 256, "test": 500})
    config.model.form = "published"
    config.model.binning = "learned"
    config.model.face_kernel = False
    config.model.sharing = False
    config.model.neighbour_features = False
    config.model.shapes = False
    config.train.share_weight = 0.0
    config.tune.scheduler = "swift_hyperband"
    config.tune.predictor = "qsvr"
    config.tune.max_epochs = 100
    config.tune.eta = 2
    config.tune.min_curves = 15
    config.tune.full_share = 0.5
    config.tune.decision_point = 0.5
    config.tune.quantile = 0.25
    config.tune.train_events = 512
    config.tune.validation_events = 0
    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-6, 3e-2),
        ("train.weight_decay", "log_float", 1e-6, 1e-1),
        ("model.dropout", "float", 0.0, 0.5, 0.1),  # every value is a compilation
        ("model.layers_id", "int", 0, 4),
        ("model.layers_regression", "int", 0, 4),
        ("model.bin_size", "categorical", 8, 16, 32, 64, 128),
        ("model.width", "categorical", 8, 16, 32, 64, 128, 256),
    )
    config.fit.epochs = 20
    return config
