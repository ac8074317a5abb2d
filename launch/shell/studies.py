"""What `config.tune` describes, as values of `hpo`: space, searcher, predictor, scheduler."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ml_collections import ConfigDict

from launch.shell.progress import say
from launch.shell.runs import Run, RunError

Report = Callable[[Mapping[str, Any]], None]

METRICS = ("validation_loss", "jets")  # what trials are ranked by; the first unless it is said
# what a trial trains, unless `tune.objective` says otherwise
OBJECTIVE = "launch.objectives.particle_flow:make"
KEPT = 5  # trials that are out and whose checkpoints stay, unless `tune.keep` says otherwise
EXECUTORS = ("processes", "ray")
GIVEN = ("processes", "devices", "cores", "memory_gb")  # in `tune.resources`
PARAMETERS = ("float", "log_float", "int", "log_int", "categorical")
SEARCHERS = ("random", "quasi_random", "bayesian", "bohb")
# The rules of schedulers: sections of `tune`, or single keys, and who takes them.
RULES: Mapping[str, tuple[str, ...]] = {
    "risk": ("swift_improved", "asynchronous_swift"),
    "price": ("adaptive", "asynchronous_adaptive"),
    "price.ratios": ("adaptive",),
    "frugal": ("asynchronous_swift",),
}
PREDICTORS = ("qsvr", "svr", "persistence", "extra_trees", "gaussian_process", "lkgp")


def make_scheduler(settings: ConfigDict, report: Report | None = None) -> Any:
    """The scheduler that `config.tune` describes. Raises RunError where it cannot be made.

    `report` is called with the record of every call of an annealer, where the predictor asks one.
    """
    make, predicts = _SCHEDULERS.get(settings.scheduler), settings.scheduler in PREDICTING
    if make is None:
        raise RunError(f"tune.scheduler {settings.scheduler!r} is none of {', '.join(_SCHEDULERS)}")
    rules(settings)  # or RunError, where a key would do nothing
    predictor = (make_predictor(settings, report),) if predicts else ()
    return make(settings, make_searcher(settings), *predictor)


def rules(settings: ConfigDict) -> dict[str, Any]:
    """What `config.tune` tells the rule of its scheduler, by key (`risk.jumps`), without what is so
    unless it is said. Raises RunError for what the scheduler does not take: it would do nothing."""
    changed = {"frugal": True} if _frugal(settings) else {}
    for section in ("risk", "price"):
        rule = _rule(settings, section)
        usual = asdict(type(rule)())
        changed |= {f"{section}.{k}": v for k, v in asdict(rule).items() if v != usual[k]}
    for key in changed:
        takers = RULES.get(key) or RULES[key.partition(".")[0]]
        if (name := settings.scheduler) not in takers:
            raise RunError(f"tune.{key} is for {' and '.join(takers)}: {name} does not take it")
    return changed


def described(settings: ConfigDict) -> str:
    """The scheduler and what its rule is told: "swift_improved (risk.jumps = 1.5)"."""
    told = ", ".join(f"{key} = {value}" for key, value in rules(settings).items())
    return f"{settings.scheduler} ({told})" if told else settings.scheduler


def make_executor(run: Run, ray_address: str = "") -> Any:
    """What runs the trials of a study, as `config.tune` says: processes of this machine, each with
    its share of the accelerators, or the workers of a Ray cluster. A trial that has several devices
    or processes finds all of them in the settings' `mesh`."""
    import hpo
    from hpo.executors import devices

    settings, given = run.config.tune, resources(run.config.tune)
    work = (
        settings.get("objective", OBJECTIVE),
        {},  # what it depends on is the run's configuration, which cannot change
        run.folder / "trials",
        settings.workers,
    )
    several = given.processes > 1 or given.devices > 1
    places = {"run": str(run.folder.resolve()), **({"mesh": {"data": -1}} if several else {})}
    own = {"seed": run.config.seed, "places": places, "resources": given, "note": _note}
    if executor_name(settings) == "ray":
        return hpo.RayExecutor(*work, **own, address=ray_address)
    if ray_address:
        raise RunError("--ray_address: set --config.tune.executor=ray, too")
    shares = devices.environments(settings.workers, devices.machine(), given)
    return hpo.ProcessExecutor(*work, **own, environments=shares)


