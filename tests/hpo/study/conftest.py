import pytest

from hpo.study.journal import Entry
from hpo.study.run import Unrecorded


class Memory(Unrecorded):
    """A log that the disk does not slow down; a second lies between two rows."""

    def __init__(self, entries=()):
        self.kept = list(entries)

    def entries(self):
        return list(self.kept)

    def append(self, items):
        for item in items:
            self.kept.append(Entry(float(len(self.kept)), item))


@pytest.fixture(scope="session")
def memory():
    """Makes a log in memory."""
    return Memory
