"""Support vector regression solved as a QUBO: the only place where `hpo` knows of `qsvr`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hpo.forecasting.predictors.base import Curves, Extrapolate, Losses, Predictor, root_mean_square
from mlpf_install import extras


def qsvr(
    published: bool = False,
    *,
    report: Callable[[Mapping[str, Any]], None] | None = None,
    **parameters: Any,
) -> Predictor:
    """`qsvr.QSVR` of the partial curve alone: support vectors found by sampling a QUBO.

    `published` takes the settings of the published study. `parameters` are QSVR's, plain values
    only, because they are written into the journal. The spread adds, in quadrature, the sampler's
    disagreement with itself and the root mean square of the training residuals; both are lower
    bounds of the error. `report` is called with the record of every call of the sampler (size,
    embedding, reads, chain breaks, time: `QSVR.calls_`), and with how many curves of how many
    epochs it was for. Raises, before a trial has trained, TypeError where a parameter is no plain
    value or none of QSVR's, ValueError where no sampler is made so, ImportError where the extra
    `anneal` is not installed.
    """
    extras.require("anneal", "the predictor qsvr")
    json.dumps(parameters)
    # `C` was `box` once, and is in the journals of studies that go on.
    settings = {"predictor": "qsvr", "published": published, **parameters}
    given = {{"box": "C"}.get(name, name): value for name, value in parameters.items()}
    _check(given)

    def fit(curves: Curves, targets: Losses, seed: int) -> Extrapolate:
        from qsvr import QSVR

        make = QSVR.published if published else QSVR
        model = make(random_state=seed, **given).fit(curves, targets)
        if report is not None:
            for call in model.calls_:
                report({"curves": len(curves), "epochs": curves.shape[1], **call})
        residual = root_mean_square(targets - model.predict(curves))

        def predict(partial: Curves) -> tuple[Losses, Losses]:
            with np.errstate(over="ignore"):  # a curve infinitely far from the known: no kernel
                mean, deviation = model.predict(partial, return_std=True)
            if not (np.isfinite(mean).all() and np.isfinite(deviation).all()):
                raise ValueError(
                    "qsvr: no number holds what a curve is predicted to come to that lies so far "
                    "from the finished ones"
                )
            return mean, np.hypot(deviation, residual)

        return predict

    return Predictor(fit, settings, least=2)


def _check(given: Mapping[str, Any]) -> None:
    from qsvr import QSVR
    from qsvr.samplers.catalogue import sampler_of

    model = QSVR(**given)
    sampler_of(model.sampler, model.reads, model.sweeps)  # what has a name asks no machine yet