def resources(settings: ConfigDict) -> Any:
    """What `config.tune` gives each trial (hpo.Resources); `tune.gpus` was its only one once, for
    trials on Ray. Raises ValueError where that cannot be."""
    import hpo

    asked = settings.get("resources", {})
    if unknown := set(asked) - set(GIVEN):
        raise RunError(f"tune.resources.{min(unknown)} is none of {', '.join(GIVEN)}")
    given = dict(asked)
    if executor_name(settings) == "ray" and not given.get("devices"):
        given["devices"] = settings.get("gpus", 0.0)
    return hpo.Resources(**given)


def check_resources(settings: ConfigDict) -> None:
    """Raises ValueError where this machine, if it is to run the trials, has less than is asked."""
    from hpo.executors import devices

    given = resources(settings)
    if executor_name(settings) == EXECUTORS[0]:
        devices.check_room(settings.workers, given, devices.machine())


def _note(text: str) -> None:
    say(f"  note: {text}")


def executor_name(settings: ConfigDict) -> str:
    """Raises RunError where there is no such executor."""
    name = settings.get("executor", EXECUTORS[0])
    if name not in EXECUTORS:
        raise RunError(f"tune.executor {name!r} is none of {', '.join(EXECUTORS)}")
    return name


def metric(settings: ConfigDict) -> str:
    """What trials are ranked by, the lowest is best: `jets` is the mean width of validation jets
    (R = 0.4, R = 0.7) over the rule-based ones. Raises RunError where it is neither."""
    name = settings.get("metric", METRICS[0])
    if name not in METRICS:
        raise RunError(f"tune.metric {name!r} is none of {', '.join(METRICS)}")
    return name


def make_searcher(settings: ConfigDict) -> Any:
    """The searcher that `config.tune` names, in its space; random search if it names none."""
    import hpo

    name = settings.get("searcher", "random")
    makers = dict(
        zip(
            SEARCHERS,
            (hpo.random_search, hpo.quasi_random_search, hpo.bayesian_search, hpo.bohb_search),
            strict=True,
        )
    )
    if name not in makers:
        raise RunError(f"tune.searcher {name!r} is none of {', '.join(SEARCHERS)}")
    return makers[name](make_space(settings.space))


def make_predictor(settings: ConfigDict, report: Report | None = None) -> Any:
    """The predictor of learning curves that `config.tune` names."""
    from hpo.forecasting import predictors

    if settings.predictor not in PREDICTORS:
        raise RunError(f"tune.predictor {settings.predictor!r} is none of {', '.join(PREDICTORS)}")
    if settings.predictor == "qsvr":
        return predictors.qsvr(**settings.qsvr.to_dict(), report=report)
    if settings.predictor == "lkgp":
        return predictors.lkgp(make_space(settings.space))
    return getattr(predictors, settings.predictor)()


def make_space(rows: tuple[tuple, ...]) -> Any:
    """A search space from (path, kind, *values) rows; numbers may have a step after their range.

    (path, "when", parent, (value, ...), kind, *values) is a hyperparameter that plays a part only
    where `parent` has one of the values.
    """
    import hpo

    for row in rows:
        if not isinstance(row, tuple | list) or len(row) < 2 or not isinstance(row[0], str):
            raise RunError(f"tune.space: {row!r:.80} is no (path, kind, values ...)")
    return hpo.Space({path: _parameter(path, *row) for path, *row in rows})


def size(settings: ConfigDict) -> tuple[int, int]:
    """(trials, epochs) that the study comes to at most, for a bar of its progress."""
    import hpo

    trials = _trials(settings)
    if settings.scheduler in ("random", "asha", "successive_halving"):
        return trials, trials * settings.max_epochs
    return trials, hpo.hyperband_epochs(settings.max_epochs, settings.eta)


def _parameter(path: str, kind: str, *values: Any) -> Any:
    import hpo

    kinds = dict(
        zip(
            PARAMETERS,
            (hpo.Float, hpo.LogFloat, hpo.Int, hpo.LogInt, hpo.Categorical),
            strict=True,
        )
    )
    if kind == "when" and len(values) < 3:
        raise RunError(f"{path}: when: is followed by parent, its values, and a kind with values")
    if kind == "when":
        parent, allowed, *inner = values
        return hpo.When(parent, tuple(allowed), _parameter(path, *inner))
    if kind not in kinds:
        raise RunError(f"{path}: {kind!r} is no kind of parameter ({', '.join(PARAMETERS)}, when)")
    try:
        return kinds[kind](*values)
    except (TypeError, ValueError) as error:
        raise RunError(f"{path}: {error}") from None


