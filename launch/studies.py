"""What `config.tune` describes, as values of `hpo`: space, predictor, scheduler."""

from typing import Any

from ml_collections import ConfigDict

from launch.runs import RunError

METRIC = "validation_loss"
PARAMETERS = ("float", "log_float", "int", "categorical")


def make_scheduler(settings: ConfigDict) -> Any:
    """The scheduler that `config.tune` describes. Raises RunError where it cannot be made."""
    import hpo

    space = make_space(settings.space)
    common = {"max_epochs": settings.max_epochs, "eta": settings.eta, "metric": METRIC}
    if settings.scheduler == "hyperband":
        return hpo.hyperband(space, **common)
    if settings.scheduler == "swift_hyperband":
        return hpo.swift_hyperband(
            space,
            **common,
            predictor=make_predictor(settings),
            min_curves=settings.min_curves,
            full_share=settings.full_share,
            decision_point=settings.decision_point,
            quantile=settings.quantile,
        )
    raise RunError(f"tune.scheduler {settings.scheduler!r} is not hyperband or swift_hyperband")


def make_predictor(settings: ConfigDict) -> Any:
    """The predictor of learning curves that `config.tune` names."""
    from hpo import predictors

    if settings.predictor == "qsvr":
        return predictors.qsvr(**settings.qsvr.to_dict())
    if settings.predictor not in ("svr", "persistence"):
        raise RunError(f"tune.predictor {settings.predictor!r} is not qsvr, svr or persistence")
    return getattr(predictors, settings.predictor)()


def make_space(rows: tuple[tuple, ...]) -> Any:
    """A search space from (path, kind, *values) rows."""
    import hpo

    kinds = dict(zip(PARAMETERS, (hpo.Float, hpo.LogFloat, hpo.Int, hpo.Categorical), strict=True))
    for path, kind, *_ in rows:
        if kind not in kinds:
            raise RunError(f"{path}: {kind!r} is no kind of parameter ({', '.join(PARAMETERS)})")
    return hpo.Space({path: kinds[kind](*values) for path, kind, *values in rows})
