"""Objectives whose workers die as often as they are told to."""

import os
import signal
from pathlib import Path


def _times(counter: Path) -> int:
    """How often this has been called with the counter, this time included."""
    done = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(done))
    return done


def before_every_epoch(settings):
    """The worker dies `deaths` times before each epoch."""

    def objective(trial):
        for epoch in range(trial.first_epoch + 1, trial.last_epoch + 1):
            if _times(trial.folder / f"tries-{epoch}") <= settings["deaths"]:
                os.kill(os.getpid(), signal.SIGKILL)
            yield {"loss": 1 / epoch}

    return objective


def hard_to_make(settings):
    """Of the workers one in `deaths` + 1 lives until it is ready; each trial but the first kills
    one."""
    if _times(Path(settings["folder"]) / "started") % (settings["deaths"] + 1):
        os._exit(1)

    def objective(trial):
        if trial.number and _times(trial.folder / "tries") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield {"loss": 1.0}

    return objective