def _trials(settings: ConfigDict) -> int:
    """As many as `tune.trials` says, or as Hyperband would have."""
    import hpo

    asked = settings.get("trials", 0)
    fixed = settings.scheduler not in ("random", "asha", "successive_halving")
    return hpo.hyperband_trials(settings.max_epochs, settings.eta) if fixed or not asked else asked


def _random(settings: ConfigDict, searcher: Any) -> Any:
    import hpo

    return hpo.full_training(
        searcher, _trials(settings), settings.max_epochs, metric=metric(settings)
    )


def _successive_halving(settings: ConfigDict, searcher: Any) -> Any:
    import hpo

    rounds = len(hpo.hyperband_brackets(settings.max_epochs, settings.eta)[0])
    return hpo.successive_halving(
        searcher,
        _trials(settings),
        settings.max_epochs,
        settings.eta,
        rounds=rounds,
        metric=metric(settings),
    )


def _asha(settings: ConfigDict, searcher: Any) -> Any:
    import hpo

    return hpo.asha(
        searcher,
        _trials(settings),
        settings.max_epochs,
        settings.eta,
        min_epochs=settings.get("min_epochs", 1),
        variant=settings.get("variant", "promotion"),
        metric=metric(settings),
    )


def _by_brackets(settings: ConfigDict, searcher: Any, **own: Any) -> Any:
    """Those that need nothing but R and eta, and take `own`."""
    import hpo

    make = getattr(hpo, settings.scheduler)
    return make(searcher, settings.max_epochs, settings.eta, metric=metric(settings), **own)


def _by_risk(settings: ConfigDict, searcher: Any) -> Any:
    frugal = {"frugal": True} if _frugal(settings) else {}  # of one of them, which `rules` checks
    return _by_brackets(settings, searcher, risk=_rule(settings, "risk"), **frugal)


def _by_price(settings: ConfigDict, searcher: Any) -> Any:
    return _by_brackets(settings, searcher, price=_rule(settings, "price"))


def _rule(settings: ConfigDict, section: str) -> Any:
    """The hpo.Risk or hpo.Price that a section of `tune` has the fields of. Raises RunError."""
    import hpo

    kind, given = {"risk": hpo.Risk, "price": hpo.Price}[section], settings.get(section, {})
    usual = asdict(kind())
    if unknown := set(given) - set(usual):
        raise RunError(f"tune.{section}.{min(unknown)} is none of {', '.join(usual)}")
    values = {k: _like(usual[k], f"tune.{section}.{k}", value) for k, value in given.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise RunError(f"tune.{section}: {error}") from None


def _frugal(settings: ConfigDict) -> bool:
    return _like(False, "tune.frugal", settings.get("frugal", False))


def _like(usual: Any, path: str, value: Any) -> Any:
    """The value as one of the usual one's kind, or RunError: a whole number is a number, too, and
    JSON knows no tuples; but a configuration is a program, and may hold anything."""
    if isinstance(usual, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(usual, tuple) and isinstance(value, list | tuple):
        value = tuple(_like(usual[0], path, each) for each in value)
    same = isinstance(value, type(usual)) and isinstance(value, bool) == isinstance(usual, bool)
    if not same or (isinstance(value, float) and not math.isfinite(value)):
        raise RunError(f"{path} = {value!r} is no value for it: it may be {usual!r}, for example")
    return value


def _fast_hyperband(settings: ConfigDict, searcher: Any, predictor: Any) -> Any:
    import hpo

    return hpo.fast_hyperband(
        searcher,
        settings.max_epochs,
        settings.eta,
        predictor=predictor,
        min_curves=settings.min_curves,
        metric=metric(settings),
    )


def _swift_hyperband(settings: ConfigDict, searcher: Any, predictor: Any) -> Any:
    import hpo

    return hpo.swift_hyperband(
        searcher,
        settings.max_epochs,
        settings.eta,
        predictor=predictor,
        min_curves=settings.min_curves,
        full_share=settings.full_share,
        decision_point=settings.decision_point,
        quantile=settings.quantile,
        metric=metric(settings),
    )


_SCHEDULERS: Mapping[str, Callable[..., Any]] = {
    "random": _random,
    "successive_halving": _successive_halving,
    "asha": _asha,
    "hyperband": _by_brackets,
    "fast_hyperband": _fast_hyperband,
    "swift_hyperband": _swift_hyperband,
    "swift_improved": _by_risk,
    "asynchronous_swift": _by_risk,
    "asynchronous_adaptive": _by_price,
    "adaptive": _by_price,
}
PREDICTING = ("fast_hyperband", "swift_hyperband")
