"""How an objective reaches a worker.

By name where it has one ("module:function"), else by value: cloudpickle takes functions of a
notebook or a script with what they refer to, lambdas and closures. What is pickled goes from this
process into its own workers through a pipe, and is never read from a file.
"""

import base64
import functools
import pickle
from collections.abc import Callable, Mapping
from typing import Any

from hpo.core.types import one_line
from hpo.executors.running import Objective
from hpo.executors.worker import load_factory
from hpo.front.objective import Terms, prepared

FACTORY = "hpo.front.reaching:make"


def found(objective: Callable[..., Any] | str) -> Callable[..., Any]:
    """The objective itself. Raises ValueError where a name leads nowhere, TypeError where it is
    nothing to call."""
    if isinstance(objective, str):
        return load_factory(objective)
    if not callable(objective):
        raise TypeError(
            f"the objective is {objective!r:.200}, nothing that can be called: give a function of "
            'a trial, or its name, "module:function"'
        )
    return objective


def packed(objective: Callable[..., Any] | str) -> dict[str, str]:
    """The objective as JSON. Raises ValueError that says how it can be made to reach a worker."""
    if isinstance(objective, str):
        found(objective)
        return {"named": objective}
    import cloudpickle

    try:
        pickled = cloudpickle.dumps(objective)
    except Exception as error:  # whatever the objects that it refers to raise
        raise ValueError(
            f"{_title(objective)} cannot reach a worker: {one_line(error)}. Make what cannot be "
            "pickled inside it, or write it in a module, where it is found by its name; or run it "
            "in this process: hpo.tune(workers=1)"
        ) from error
    return {"pickled": base64.b64encode(pickled).decode()}


def make(settings: Mapping[str, Any]) -> Objective:
    """The factory of the workers: the objective that was packed, on the study's terms."""
    work = settings["work"]
    objective: Callable[..., Any] = (
        load_factory(work["named"])
        if "named" in work
        else pickle.loads(base64.b64decode(work["pickled"]))
    )
    return prepared(objective, Terms(**settings["terms"]))


def _title(objective: Callable[..., Any]) -> str:
    while isinstance(objective, functools.partial):
        objective = objective.func
    return getattr(objective, "__qualname__", type(objective).__qualname__)
