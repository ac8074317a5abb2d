"""A user's objective as executors take it: `Trial -> Iterator[metrics]`, with what it must not do
noticed and named."""

import faulthandler
import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from hpo.core.types import Trial as Asked
from hpo.executors import running
from hpo.front import states
from hpo.front.loops import Forked, Objective, Plan, late, loop
from hpo.front.memory import begins_anew, remember, remembered
from hpo.front.trial import Trial

REPEATED = "epochs_repeated"
"""A metric of ours: epochs trained once more before this one, for want of their state."""

KEPT = 16  # runners of one process that wait for their trials to go on
_HUNG = "hung.txt"


@dataclass(frozen=True)
class Terms:
    """What a study wants of its objective.

    metric       a name, or weights by name
    max_epochs   the last epoch of any trial
    resumable    whether a trial goes on from its own state; else its runner is kept waiting
    timeout      s that an epoch may take, None for ever
    alone        whether the process is the objective's: it may be ended
    """

    metric: str | Mapping[str, float]
    max_epochs: int
    resumable: bool = True
    timeout: float | None = None
    alone: bool = False

    @property
    def name(self) -> str:
        """What the study optimises, as its log has it."""
        return name_of(self.metric)


def name_of(metric: str | Mapping[str, float]) -> str:
    """A metric's name, or that of a weighted sum."""
    if isinstance(metric, str):
        return metric
    return " + ".join(f"{weight:g} {name}" for name, weight in metric.items())


def prepared(objective: Objective, terms: Terms) -> running.Objective:
    """The objective, for an executor."""
    return _Resumable(objective, terms) if terms.resumable else _Waiting(objective, terms)


class _Resumable:
    """Every job is a call of the objective; it goes on from the state that its trial saved."""

    def __init__(self, objective: Objective, terms: Terms):
        self._objective, self._terms = objective, terms

    def __call__(self, asked: Asked) -> Iterator[Mapping[str, Any]]:
        try:
            yield from self._from(_saved(asked), asked)
        except states.NothingSaved:
            yield from self._from(0, asked)

    def _from(self, first: int, asked: Asked) -> Iterator[Mapping[str, Any]]:
        terms, before = self._terms, remembered(asked.folder)
        trial, said = loop(self._objective, asked, _plan(terms, first, asked.last_epoch))
        losses: list[float] = []
        for metrics in _fresh(_watched(said, asked, terms), asked, first, terms):
            losses.append(metrics[terms.name])
            if asked.first_epoch == first and begins_anew(before, losses, trial.resumed):
                raise ValueError(_anew(asked.first_epoch, len(losses), terms.name))
            if trial.reported >= asked.last_epoch:
                remember(asked.folder, losses)
            yield metrics


class _Waiting:
    """The objective is called once a trial and waits, in this process, between the trial's jobs.

    Where it does not wait here (another worker had the trial, or too many wait) it is called again
    from epoch 1; what it repeats is not reported, but counted.
    """

    def __init__(self, objective: Objective, terms: Terms):
        self._objective, self._terms = objective, terms
        self._kept: OrderedDict[int, tuple[Trial, Iterator[Any]]] = OrderedDict()

    def __call__(self, asked: Asked) -> Iterator[Mapping[str, Any]]:
        terms = self._terms
        kept = self._kept.pop(asked.number, None)
        if kept is None or kept[0].reported != asked.first_epoch or not asked.first_epoch:
            kept = loop(self._objective, asked, _plan(terms, 0, terms.max_epochs))
        trial, said = kept
        wanted = asked.last_epoch - trial.reported
        watched = _watched(said, asked, terms)
        ends = asked.last_epoch == terms.max_epochs
        yield from _fresh(
            watched if ends else islice(watched, wanted), asked, trial.reported, terms
        )
        if not ends:
            self._kept[asked.number] = kept
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _anew(first: int, epochs: int, metric: str) -> str:
    """What to say of an objective that began anew."""
    same = f"epoch {first + 1} has" if epochs == 1 else f"epochs from {first + 1} on have"
    return (
        f"{same} the {metric} of epoch 1 again: the objective starts anew whenever it is called. "
        "Begin with trial.load(), end each epoch with trial.save(state); or pass resumable=False "
        "to hpo.tune"
    )


