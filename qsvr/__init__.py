"""Support vector regression as a QUBO, for annealers: kernel -> QUBO -> sampler -> regressor.

    from qsvr import QSVR
    model = QSVR(random_state=0).fit(X, y)
    mean, spread = model.predict(X_new, return_std=True)

The names below are imported when first used: `import qsvr` loads neither jax, nor scikit-learn,
nor the samplers.
"""

from importlib import import_module
from typing import Any

from mlpf_install import extras

_HOME = {
    "QSVR": "regressor",
    "Problem": "problem",
    "Encoding": "encoding",
    "build_qubo": "qubo",
    "energy": "qubo",
    "dual_objective": "qubo",
    "decode": "encoding",
    "encode": "encoding",
    "SampleSet": "samplers.sampleset",
    "SimulatedAnnealing": "samplers.ocean",
    "PathIntegral": "samplers.ocean",
    "Tabu": "samplers.ocean",
    "SteepestDescent": "samplers.ocean",
    "Ocean": "samplers.ocean",
    "Exact": "samplers.exact",
    "LevelGibbs": "samplers.level_gibbs",
    "Zoom": "samplers.zoom",
    "QPU": "samplers.qpu",
    "LeapHybrid": "samplers.qpu",
    "AnnealerError": "samplers.remote",
    "ProblemTooLarge": "samplers.remote",
    "Fallback": "samplers.catalogue",
    "SAMPLERS": "samplers.catalogue",
    "sampler_of": "samplers.catalogue",
    "box_optimum": "optimum",
    "energy_gap": "optimum",
    "Published": "combine",
    "MeanOfBest": "combine",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'qsvr' has no attribute {name!r}")
    extras.require("anneal", f"qsvr.{name}")
    return getattr(import_module(f"qsvr.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
