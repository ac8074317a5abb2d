"""Objectives whose processes need each other in every epoch, as those of a training do: real
sockets, no JAX."""

import os
import signal
import socket
import struct
import time
from pathlib import Path

MEET_S = 30.0


class Peers:
    """One of several processes, which add up numbers: each sends its own to the first one, which
    sends back the sum."""

    def __init__(self, coordinator, processes, process):
        host, port = coordinator.split(":")
        self.process, self._number = process, struct.Struct("d")
        if process == 0:
            with socket.create_server((host, int(port))) as server:
                server.settimeout(MEET_S)
                self._others = [server.accept()[0] for _ in range(processes - 1)]
        else:
            self._others = [self._reach(host, int(port))]
        for each in self._others:
            each.settimeout(None)

    def _reach(self, host, port):
        until = time.monotonic() + MEET_S
        while True:
            try:
                return socket.create_connection((host, port))
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.01)

    def sum(self, own):
        """Raises OSError where one of the others is gone."""
        if self.process:
            self._say(self._others[0], own)
            return self._hear(self._others[0])
        total = own + sum(map(self._hear, self._others))
        for each in self._others:
            self._say(each, total)
        return total

    def leave(self):
        """The others notice."""
        for each in self._others:
            each.close()

    def _say(self, other, number):
        other.sendall(self._number.pack(number))

    def _hear(self, other):
        if data := other.recv(self._number.size, socket.MSG_WAITALL):
            return self._number.unpack(data)[0]
        raise ConnectionError("another process is gone")


def together(settings):
    """Each process has its part of what one alone would add up. Loss after an epoch: the state, in
    the trial's folder, which the first one writes before it is told. Trouble of a trial, by its
    number, comes once: "K dies", "K leaves" (and dies later), "K stops", "K fails" or "K falters"
    (behind its last epoch), where K is the process."""
    group = settings.get("group", {"process": 0, "processes": 1})
    peers = Peers(**group) if "coordinator" in group else None
    process, processes = group["process"], group["processes"]
    (Path(settings["folder"]) / f"met-{processes}-{process}-{os.getpid()}").touch()
    parts = range(process, 12, processes)

    def objective(trial):
        trouble = settings.get("trouble", {}).get(str(trial.number), "")
        for epoch in range(trial.first_epoch, trial.last_epoch):
            mine = trouble.startswith(f"{process} ")
            if epoch == 2 and mine and "falters" not in trouble:
                _suffer(trouble.split()[1], trial.folder / "suffered", peers)
            time.sleep(settings.get("epoch_seconds", 0.0))
            own = float(sum((part + 1) * trial.configuration["x"] for part in parts))
            before = trial.folder / f"{epoch}.txt"
            step = peers.sum(own) if peers else own
            state = (float(before.read_text()) if epoch else 0.0) + step
            if process == 0:
                partial = trial.folder / "partial"
                partial.write_text(repr(state))
                partial.rename(trial.folder / f"{epoch + 1}.txt")
            if peers:
                peers.sum(0.0)  # the state is written
            yield {"loss": state if process == 0 else -1.0}
        if trouble == f"{process} falters":
            time.sleep(0.5)  # the first process has told its last epoch
            raise ValueError("behind its last epoch")

    return objective


together.in_groups = True


def alone(settings):
    """One that knows nothing of groups."""
    return together({**settings, "group": {"process": 0, "processes": 1}})


def _suffer(trouble, mark, peers):
    if trouble == "fails":
        raise ValueError("this trial cannot be")
    if mark.exists():
        return
    mark.touch()
    if trouble == "leaves":
        peers.leave()
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGSTOP if trouble == "stops" else signal.SIGKILL)


def dies_unready(settings):
    """In the slots that are named, which a worker's log tells."""
    log = Path(os.readlink("/proc/self/fd/1")).name
    with (Path(settings["folder"]) / "started").open("a") as file:
        file.write(log + "\n")
    if log in settings["logs"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return together({**settings, "group": {"process": 0, "processes": 1}})
