"""From nothing to a tuned particle-flow model: what `make demo` runs.

Simulates ttbar events at 380 GeV, tunes a GNN-LSH with Swift-Hyperband whose predictor is trained
by (simulated) quantum annealing, trains the winner and compares it with the rule-based baseline.
About ten minutes on two cores.

python -m launch.demo --config=configs/demo.py --run=runs/demo
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 1

    config.data = ConfigDict()
    config.data.root = ""  # where datasets lie; "": in the run's own folder
    config.data.processes = ("ttbar",)  # qq, zh, ww, ww_fullhad, zh_tautau, ttbar_pu10
    config.data.detector = "clic"  # or cld, which sees the same collisions
    config.data.weights = ()  # of the processes in an epoch, as (2.0, 1.0); (): every event once
    config.data.events = ConfigDict({"train": 8000, "validation": 500, "test": 1000})  # of each
    config.data.shard_events = 100  # simulated in one go, by one process
    config.data.workers = 2  # processes that simulate

    # Fields of ModelConfig and TrainConfig (mlpf_jax.model.config); those left out have defaults.
    config.model = ConfigDict()
    config.model.elements = "clusters"  # with tracks; or hits, or tracks_hits
    config.model.backbone = "gnn_lsh"
    config.model.width = 64
    config.model.layers_id = 2
    config.model.layers_regression = 2
    config.model.bin_size = 64
    config.model.messages = 2
    config.model.dropout = 0.0
    config.model.sharing = True  # tracks account for the energy of clusters: model.sharing

    config.train = ConfigDict()
    config.train.learning_rate = 5e-3
    config.train.weight_decay = 5e-2
    config.train.warmup_steps = 50
    config.train.schedule = "cosine"
    config.train.energy_power = 0.0  # every particle counts alike in the energy's loss
    config.train.region_weight = 2.0  # energy around each element: what makes a jet's response
    config.train.share_weight = 1.0  # what tracks left in clusters, where the dataset knows it
    config.train.clip = 3.0
    config.train.optimiser = "adamw"  # lamb, lion, muon, schedule_free: docs/training.md
    config.train.ema = 0.998  # decay of the average of parameters that is evaluated; 0: none

    config.tune = ConfigDict()
    # or swift_improved, asynchronous_swift, adaptive, asynchronous_adaptive, hyperband, asha,
    # random: launch.shell.studies
    config.tune.scheduler = "swift_hyperband"
    config.tune.searcher = "random"  # or quasi_random, bayesian, bohb
    config.tune.predictor = "qsvr"  # or svr, persistence, extra_trees, gaussian_process, lkgp
    # qsvr.QSVR's parameters, and `box` for its C: a QUBO on Ocean's simulated annealing
    config.tune.qsvr = ConfigDict(
        {"sampler": "simulated_annealing", "reads": 50, "sweeps": 400, "box": 4.0}
    )
    config.tune.max_epochs = 8  # R
    config.tune.eta = 2
    config.tune.min_curves = 5  # d: finished curves that a predictor needs
    config.tune.full_share = 0.5  # kappa
    config.tune.decision_point = 0.5  # c
    config.tune.quantile = 0.25
    # Fields of hpo.Risk, for swift_improved and asynchronous_swift, and of hpo.Price, for adaptive
    # and asynchronous_adaptive; those left out have defaults.
    config.tune.risk = ConfigDict()
    config.tune.price = ConfigDict()
    config.tune.frugal = False  # asynchronous_swift with many workers: fewer epochs, more time
    config.tune.metric = "validation_loss"  # or jets: the width of validation jets
    config.tune.workers = 2  # trials side by side
    config.tune.executor = "processes"  # of this machine; or ray: of a cluster (launch.tune)
    # Of each trial: processes that train it together, and what each of them has (docs/cluster.md).
    config.tune.resources = ConfigDict(
        {"processes": 1, "devices": 0.0, "cores": 0.0, "memory_gb": 0.0}
    )
    config.tune.keep = 5  # trials that are out whose checkpoints stay, the best; -1: all
    config.tune.train_events = 192
    config.tune.validation_events = 128
    config.tune.batch_size = 8
    config.tune.buckets = 2  # padded lengths; each is a compilation of every architecture
    # path, kind and range of each hyperparameter
    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-3, 1e-2),
        ("train.weight_decay", "log_float", 1e-4, 1e-1),
        ("train.clip", "log_float", 0.3, 10.0),
        ("train.warmup_steps", "int", 0, 100),
        ("model.messages", "categorical", 1, 2),
    )

    config.fit = ConfigDict()  # the final training, with the winning configuration
    config.fit.epochs = 8
    config.fit.train_events = 0  # 0: all
    config.fit.validation_events = 0
    config.fit.batch_size = 8
    config.fit.buckets = 3
    config.fit.packed = True  # several events in a row: one shape, hardly any padding
    config.fit.select = "jets"  # the epoch whose model is kept: by validation jets; or loss, last
    config.fit.patience = 0  # epochs without a better one after which it ends; 0: never
    config.fit.accumulate = 1  # batches in one update
    config.fit.calibrate = True  # neutral particles, by the jets of validation events
    config.fit.start = ""  # a model's folder, or a run, whose model it starts from
    config.fit.frozen = ()  # parts that are not trained, as ("embedding", "identification")

    # Devices that the final training shares its batches among; docs/training.md.
    config.mesh = ConfigDict({"data": 1, "model": 1})  # data = -1: all there are
    return config
