"""ASHA with Bayesian optimisation, the way the original MLPF was tuned, at the size of the demo.

Pata et al. 2024 (Communications Physics 7, 124) tuned 300 configurations of at most 200 epochs
with rungs from epoch 10 on, a reduction of 4, on a cluster of GPUs:

python -m launch.tune --config=configs/asha_bayesian.py --run=runs/asha \
    --config.tune.trials=300 --config.tune.max_epochs=200 --config.tune.min_epochs=10

At the sizes below it takes some ten minutes on two cores. Trials pause at a rung and resume from
their checkpoints; any searcher goes with any scheduler (`config.tune.searcher`).
"""

from ml_collections import ConfigDict

from configs import demo


def get_config() -> ConfigDict:
    config = demo.get_config()
    config.tune.scheduler = "asha"
    config.tune.searcher = "bayesian"
    config.tune.trials = 43  # as many as the demo's Swift-Hyperband
    config.tune.max_epochs = 16
    config.tune.min_epochs = 1  # the first rung
    config.tune.eta = 4
    config.tune.variant = "promotion"  # or stopping: nothing resumes
    config.tune.space = (
        ("train.learning_rate", "log_float", 1e-3, 1e-2),
        ("train.weight_decay", "log_float", 1e-4, 1e-1),
        ("train.clip", "log_float", 0.3, 10.0),
        ("train.warmup_steps", "int", 0, 100, 10),
        ("model.messages", "categorical", 1, 2),
    )
    return config
