"""The log of a study that has no folder."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.core.types import Event, Job
from hpo.study.journal import NOBODY, Entry, Workers, told_by


class Memory:
    """A log as long as somebody holds it; it can be pickled, and shown as one in a file."""

    def __init__(self) -> None:
        self._header: dict[str, Any] = {}
        self._entries: list[Entry] = []
        self._workers: dict[int, int] = {}

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

    def workers(self) -> dict[int, int]:
        """Who told the entry of a row, counted from 0, where that is known."""
        return dict(self._workers)

    def append(self, items: Sequence[Job | Event], workers: Workers = NOBODY) -> None:
        """Keep jobs and events, and who had the trials."""
        now = time.time()
        self._workers |= told_by(items, workers, len(self._entries))
        self._entries += [Entry(now, item) for item in items]
