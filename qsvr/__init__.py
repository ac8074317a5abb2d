"""Support vector regression as a QUBO, for annealers: kernel -> QUBO -> sampler -> regressor.

    from qsvr import QSVR
    model = QSVR(random_state=0).fit(X, y)
    mean, spread = model.predict(X_new, return_std=True)

The names below are imported when first used: `import qsvr` loads neither jax, nor scikit-learn,
nor the samplers.
"""

from importlib import import_module

_HOME = {
    "QSVR": "regressor",
    "Problem": "problem",
    "Encoding": "encoding",
    "build_qubo": "qubo",
    "energy": "qubo",
    "dual_objective": "qubo",
    "decode": "encoding",
    "encode": "encoding",
    "SampleSet": "sampleset",
    "SimulatedAnnealing": "ocean",
    "PathIntegral": "ocean",
    "Tabu": "ocean",
    "SteepestDescent": "ocean",
    "Ocean": "ocean",
    "Exact": "exact",
    "LevelGibbs": "level_gibbs",
    "Zoom": "zoom",
    "QPU": "qpu",
    "LeapHybrid": "qpu",
    "AnnealerError": "remote",
    "ProblemTooLarge": "remote",
    "Fallback": "samplers",
    "SAMPLERS": "samplers",
    "sampler_of": "samplers",
    "box_optimum": "optimum",
    "energy_gap": "optimum",
    "Published": "combine",
    "MeanOfBest": "combine",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'qsvr' has no attribute {name!r}")
    return getattr(import_module(f"qsvr.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
