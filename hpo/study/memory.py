"""The log of a study that has no folder."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.types import Event, Job
from hpo.study.journal import Entry


class Memory:
    """A log as long as somebody holds it; it can be pickled, and shown as one in a file."""

    def __init__(self) -> None:
        self._header: dict[str, Any] = {}
        self._entries: list[Entry] = []

    def header(self) -> Mapping[str, Any]:
        """What `begin` was told; empty before."""
        return self._header

    def begin(
        self, settings: Mapping[str, Any], seed: int, executor: Mapping[str, Any] | None = None
    ) -> None:
        """The study is this one."""
        self._header = {"settings": settings, "seed": seed, "executor": executor}

    def entries(self) -> list[Entry]:
        """Everything that was told, in order."""
        return list(self._entries)

    def append(self, items: Sequence[Job | Event]) -> None:
        """Keep jobs and events."""
        now = time.time()
        self._entries += [Entry(now, item) for item in items]
