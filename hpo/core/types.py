"""The words schedulers, executors and the study share: jobs, events and the `Scheduler` itself.

Every value here is frozen and round-trips through JSON (`to_json`, `from_json`), so that a study
can be written down as it happens and read back later.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hpo.core.secrets import without_secrets
from hpo.core.vector import Vector

Value = bool | int | float | str | None | tuple[Any, ...]
Configuration = Mapping[str, Value]
"""Hyperparameters by name; a name is the path of an ml_collections field, "train.learning_rate".
A tuple holds such values; JSON has lists in its place, which `from_json` turns back."""


@dataclass(frozen=True)
class Job:
    """Train `trial` on from `first_epoch` (the epochs already done) until `last_epoch` is done."""

    trial: int
    configuration: Configuration
    first_epoch: int
    last_epoch: int


@dataclass(frozen=True)
class Wait:
    """Nothing to start before a running job says more."""


@dataclass(frozen=True)
class Finished:
    """The study is over; `best` is its best trial, None where every trial failed."""

    best: int | None


@dataclass(frozen=True)
class Predict:
    """Predict the metric of `trials` at epoch `rung` from their curves up to `epoch`, by what the
    finished curves of `trained_on` teach. A scheduler asks it again until it is told."""

    rung: int
    epoch: int
    trained_on: tuple[int, ...]
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Propose:
    """Choose the configuration of the new trial `trial` from what is known so far. Asked where the
    searcher learns from results, and again until it is told."""

    trial: int


Action = Job | Predict | Propose | Wait | Finished


@dataclass(frozen=True)
class Reported:
    """Epoch number `epoch` (counted from 1) is done and checkpointed."""

    trial: int
    epoch: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Completed:
    """The trial's job is done: `epoch` is its last epoch."""

    trial: int
    epoch: int


@dataclass(frozen=True)
class Failed:
    """The trial is lost for good; `error` is one line."""

    trial: int
    error: str


@dataclass(frozen=True)
class WorkerLost:
    """The worker died; the trial can go on from its last reported epoch."""

    trial: int


@dataclass(frozen=True)
class Predicted:
    """The answer to `request`, one mean and spread (one standard deviation) for each trial."""

    request: Predict
    means: tuple[float, ...]
    spreads: tuple[float, ...]


@dataclass(frozen=True)
class Proposed:
    """The answer to `Propose`: trial `trial` is to be trained with `configuration`."""

    trial: int
    configuration: Configuration


MID_JOB = (Reported, Proposed)
"""Events of a trial after which its job goes on."""

TrialEvent = Reported | Completed | Failed | WorkerLost
Event = TrialEvent | Predicted | Proposed


class Scheduler(NamedTuple):
    """What to train next, as pure functions over a frozen state (compare `optax`).

    init(seed) -> State
    ask(state) -> (State, Job | Predict | Propose | Wait | Finished)   only a Job changes the state
    tell(state, event) -> State
    predict(state, Predict | Propose) -> Predicted | Proposed
                                             the one function that may take long or differ from
                                             call to call (an annealer) or from machine to machine
                                             (a model's fit); its answers are events, so that a
                                             replay need not compute them
    settings                                 JSON; two schedulers that may decide differently
                                             have different settings
    metric                                   the metric that events must report
    extend(state, reports) -> State          as `tell` of each report in turn, but faster
    open_trials(state) -> numbers            trials that may still be given a job; of all others
                                             that were begun none ever is, whatever is told
    """

    init: Callable[[int], Any]
    ask: Callable[[Any], tuple[Any, Action]]
    tell: Callable[[Any, Event], Any]
    predict: Callable[[Any, Predict | Propose], Predicted | Proposed]
    settings: Mapping[str, Any]
    metric: str
    extend: Callable[[Any, Sequence[Reported]], Any]
    open_trials: Callable[[Any], frozenset[int]]


@dataclass(frozen=True)
class Trial:
    """What an objective is given: train from `first_epoch` (done) until `last_epoch`.

    An objective is `objective(trial) -> Iterator[Mapping[str, float]]`, one mapping per epoch. It
    checkpoints in `folder` before it yields, and starts from the checkpoint of `first_epoch`. The
    folder can hold a later one, where a worker died between checkpointing and reporting.
    """

    number: int
    configuration: Configuration
    folder: Path
    first_epoch: int
    last_epoch: int
    seed: int


def to_json(value: Any) -> Any:
    """Frozen records, mappings and sequences as dicts, lists and plain values."""
    if dataclasses.is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "_fields"):
        return {name: to_json(item) for name, item in zip(value._fields, value, strict=True)}
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, tuple | list | Vector):
        return [to_json(item) for item in value]
    return value


_LONGEST = 2000  # characters of an error


def _frozen(value: Any) -> Any:
    """A value of a configuration: JSON's lists were tuples."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


_hints = functools.cache(typing.get_type_hints)


def from_json(kind: Any, plain: Any) -> Any:
    """The inverse of `to_json` for a record type, guided by its annotations."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in typing.get_args(kind) if option is not type(None)]
        return from_json(options[0], plain) if plain is not None and len(options) == 1 else plain
    if origin is Mapping:
        return {name: _frozen(item) for name, item in plain.items()}
    if origin in (tuple, Vector):
        return origin(from_json(typing.get_args(kind)[0], item) for item in plain)
    if dataclasses.is_dataclass(kind) or hasattr(kind, "_fields"):
        hints = _hints(kind)
        return kind(**{name: from_json(hints[name], item) for name, item in plain.items()})
    return plain


_EVENTS = {
    kind.__name__: kind for kind in (Reported, Completed, Failed, WorkerLost, Predicted, Proposed)
}


def event_to_json(event: Event) -> dict[str, Any]:
    """An event as a dict that names its kind."""
    return {"kind": type(event).__name__, **to_json(event)}


def event_from_json(plain: Mapping[str, Any]) -> Event:
    """The inverse of `event_to_json`. Raises KeyError or TypeError where it is no event."""
    fields = dict(plain)
    return from_json(_EVENTS[fields.pop("kind")], fields)


def one_line(error: BaseException) -> str:
    """An exception as one line, for `Failed`, without secrets of the environment; what UTF-8 does
    not have is spelt out, and what is longer than a line of a report can be is cut."""
    text = (
        " ".join(without_secrets(str(error)).split()).encode("utf-8", "backslashreplace").decode()
    )
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} ... ({len(text)} characters)"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
