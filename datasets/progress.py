"""How far long work is: a value that the caller passes in. Nobody is told unless it is given."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

Update = Callable[..., None]
"""(done so far, note="")"""
Progress = Callable[[str, int, str], AbstractContextManager[Update]]
"""(what, total, unit): entered where a stage of the work begins, left where it ends."""


@contextmanager
def silent(what: str, total: int, unit: str) -> Iterator[Update]:
    """Tells nobody."""
    yield lambda done, note="": None
