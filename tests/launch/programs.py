"""What the tests of several programs share."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def refused(done, *words: str) -> None:
    """The run ended with one line of error that has all the words."""
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr
