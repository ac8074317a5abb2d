"""What a trial is given, of which every executor is told alike."""

from dataclasses import dataclass

GB = 10**9


@dataclass(frozen=True)
class Resources:
    """What each process of a trial is given, and how many of them train it together.

    processes   that are one worker: a group, of which the first one speaks for all
    devices     accelerators, or a fraction of one that trials share; 0: as many as fall to it where
                this machine divides its own, and none of a cluster's
    cores       0: one, and nobody counts whether there are so many
    memory_gb   in GB, 0: nobody counts it

    Raises ValueError where there is no such thing.
    """

    processes: int = 1
    devices: float = 0.0
    cores: float = 0.0
    memory_gb: float = 0.0

    def __post_init__(self) -> None:
        if self.processes < 1 or self.processes != int(self.processes):
            raise ValueError(f"resources.processes = {self.processes}: one, or a group of several")
        for name in ("devices", "cores", "memory_gb"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"resources.{name} = {getattr(self, name)}: at least 0")
        if self.devices != int(self.devices) and (self.devices > 1 or self.processes > 1):
            raise ValueError(
                f"resources.devices = {self.devices}: a fraction is of one device, and of a trial "
                "that one process trains"
            )

    @property
    def threads(self) -> int:
        """That a process computes with."""
        return max(1, int(self.cores))


ALONE = Resources()  # a process, as trials have it where nothing is asked for
