"""The process of `benchmarks.hpo` that times the peers; run by the Python of `make bench-hpo-env`.

Each plays the same study alone, without a tuner, workers or a disk: trials one after another, every
epoch reported to the object that decides, until it stops the trial or all epochs are done. eta 3,
rungs at 1, 3, 9, 27 and 81 epochs, `loss` below. Times are CPU time of this process and include
what a trial needs around its reports, named at each function.
"""

import json
import math
import sys
import time
from collections.abc import Iterator

EPOCHS, ETA = 81, 3


def loss(trial: int, epoch: int) -> float:
    """Different from trial to trial, falling from epoch to epoch."""
    return math.sin(trial * 12.9898) + 1 / epoch


def ray_tune(trials: int) -> int:
    """AsyncHyperBandScheduler.on_trial_result, and on_trial_add; no configuration is drawn, for
    schedulers of Ray do not know them. Of a trial they look at its identifier alone."""
    from types import SimpleNamespace

    from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler

    scheduler = AsyncHyperBandScheduler(
        time_attr="epoch", metric="loss", mode="min", max_t=EPOCHS, reduction_factor=ETA
    )
    reports = 0
    for number in range(trials):
        trial = SimpleNamespace(trial_id=f"{number:08d}")
        scheduler.on_trial_add(None, trial)
        for result in _results(number):
            reports += 1
            if scheduler.on_trial_result(None, trial, result) == TrialScheduler.STOP:
                break
    return reports


def syne_tune(trials: int) -> int:
    """AsynchronousSuccessiveHalving.on_trial_result, and suggest (a random configuration),
    on_trial_add and on_trial_remove."""
    import datetime

    from syne_tune.backend.trial_status import Trial
    from syne_tune.config_space import uniform
    from syne_tune.optimizer.scheduler import SchedulerDecision
    from syne_tune.optimizer.schedulers.asha import AsynchronousSuccessiveHalving

    scheduler = AsynchronousSuccessiveHalving(
        {"x": uniform(0, 1)}, "loss", time_attr="epoch", max_t=EPOCHS, reduction_factor=ETA,
        random_seed=0,
    )  # fmt: skip
    reports = 0
    for number in range(trials):
        suggestion = scheduler.suggest()
        trial = Trial(number, suggestion.config, datetime.datetime.now())
        scheduler.on_trial_add(trial)
        for result in _results(number):
            reports += 1
            if scheduler.on_trial_result(trial, result) == SchedulerDecision.STOP:
                break
        scheduler.on_trial_remove(trial)
    return reports


def optuna(trials: int) -> int:
    """Trial.report and should_prune (SuccessiveHalvingPruner) of a study in memory, and ask (a
    random configuration) and tell."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna.pruners.SuccessiveHalvingPruner(reduction_factor=ETA),
    )
    space, reports = {"x": optuna.distributions.FloatDistribution(0, 1)}, 0
    for _ in range(trials):
        trial, end = study.ask(space), None
        for result in _results(trial.number):
            reports += 1
            trial.report(result["loss"], result["epoch"])
            if trial.should_prune():
                end = optuna.trial.TrialState.PRUNED
                break
        study.tell(trial, None if end else result["loss"], end)
    return reports


PEERS = {"Ray Tune": ray_tune, "Syne Tune": syne_tune, "Optuna": optuna}
PACKAGES = {"Ray Tune": "ray", "Syne Tune": "syne-tune", "Optuna": "optuna"}


def _results(trial: int) -> Iterator[dict[str, float]]:
    return ({"epoch": epoch, "loss": loss(trial, epoch)} for epoch in range(1, EPOCHS + 1))


def _answer(peer: str, trials: int) -> dict[str, float | str]:
    """One study of a peer: how many reports, and seconds of CPU time."""
    import importlib.metadata

    try:
        version = importlib.metadata.version(PACKAGES[peer])
        start = time.process_time()
        reports = PEERS[peer](trials)
        return {
            "reports": reports,
            "seconds": time.process_time() - start,
            "version": version,
        }
    except Exception as error:  # whatever it is, the harness says so and goes on with the others
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout, sys.stderr  # what the peers print is no answer
    for line in sys.stdin:
        answers.write(json.dumps(_answer(**json.loads(line))) + "\n")
        answers.flush()
