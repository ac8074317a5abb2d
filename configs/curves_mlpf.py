"""Learning curves of MLPF on simulated events: 7 hyperparameters.

XLA_FLAGS="--xla_backend_optimization_level=1 --xla_llvm_disable_expensive_passes=true \
    --xla_cpu_use_fusion_emitters=false" \
    python -m launch.curves --config=configs/curves_mlpf.py --run=runs/curves_mlpf

The table `mlpf` of `hpo/simulation/zoo`. The hyperparameters are those of the learning curves
published with Swift-Hyperband (MLPF on Delphes: learning rate, dropout, weight decay, graph layers
of the two stacks, bin size, width), in the published form of the GNN-LSH, at a size for one core.
Weights of the loss are not among them, so that validation losses compare. Every architecture, and
every value of its dropout, is a compilation, which takes as long as some forty epochs: the flags
make it shorter, and change losses by roundings.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 1

    config.data = ConfigDict()
    config.data.root = ""
    config.data.processes = ("qq",)
    config.data.events = ConfigDict({"train": 128, "validation": 64, "test": 1})
    config.data.shard_events = 64
    config.data.workers = 1

    config.model = ConfigDict()
    config.model.backbone = "gnn_lsh"
    config.model.form = "published"
    config.model.binning = "learned"
    config.model.messages = 1
    config.model.neighbour_features = False
    config.model.face_kernel = False
    config.model.width = 32
    config.model.layers_id = 1
    config.model.layers_regression = 1
    config.model.bin_size = 16
    config.model.dropout = 0.0

    config.train = ConfigDict()
    config.train.learning_rate = 5e-3
    config.train.weight_decay = 1e-3
    config.train.warmup_steps = 8
    config.train.schedule = "cosine"  # ends with the last epoch
    config.train.clip = 3.0

    config.tune = ConfigDict()
    config.tune.scheduler = "random"
    config.tune.trials = 160
    config.tune.max_epochs = 27
    config.tune.eta = 2  # of other schedulers, by launch.tune
    config.tune.workers = 1
    config.tune.train_events = 0  # 0: all
    config.tune.validation_events = 0
    config.tune.batch_size = 8
    config.tune.buckets = 1
    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-5, 1e-1),
        ("train.weight_decay", "log_float", 1e-6, 1e-1),
        # Few values of what is a compilation each.
        ("model.dropout", "float", 0.0, 0.4, 0.2),
        ("model.layers_id", "int", 0, 2),
        ("model.layers_regression", "int", 0, 2),
        ("model.bin_size", "categorical", 16, 64),
        ("model.width", "categorical", 16, 32, 64),
    )
    return config