def _plan(terms: Terms, first: int, last: int) -> Plan:
    """Where the process is not its own, an epoch that takes too long must run beside it."""
    return Plan(first, last, terms.max_epochs, None if terms.alone else terms.timeout)


def _saved(asked: Asked) -> int:
    """The epoch from which the trial can go on: the last whose state it saved, if it saves any."""
    saved = states.kept(asked.folder)
    if not saved or not asked.first_epoch:
        return asked.first_epoch
    first = max((epoch for epoch in saved if epoch <= asked.first_epoch), default=0)
    states.forget(asked.folder, [epoch for epoch in saved if epoch < first])
    return first


def _fresh(
    said: Iterator[Any], asked: Asked, first: int, terms: Terms
) -> Iterator[Mapping[str, Any]]:
    """The metrics of the epochs that were not reported before. Raises ValueError where they lack
    the metric."""
    for epoch, metrics in enumerate(said, first + 1):
        if epoch <= asked.first_epoch:
            continue
        found = _measured(metrics, epoch, terms)
        if epoch == asked.first_epoch + 1 and first < asked.first_epoch:
            found[REPEATED] = float(asked.first_epoch - first)
        yield found


def _measured(metrics: Any, epoch: int, terms: Terms) -> dict[str, Any]:
    """The metrics with the one that is optimised, which a lone number is."""
    if not isinstance(metrics, Mapping):
        metrics = {terms.name: metrics}
    found = {str(name): running.plain(value) for name, value in metrics.items()}
    weights = {terms.metric: 1.0} if isinstance(terms.metric, str) else terms.metric
    for name in weights:
        if name not in found:
            raise ValueError(
                f"epoch {epoch}: no metric {name!r} among {', '.join(found) or 'none'}: report it, "
                "or name another one in hpo.tune(metric=...)"
            )
        if isinstance(found[name], bool) or not isinstance(found[name], float):
            raise ValueError(f"epoch {epoch}: {name} is {str(found[name])[:200]!r}, not a number")
    if not isinstance(terms.metric, str):
        found[terms.name] = sum(weight * found[name] for name, weight in weights.items())
    return found


def _watched(said: Iterator[Any], asked: Asked, terms: Terms) -> Iterator[Any]:
    """What the objective says; where it hangs, or comes back twice, the trial fails."""
    forked = Forked(os.getpid(), asked.folder / "forked")
    seconds, word = terms.timeout if terms.alone else None, asked.folder / _HUNG
    _check_hung(word, seconds)
    with nullcontext(sys.stderr) if seconds is None else word.open("w") as file:
        while True:
            if seconds is not None:  # acts whatever the epoch does, and says where it hung
                faulthandler.dump_traceback_later(seconds, exit=True, file=file)
            try:
                metrics = next(said)
            except StopIteration:
                return
            finally:
                if seconds is not None:
                    faulthandler.cancel_dump_traceback_later()
                forked.check()
            yield metrics


def _check_hung(word: Path, seconds: float | None) -> None:
    """Raises TimeoutError where the process before this one was ended because the trial hung."""
    hung = word.read_text() if word.exists() else ""
    if not hung.startswith("Timeout"):
        return
    word.replace(word.with_name("hung-last.txt"))
    raise TimeoutError(f"{late(None, seconds or 0.0)}; it hung in {_place_of(hung)}")


def _place_of(hung: str) -> str:
    """Where the objective was when its process was ended: it has the main thread, or ours."""
    threads = [text for text in hung.split("Thread 0x") if "File " in text]
    own = [text for text in threads if "hpo/front/loops.py" in text and " in _run" in text]
    frames = [line.strip() for line in (own or threads)[-1].splitlines() if "File " in line]
    return frames[0].removeprefix("File ")
