"""Programs as `python -m launch.<verb>` runs them, without importing JAX anew for each.

A process that has imported what most programs need, and has done nothing else, forks once for every
program: a process of its own, with its own flags, output and exit status.
"""

import contextlib
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

READY = "ready"
IMPORTED = ("flax.linen", "ml_collections.config_flags", "optax", "sklearn.svm")


class Forks:
    """The process that forks. `close` ends it."""

    def __init__(self, folder: Path):
        self._server = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__], cwd=folder, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._server.stdout.readline().strip() == READY

    def run(self, module: str, *arguments: str, limit_s: float) -> subprocess.CompletedProcess:
        """A program until its end. Raises TimeoutExpired where it takes longer."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            files = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
            self._server.stdin.write(json.dumps([module, arguments, files, limit_s]) + "\n")
            self._server.stdin.flush()
            code = json.loads(self._server.stdout.readline())
            if code is None:
                raise subprocess.TimeoutExpired([module, *arguments], limit_s)
            texts = [file.seek(0) or file.read() for file in (out, err)]
        return subprocess.CompletedProcess([module, *arguments], code, *texts)

    def close(self) -> None:
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(30)


def serve() -> None:
    """One line of JSON in, the exit status out, until nobody asks."""
    sys.path[0] = os.getcwd()  # as `python -m` does
    for name in IMPORTED:
        importlib.import_module(name)
    print(READY, flush=True)
    for line in sys.stdin:
        module, arguments, files, limit_s = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_status_of(module, arguments, files))
        print(json.dumps(_ended(child, limit_s)), flush=True)


def _status_of(module: str, arguments: list[str], files: list[str]) -> int:
    """Runs the program in this process, which is no other's."""
    for descriptor, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    return code


def _ended(child: int, limit_s: float) -> int | None:
    """The exit status, as subprocess gives it; None: killed, for it took too long."""
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    _, status = os.waitpid(child, 0)
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    return os.waitstatus_to_exitcode(status) if left else None


if __name__ == "__main__":
    serve()
