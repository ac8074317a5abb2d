"""The search that tuned the original MLPF, at its size: ASHA with Bayesian optimisation.

300 configurations of at most 200 epochs, rungs from epoch 10 on, a reduction of 4, in the space of
Pata et al., Commun. Phys. 7, 124 (2024), on the events of clic_gnn_lsh. Expected, as published:
validation losses 34% below the untuned model's.

Cost: ASHA trains some 7,600 of the 60,000 epochs, each of 2,000 events, 1.4e13 FLOP for the largest
models: an hour and a quarter of eight accelerators that do 3 TFLOP/s of these sizes. On two cores
see `asha_bayesian`, and what tuning gains there `untuned_gnn_lsh`.

python -m launch.tune --config=tune_asha_bayes --run=runs/asha_bayes --config.tune.workers=8
python -m launch.train --config=tune_asha_bayes --run=runs/asha_bayes --config.tune.workers=8
"""

from ml_collections import ConfigDict

from configs import clic_gnn_lsh


def get_config() -> ConfigDict:
    config = clic_gnn_lsh.get_config()
    config.tune.scheduler = "asha"
    config.tune.searcher = "bayesian"
    config.tune.trials = 300
    config.tune.max_epochs = 200
    config.tune.min_epochs = 10  # the first rung
    config.tune.eta = 4
    return config
