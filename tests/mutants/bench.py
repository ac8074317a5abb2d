"""Copies of the tree, and the processes that run tests in them. The tree stays as it is."""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.mutants.covering import ONLY, RECORD, SECONDS
from tests.mutants.mutations import Mutation, mutated

KILLED, TIMED_OUT, SURVIVED, UNTESTED = "killed", "timed out", "survived", "not tested"
_ALL_OF_A_ROOM = 3600.0
_FACTOR = 4.0  # times what tests took without the mutation they may take with it
_CACHE_ALL = {
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
_OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "tests.mutants.covering", "--tb=short")
_OPTIONS += ("--hypothesis-profile=mutants",)
_NOTHING_FAILED = (0, 5)  # 5: of the chosen tests none is there any more
_WAITING = 10.0  # of real time for each second of the processor: for those that wait for ever


class BenchError(RuntimeError):
    """Tests cannot be run; the message says why, or holds what they printed."""


class Covered(NamedTuple):
    """A test that enters a function, and what it takes, in seconds of the processor."""

    test: str
    seconds: float


class Covering(NamedTuple):
    """By "path:line" of a function the tests that enter it, the quickest first; and those left
    out, because they fail without any mutation."""

    places: dict[str, list[Covered]]
    failing: tuple[str, ...]


class Bench:
    """`workers` copies of the tree at `root` in `folder`, each for one run at a time.

    `seconds` of the processor are given to every mutation, beside what its tests take without it.
    Leaving it as a context manager ends what runs.
    """

    def __init__(self, root: Path, folder: Path, workers: int, seconds: float = 30.0):
        self._seconds = seconds
        self._folder, self._pool = folder, ThreadPoolExecutor(workers)
        self._trees: queue.Queue[Path] = queue.Queue()
        self._running: set[subprocess.Popen] = set()
        self._over = threading.Event()
        if (root.parent / "shared").is_dir():  # curves and files that some tests read
            (folder / "shared").symlink_to(root.parent / "shared")
        self._shared = {"JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"), **_CACHE_ALL}
        for index in range(workers):
            tree = folder / f"tree-{index}"
            _copy(root, tree)
            self._trees.put(tree)

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in list(self._running):
            _kill(process)
        self._pool.shutdown()

    def covering(self, folder: str) -> Future[Covering]:
        """Which tests of the folder enter which functions. Its result raises BenchError."""
        return self._pool.submit(self._covering, folder)

    def judge(self, mutation: Mutation, tests: Sequence[Covered]) -> Future[str]:
        """Whether the tests notice the mutation: KILLED, TIMED_OUT, SURVIVED or UNTESTED."""
        return self._pool.submit(self._judge, mutation, tests)

    def _covering(self, folder: str) -> Covering:
        tree = self._trees.get()
        try:
            record = self._folder / f"{folder.replace('/', '-')}.json"
            code, output = self._pytest(tree, [folder], {RECORD: str(record)}, _ALL_OF_A_ROOM)
        finally:
            self._trees.put(tree)
        if code not in (0, 1):
            raise BenchError(f"{folder}: the tests do not run\n{output}")
        found: dict[str, list[Covered]] = {}
        tests = json.loads(record.read_text())
        for test, seen in sorted(tests.items(), key=lambda item: item[1]["seconds"]):
            for place in seen["entered"] if seen["passed"] else ():
                found.setdefault(place, []).append(Covered(test, seen["seconds"]))
        return Covering(found, tuple(test for test, seen in tests.items() if not seen["passed"]))

    def _judge(self, mutation: Mutation, tests: Sequence[Covered]) -> str:
        if not tests:
            return UNTESTED
        tree = self._trees.get()
        path = tree / mutation.path
        original, stamp = path.read_text(), path.stat().st_mtime
        try:
            path.write_text(mutated(original, mutation))
            os.utime(path, (stamp + 10, stamp + 10))  # older byte code is not taken for its own
            chosen = tree.with_suffix(".json")
            chosen.write_text(json.dumps([test.test for test in tests]))
            files = sorted({test.test.split("::")[0] for test in tests})
            limit = self._seconds + _FACTOR * sum(test.seconds for test in tests)
            variables = {ONLY: str(chosen), "PYTHONDONTWRITEBYTECODE": "1"}
            code, _ = self._pytest(tree, ["-x", *files], variables, limit)
        finally:
            path.write_text(original)
            os.utime(path, (stamp, stamp))
            self._trees.put(tree)
        if code in (None, -signal.SIGXCPU, -signal.SIGKILL):
            return TIMED_OUT
        return SURVIVED if code in _NOTHING_FAILED else KILLED

    def _pytest(
        self, tree: Path, arguments: Sequence[str], variables: Mapping[str, str], seconds: float
    ) -> tuple[int | None, str]:
        """The exit code, None where it waited for too long, and the end of the output."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *_OPTIONS, *arguments],
            cwd=tree,
            env={**os.environ, **self._shared, **variables, SECONDS: str(int(seconds) + 1)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # killable with whatever it has started
        )
        self._running.add(process)
        try:
            if self._over.is_set():
                raise BenchError("the run was stopped")
            output, _ = process.communicate(timeout=_WAITING * seconds)
            return process.returncode, output[-4000:]
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            _kill(process)
            self._running.discard(process)


def _copy(root: Path, tree: Path) -> None:
    """The tree without what is no part of it."""
    left = {entry.name for entry in root.iterdir() if entry.name.startswith(".")} | {"runs", "data"}

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {"__pycache__"} | (left if Path(folder) == root else set())

    shutil.copytree(root, tree, ignore=ignored)


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
