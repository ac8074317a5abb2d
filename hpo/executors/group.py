"""Several processes that train one trial together: to the pool, one worker.

All are told the same, and the first one speaks for all of them; where it is to be reached the
others hear from it. Each needs the others in every step, so that one which is lost is all of them
lost. One that fails where the others may not have is waited for: in most cases another is dead, and
the trial has done nothing wrong.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.core.types import Completed, Failed, Job
from hpo.executors.pool import Worker

VERDICT_S = 60.0  # in which a lost process, or its machine, is found out by others than its peers

Message = Mapping[str, Any]


class Group:
    """Members, of which the first has its setup and the others wait for theirs: `setup_of` each.
    `release()` gives back what was reserved for them.

    It dies by its first loss, by a job that failed, and by one that is cancelled: members end a
    job at different instants, and would wait for each other for ever.
    """

    def __init__(
        self,
        members: Sequence[Worker],
        setup_of: Callable[[int], Message],
        release: Callable[[], None] = lambda: None,
    ):
        self.members, self._setup_of, self._release = members, setup_of, release
        self.ready, self.attempt, self.heard, self.cancelled, self.slot = False, 0, 0.0, False, 0
        self.job: Job | None = None
        self._introduced = False
        self._ready: set[int] = set()
        self._alive: set[int] = set()  # since the pool was told that all are
        self._failed: dict[int, Message] = {}  # what members ended their jobs, or themselves, with
        self._failed_at = 0.0
        self._completed: dict[int, Message] = {}  # who has done all that the job asks for
        self._lost: list[Worker] = []  # those that were found dead at once
        self._over = ""  # why it is, unless by a loss

    @property
    def sources(self) -> list[Any]:
        """Those of all members; what has ended would always have something."""
        return [source for member in self.members if not member.dead for source in member.sources]

    @property
    def accepts(self) -> bool:
        """Before, its members are told where the first one is."""
        return self.ready

    @property
    def dead(self) -> bool:
        return bool(self._over) or any(self._is_lost(p) for p in range(len(self.members)))

    @property
    def blameless(self) -> bool:
        """Who is lost with a machine may be the end of others."""
        return any(member.blameless for member in self._lost)

    @property
    def cause(self) -> str:
        """What it died of."""
        if not self._lost:
            return self._over
        lost = self._lost[0]
        return f"{lost.cause} of process {self.members.index(lost)} of {len(self.members)}"

    @property
    def log(self) -> Path:
        """Of the process that is lost, or of the first one."""
        return (self._lost or self.members)[0].log

    def send(self, message: Message) -> None:
        """Say something to all of them."""
        if "cancel" in message:
            self._over = "a cancelled job"
            return
        for member in self.members:
            member.send(message)

    def received(self) -> tuple[Sequence[Message], bool]:
        """What the first one has said, and what concerns all."""
        messages, ended = [], []
        for process, member in enumerate(self.members):
            said, closed = member.received()
            messages += [told for each in said for told in self._heard(process, each)]
            if (closed or member.dead) and not self._has_given_up(process):
                ended.append(member)
        self._lost = self._lost or ended
        if self._failed and not self._lost and self._is_decided():
            fatal = [each for each in self._failed.values() if "fatal" in each]
            messages.append((fatal or list(self._failed.values()))[0])
            self._over = "a failed job"
        return messages, bool(self._lost or self._over)

    def kill(self) -> None:
        """End all of them."""
        for member in self.members:
            member.kill()
        self._release()

    def _is_lost(self, process: int) -> bool:
        return self.members[process].dead and not self._has_given_up(process)

    def _has_given_up(self, process: int) -> bool:
        """Whether it said why it ends."""
        return "fatal" in self._failed.get(process, ())

    def _heard(self, process: int, message: Message) -> list[Message]:
        """What the pool is told of it."""
        self._alive.add(process)
        if "coordinator" in message:
            self._introduce(message["coordinator"])
        elif "ready" in message:
            self._ready.add(process)
            if len(self._ready) == len(self.members):
                return [message]
        elif "fatal" in message or _is(message, Failed):
            self._failed_at = self._failed_at or time.monotonic()
            self._failed[process] = message
        elif _is(message, Completed):
            self._completed[process] = message
            if len(self._completed) == len(self.members):  # none can fail any more
                done, self._completed = self._completed[0], {}
                return [done]
        elif process == 0 and "event" in message and not self._failed:
            return [message]
        if len(self._alive) < len(self.members):
            return []
        self._alive.clear()
        return [{"alive": True}]

    def _introduce(self, coordinator: str) -> None:
        self._introduced = True
        for process, member in enumerate(self.members[1:], 1):
            setup = self._setup_of(process)
            member.send({**setup, "group": {**setup["group"], "coordinator": coordinator}})

    def _is_decided(self) -> bool:
        """Whether all have failed that have anything to do, or nobody is known to be lost after a
        while."""
        waited = time.monotonic() - self._failed_at > VERDICT_S
        over = {*self._failed, *self._completed}
        return waited or len(over) == (len(self.members) if self._introduced else 1)


def _is(message: Message, kind: type) -> bool:
    return bool(message.get("event", {}).get("kind") == kind.__name__)
