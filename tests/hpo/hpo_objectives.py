"""Objectives for the worker processes of the tests: real generators with real checkpoints."""

import errno
import json
import os
import signal
import time
from fractions import Fraction
from pathlib import Path


def loss(configuration, epoch):
    return configuration["x"] ** 2 + 1 / epoch


def checkpointed(settings):
    """Counts every epoch it trains in `epochs.log` and resumes from its checkpoint only.

    With `waits_at`, a trial that comes to this epoch says so in `waiting` and waits to be killed.
    """

    def objective(trial):
        checkpoint = trial.folder / "checkpoint.json"
        if trial.first_epoch:
            assert json.loads(checkpoint.read_text())["epoch"] >= trial.first_epoch
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            if epoch == settings.get("waits_at"):
                (trial.folder / "waiting").touch()
                time.sleep(600)
            time.sleep(settings.get("epoch_seconds", 0))
            with (trial.folder / "epochs.log").open("a") as log:
                log.write(f"{epoch} {os.getpid()} {trial.seed}\n")
            part = checkpoint.with_suffix(".part")
            part.write_text(json.dumps({"epoch": epoch}))
            part.rename(checkpoint)
            yield {"loss": loss(trial.configuration, epoch)}

    return objective


def troublesome(settings):
    """Raises, diverges, leaves out the metric, stops early or dies, as `settings` says by trial."""

    def objective(trial):
        trouble = settings.get(str(trial.number))
        if trouble == "raises when called":
            raise RuntimeError("no epoch at all")
        return epochs(trial, trouble)

    def epochs(trial, trouble):
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            if trouble == "raises":
                raise RuntimeError("two lines\nof trouble")
            if trouble == "a name of bytes":
                raise FileNotFoundError("no " + os.fsdecode(b"cut\xff.csv"))
            if trouble == "no place for its error":
                (trial.folder / "error.txt").mkdir()
                raise RuntimeError("lost")
            if trouble == "exits":
                raise SystemExit(3)
            if trouble == "full disk":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if trouble == "full disk, in other words":
                raise ValueError(f"RESOURCE_EXHAUSTED: {os.strerror(errno.ENOSPC)} [0/1]")
            if trouble == "ends early":
                return
            often = trouble == "dies before every third epoch" and epoch % 3 == 0
            died = trial.folder / (f"died-{epoch}" if often else "died")
            if (often or trouble == "dies once") and not died.exists():
                died.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if trouble == "always dies":
                os.kill(os.getpid(), signal.SIGKILL)
            value = {
                "is nan": float("nan"),
                "is text": "much",
                "is a fraction": Fraction(1, 2),
                "is a list": [0.5],
            }.get(trouble, loss(trial.configuration, epoch))
            named = {"no metric": {"accuracy": 1.0}, "no mapping": value}
            yield named.get(trouble, {"loss": value})

    return objective


def environment(settings):
    """Reports an environment variable as the loss."""

    def objective(trial):
        for _ in range(trial.first_epoch, trial.last_epoch):
            yield {"loss": float(os.environ["WORKER_NUMBER"])}

    return objective


def broken(settings):
    raise ValueError("no such data set")


def drive(folder, **places):
    """A whole study, for a driver process that a test may kill."""
    import hpo

    scheduler = hpo.swift_hyperband(
        hpo.Space({"x": hpo.Float(-1, 1)}), 8, 2, min_curves=4, full_share=0.5
    )
    with (
        hpo.Journal(Path(folder) / "study.db") as journal,
        hpo.ProcessExecutor(
            "hpo_objectives:checkpointed", {}, folder, workers=2, places=places
        ) as executor,
    ):
        return hpo.run_study(scheduler, executor, journal, seed=3)
