"""A pytest plugin: which tests enter which functions, and later those tests alone, the quick first.

A test counts for a function only where it runs it: what JAX or a cache keeps is dropped after each
test. What a test starts in other processes is not seen.
"""

import json
import os
import resource
import sys
import threading
import time
from pathlib import Path

import hypothesis
import pytest

RECORD, ONLY = "MUTANTS_RECORD", "MUTANTS_ONLY"  # paths: to write the record to; of chosen tests
SECONDS = "MUTANTS_SECONDS"  # of the processor, after which the process is ended

hypothesis.settings.register_profile(
    "mutants",
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)


class Recorder:
    """Writes {test: {"seconds", "entered": ["path:line" of functions], "passed"}}."""

    def __init__(self, path: str):
        self._path, self._root = Path(path), f"{os.getcwd()}/"
        self._tests: dict[str, dict] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        entered: set[tuple[str, int]] = set()

        def trace(frame, event, argument):
            code = frame.f_code
            entered.add((code.co_filename, code.co_firstlineno))

        begun = time.process_time()
        threading.settrace(trace)
        sys.settrace(trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            threading.settrace(None)
            seconds = time.process_time() - begun
            ours = (f"{f[len(self._root) :]}:{n}" for f, n in entered if f.startswith(self._root))
            passed = item.nodeid not in self._failed
            record = {"seconds": seconds, "entered": sorted(ours), "passed": passed}
            self._tests[item.nodeid] = record
            _forget()

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self):
        self._path.write_text(json.dumps(self._tests))


class Chosen:
    """Only the tests of a list, in its order."""

    def __init__(self, path: str):
        self._places = {test: i for i, test in enumerate(json.loads(Path(path).read_text()))}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = sorted(
            (item for item in items if item.nodeid in self._places),
            key=lambda item: self._places[item.nodeid],
        )


def pytest_configure(config):
    if os.environ.get(SECONDS):
        soft = int(os.environ[SECONDS])
        resource.setrlimit(resource.RLIMIT_CPU, (soft, soft + 5))
    if os.environ.get(RECORD):
        config.pluginmanager.register(Recorder(os.environ[RECORD]))
    if os.environ.get(ONLY):
        config.pluginmanager.register(Chosen(os.environ[ONLY]))


def _forget() -> None:
    """Empty the caches of JAX and of our modules."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    for name, module in list(sys.modules.items()):
        if name.split(".")[0] in ("hpo", "qsvr", "mlpf_jax"):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()
