"""Places that nobody may write to."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DAC_OVERRIDE = 1 << 1  # of Linux's capabilities: what lets root write everywhere
VERSION = 0x20080522
Words = ctypes.c_uint32 * 6  # effective, permitted, inheritable; and again for the upper half


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Nothing can be written below these folders by this thread in the block, root or not."""
    below = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    modes = [(path, path.stat().st_mode) for path in below]
    for path, mode in modes:
        path.chmod(mode & ~0o222)
    try:
        with _without(DAC_OVERRIDE) if os.geteuid() == 0 else _as_it_is():
            yield
    finally:
        for path, mode in modes:
            path.chmod(mode)


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _without(capability: int) -> Iterator[None]:
    libc, header, words = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(VERSION, 0), Words()
    assert libc.capget(header, words) == 0
    before = words[0]
    words[0] = before & ~capability
    assert libc.capset(header, words) == 0
    try:
        yield
    finally:
        words[0] = before
        assert libc.capset(header, words) == 0
