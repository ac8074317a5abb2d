"""Kills the processes of a study at random instants, and starts the driver again when it is hit."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import hpo

psutil = pytest.importorskip("psutil", reason="finds whom to kill; comes with the extra [ray]")

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
LIMIT_S = 120  # without an epoch; a worker that imports JAX on a busy machine is slow


TUNE = (sys.executable, "-m", "launch.tune")


class Study:
    """A study in a folder, by `program`; with `options`, more of its flags."""

    def __init__(self, folder, *options, program=TUNE, **environment):
        self.folder = folder
        flags = [f"--config={HERE / 'killed_study.py'}", f"--run={folder}", *options]
        self._command = [*map(str, program), *flags]
        paths = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])
        self._environment = {**os.environ, "PYTHONPATH": paths, **environment}
        self.driver = None

    def start(self):
        with (self.folder.parent / f"{self.folder.name}.log").open("a") as log:
            self.driver = subprocess.Popen(
                self._command, cwd=ROOT, env=self._environment,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def end(self):
        """Wait for the driver's end, which must be a good one."""
        assert self.driver.wait(LIMIT_S * 5) == 0, self.said()

    def said(self):
        return (self.folder.parent / f"{self.folder.name}.log").read_text()[-2000:]

    def events(self):
        """What the log holds, while somebody else writes it."""
        with contextlib.suppress(FileNotFoundError, hpo.JournalError):
            return [entry.item for entry in hpo.read_journal(self.folder / "study.db")[1]]
        return []

    def curves(self):
        """By trial, {epoch: loss}; an epoch that is told twice is a fault."""
        curves = {}
        for event in self.events():
            if isinstance(event, hpo.Reported):
                curve = curves.setdefault(event.trial, {})
                assert event.epoch not in curve
                curve[event.epoch] = event.metrics["validation_loss"]
        return curves

    def workers(self):
        """The processes that train, wherever they were started: their output goes to the folder."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError, psutil.Error):
                output = os.readlink(f"/proc/{process.pid}/fd/1")
                if output.startswith(str(self.folder / "trials" / "workers")):
                    found.append(process)
        return found

    def kill(self, kind, chance):
        """Whether there was one to kill: the driver, a worker, or the Ray actor of a worker."""
        if kind == "driver":
            self.driver.send_signal(signal.SIGKILL)
            self.driver.wait()
            self.start()
            return True
        with contextlib.suppress(psutil.Error, IndexError):
            victim = chance.choice(self.workers())
            (victim.parent() if kind == "actor" else victim).kill()
            return True
        return False


def killed_through(study, kinds, kills, seed, further=lambda: None):
    """Play the study with so many kills, one to four epochs apart; how many of each kind there
    were. A worker is not killed twice running: a trial that takes three with it has failed.
    `further` is called in the middle."""
    chance, done, last = random.Random(seed), Counter(), None
    study.start()
    while done.total() < kills:
        wait_for_epochs(study, chance.randint(1, 4))
        time.sleep(0.1 * chance.random())
        kind = chance.choice([kind for kind in kinds if (kind, last) != ("worker", "worker")])
        assert study.driver.poll() is None, study.said()
        if study.kill(kind, chance):
            done[kind], last = done[kind] + 1, kind
        if done.total() == kills // 2:
            further()
            further = lambda: None  # noqa: E731
    study.end()
    return done


def wait_for_epochs(study, more):
    wanted = sum(map(len, study.curves().values())) + more
    until = time.monotonic() + LIMIT_S
    while sum(map(len, study.curves().values())) < wanted:
        assert time.monotonic() < until, f"no epoch in {LIMIT_S} s: {study.said()}"
        if study.driver.poll() is not None:
            return
        time.sleep(0.02)
