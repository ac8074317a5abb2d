"""Learning curves of scikit-learn's SGDClassifier on handwritten digits: 4 hyperparameters.

python -m launch.curves --config=configs/curves_sgd_digits.py --run=runs/curves_sgd_digits

Steps of one image at rates that hardly fall, so that losses stay noisy to the end. The table
`sgd_digits` of `hpo/simulation/zoo`.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 1

    config.digits = ConfigDict()
    config.digits.train_images = 600  # of 1797; the others validate

    # as SGDClassifier calls them
    config.train = ConfigDict()
    config.train.penalty = "l2"
    config.train.alpha = 1e-4
    config.train.learning_rate = "constant"
    config.train.eta0 = 0.01

    config.tune = ConfigDict()
    config.tune.objective = "launch.objectives.sgd:make"
    config.tune.scheduler = "random"
    config.tune.trials = 320
    config.tune.max_epochs = 27
    config.tune.eta = 2  # of other schedulers, by launch.tune
    config.tune.workers = 1
    config.tune.space = (
        ("train.penalty", "categorical", "l2", "l1", "elasticnet"),
        ("train.alpha", "log_float", 1e-6, 1e-1),
        ("train.learning_rate", "categorical", "constant", "invscaling", "optimal"),
        ("train.eta0", "log_float", 1e-4, 10.0),
    )
    return config
