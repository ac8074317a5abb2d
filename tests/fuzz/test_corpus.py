"""What once broke a reader is read, or refused in one line that names the file."""

import pytest

from tests.fuzz.catalogue import all_readers
from tests.fuzz.corpus import content, kept
from tests.fuzz.reader import Reader, judged
from tests.soaked import soaked

SLOW = ("checkpoint", "edm4hep", "model")
READERS = all_readers()


def cases():
    for path in kept():
        marks = (pytest.mark.soak,) if path.parent.name in SLOW else ()
        yield pytest.param(path, id=f"{path.parent.name}: {path.stem}", marks=marks)


@pytest.mark.parametrize("path", list(cases()))
def test_what_broke_a_reader_is_refused_now(path, tmp_path):
    assert judged(READERS[path.parent.name], content(path), tmp_path) is None


@pytest.mark.parametrize("name", [*[n for n in READERS if n not in SLOW], *soaked(*SLOW)])
def test_sound_inputs_are_read(name, tmp_path):
    for seed in READERS[name].seeds()[:3]:
        READERS[name].read(seed, tmp_path)


def test_sound_values_come_to_be_checked(tmp_path, monkeypatch):
    """They are not refused as flags, which would end a reader silently."""
    seen = []
    monkeypatch.setattr("launch.shell.checks.checked", seen.append)
    for seed in READERS["config_values"].seeds():
        READERS["config_values"].read(seed, tmp_path)
    assert len(seen) == len(READERS["config_values"].seeds())


def refusing(error: Exception) -> Reader:
    def read(data, folder):
        raise error

    return Reader("none", lambda: [b""], read, (ValueError,))


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (KeyError("x"), "not the project's own"),
        (ValueError("no"), "not raised by the project"),
    ],
)
def test_what_a_reader_must_not_do_is_found(error, fault, tmp_path):
    found = judged(refusing(error), b"", tmp_path)
    assert fault in found.what
