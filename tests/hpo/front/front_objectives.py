"""Objectives as outsiders write them, for this process and for workers."""

import itertools
import os
import re
import sys
import time


def curve(params, epoch):
    return (params["x"] - 0.3) ** 2 + 1 / epoch


def yielding(trial):
    for epoch in trial.epochs:
        yield {"loss": curve(trial.params, epoch), "size": trial.params["x"]}


def saving(trial):
    """Counts its epochs in its state alone, and writes down each that it trains."""
    state = trial.load() or {"epoch": 0}
    for _ in trial.epochs:
        state["epoch"] += 1
        with (trial.folder / "trained").open("a") as file:
            file.write(f"{state['epoch']}\n")
        trial.save(state)
        yield {"loss": curve(trial.params, state["epoch"])}


def reporting(trial):
    """A loop of its own that ends when it is told."""
    state = trial.load() or {"epoch": 0}
    while True:
        state["epoch"] += 1
        trial.save(state)
        if not trial.report(loss=curve(trial.params, state["epoch"])):
            return


def saving_late(trial):
    """Saves behind the `yield`, also behind the last one."""
    state = trial.load() or {"epoch": 0}
    for _ in trial.epochs:
        state["epoch"] += 1
        yield {"loss": curve(trial.params, state["epoch"])}
        trial.save(state)


def saving_seldom(trial):
    """Saves every third epoch: those since are made again."""
    state = trial.load() or {"epoch": 0}
    for epoch in trial.epochs:
        state["epoch"] += 1
        if epoch % 3 == 0:
            trial.save(state)
        yield {"loss": curve(trial.params, state["epoch"])}


def forgetful(trial):
    """Begins anew whenever it is called, though it counts as it should."""
    for done, _ in enumerate(trial.epochs):
        yield {"loss": trial.params["x"] + 10 / (done + 1)}


def from_the_start(trial):
    """Trains from epoch 1 to the last, whatever was done."""
    for epoch in range(1, trial.last_epoch + 1):
        yield {"loss": trial.params["x"] + 10 / epoch}


def from_the_start_by_reports(trial):
    for epoch in range(1, trial.last_epoch + 1):
        trial.report(loss=trial.params["x"] + 10 / epoch)


def slow(trial):
    for metrics in saving(trial):
        time.sleep(0.01)
        yield metrics


def _never_returns(text="a" * 64 + "b"):
    return re.match("(a+)+$", text)  # holds the interpreter's lock


def _returns_twice():
    child = os.fork()
    if child:
        os.waitpid(child, 0)  # by then it has come back, too


def _raises():
    raise RuntimeError("two lines\nof trouble, and much of it " + "x" * 100_000)


ACTS = {
    "raises": _raises,
    "exits": lambda: sys.exit(3),
    "dies": lambda: os._exit(3),
    "hangs": lambda: time.sleep(600),
    "hangs in C": _never_returns,
    "forks": _returns_twice,
    "prints": lambda: print("x" * 5_000_000),
}
VALUES = {
    "is nan": {"loss": float("nan")},
    "is text": {"loss": "much"},
    "is nothing": {"loss": None},
    "another metric": {"accuracy": 1.0},
    "no mapping": [1.0],
}


def troublesome(trial, trouble):
    """Trial 1 has the trouble in its second epoch."""
    for epoch in trial.epochs:
        here = trial.number == 1 and epoch == 2
        if here and trouble in ACTS:
            ACTS[trouble]()
        if here and trouble == "ends early":
            return
        usual = {"loss": curve(trial.params, epoch)}
        yield VALUES.get(trouble, usual) if here else usual


def says_nothing(trial):
    return 3.0


def endless(trial):
    for epoch in itertools.count(trial.first_epoch + 1):
        trial.report(loss=curve(trial.params, epoch))


def failing_once(trial):
    """Every trial fails in its second epoch, the first time."""
    state = trial.load() or {"epoch": 0}
    for epoch in trial.epochs:
        failed = trial.folder / "failed"
        if epoch == 2 and not failed.exists():
            failed.touch()
            raise RuntimeError("a passing fault")
        state["epoch"] += 1
        trial.save(state)
        yield {"loss": curve(trial.params, state["epoch"])}
