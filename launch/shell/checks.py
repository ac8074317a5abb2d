"""A configuration is looked through before a run begins: a run cannot change it afterwards."""

import importlib.util

import numpy as np
from ml_collections import ConfigDict

from datasets.builders.names import DETECTORS, PROCESSES
from datasets.mixing import check_weights
from launch.shell import data, fitting, studies
from launch.shell.outcomes import with_values
from launch.shell.runs import RunError

AT_LEAST_1 = {
    "tune": ("workers", "batch_size", "buckets"),
    "fit": ("epochs", "batch_size", "buckets"),
    "data": ("workers", "shard_events"),
}


def checked(config: ConfigDict) -> ConfigDict:
    """The configuration itself. Raises ValueError (one line) for what would fail later."""
    if "data" not in config:
        raise RunError(
            "the configuration has no data section: it is of a training of its own, for "
            "launch.tune and launch.curves"
        )
    return checked_study(config)


def checked_study(config: ConfigDict) -> ConfigDict:
    """The same where nothing but the study is played, maybe of a training of one's own."""
    objective = config.tune.get("objective", studies.OBJECTIVE)
    _check_objective(objective)
    if "seed" not in config:
        raise RunError("the configuration of the study lacks 'seed'")
    try:
        studies.make_scheduler(config.tune)
        studies.size(config.tune)
        studies.executor_name(config.tune)
        studies.resources(config.tune)
    except AttributeError as error:
        raise RunError(f"the configuration of the study lacks {error}") from None
    drawn = studies.make_space(config.tune.space).draw(np.random.default_rng(0))
    variant = with_values(config, drawn)
    if "data" in config:
        _check_particle_flow(config, variant)
    elif objective == studies.OBJECTIVE:
        raise RunError(f"{objective} trains particle flow: the configuration needs a data section")
    return config


def with_room(config: ConfigDict) -> ConfigDict:
    """The configuration itself, for who is going to tune. Raises ValueError where this machine has
    less than its trials are to be given."""
    studies.check_resources(config.tune)
    return config


def _check_objective(name: str) -> None:
    module, _, function = name.partition(":")
    if not module or not function.isidentifier():
        raise RunError(f"tune.objective {name!r} is no module:function")
    try:
        found = importlib.util.find_spec(module)
    except ImportError:
        found = None
    if found is None:
        raise RunError(f"tune.objective {name!r}: there is no module {module}")


def _check_particle_flow(config: ConfigDict, variant: ConfigDict) -> None:
    from mlpf_jax.model.config import ModelConfig, TrainConfig, from_mapping
    from mlpf_jax.training import parallel

    unknown = set(config.data.processes) - set(PROCESSES)
    if unknown or not config.data.processes:
        raise RunError(f"data.processes {sorted(unknown)}: choose among {', '.join(PROCESSES)}")
    if (detector := config.data.get("detector", DETECTORS[0])) not in DETECTORS:
        raise RunError(f"data.detector {detector!r}: choose among {', '.join(DETECTORS)}")
    for name in data.SPLITS:
        if config.data.events[name] < 1:
            raise RunError(f"data.events.{name} must be at least 1")
    for section, names in AT_LEAST_1.items():
        settings = config.get(section, {})
        for name in names:
            if settings.get(name, 1) < 1:
                raise RunError(f"{section}.{name} = {settings[name]} must be at least 1")
    for each in (config, variant):
        from_mapping(ModelConfig, each.model.to_dict())
        from_mapping(TrainConfig, each.train.to_dict())
    parallel.mesh_of(config.get("mesh", {}))
    if weights := config.data.get("weights", ()):
        check_weights(weights, len(config.data.processes))
    fitting.check(config)
