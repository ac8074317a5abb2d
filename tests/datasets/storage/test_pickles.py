"""Pickles of arrays are read, hostile and damaged ones do nothing at all."""

import bz2
import os
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest

from datasets.storage import pickles
from datasets.storage.pickles import PickleError
from tests.datasets.builders.delphes_files import Reduced, content, write_pickle

PROTOCOLS = (2, 3, 4, 5)


@pytest.fixture
def write(tmp_path):
    def save(data, name="file.pkl.bz2", protocol=4):
        return write_pickle(tmp_path / name, data, protocol)

    return save


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f4"])
def test_arrays_come_back(write, protocol, dtype):
    wrote = content(dtype=dtype)
    wrote["X"][0] = np.asfortranarray(wrote["X"][0])
    back = pickles.load(write(wrote, protocol=protocol))
    assert back.keys() == wrote.keys()
    for name in wrote:
        for ours, theirs in zip(back[name], wrote[name], strict=True):
            assert ours.dtype == theirs.dtype
            assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_names_of_the_other_numpy(write, protocol):
    """numpy 1 and numpy 2 write the name of the same function differently."""
    wrote = content()
    raw = without_frames(pickle.dumps(wrote, protocol))
    old = raw
    for module in (b"multiarray", b"numeric"):
        for prefix in (b"\x8c", None):  # with a length before it, or a line
            long, short = b"numpy._core." + module, b"numpy.core." + module
            if prefix:
                long = prefix + bytes([len(long)]) + long
                short = prefix + bytes([len(short)]) + short
            old = old.replace(long, short)
    assert old != raw
    assert b"_core" not in old
    back = pickles.load(write(old))
    for name in wrote:
        assert all(map(np.array_equal, back[name], wrote[name]))


def without_frames(raw: bytes) -> bytes:
    """Frames only say how far to read ahead; without them parts can be exchanged."""
    frames = [position for opcode, _, position in pickletools.genops(raw) if opcode.name == "FRAME"]
    for position in reversed(frames):
        raw = raw[:position] + raw[position + 9 :]
    return raw


@pytest.fixture
def trap(tmp_path):
    """A command that leaves a mark, and whether it has."""
    marker = tmp_path / "marker"

    class Trap:
        command = f"touch {marker}"

        @staticmethod
        def sprung():
            return marker.exists()

    yield Trap
    assert not marker.exists()


class Instance:
    """Pickles as an instance made without a call."""


def hostile(trap):
    """Name of what must be refused -> (object to pickle, words of the message)."""
    system = Reduced(os.system, (trap.command,))
    evaluated = Reduced(eval, (f"__import__('os').system({trap.command!r})",))
    return {
        "system": (system, "posix.system"),
        "eval": (evaluated, "eval"),
        "exec": (Reduced(exec, ("x = 1",)), "exec"),
        "getattr": (Reduced(getattr, ("a", "b")), "getattr"),
        "load": (Reduced(np.load, ("file.npy",)), "numpy"),
        "fromfile": (Reduced(np.fromfile, ("/etc/passwd",)), "fromfile"),
        "in a list": ({"X": [system], "ygen": [], "ycand": []}, "posix.system"),
        "deep": ({"X": [[[({"a": system},)]]]}, "posix.system"),
        "beside": ({**content(), "extra": evaluated}, "eval"),
        "objects": ({"X": [np.array([system], object)]}, "'O8', which is no plain number"),
        "object array": ({"X": [np.array([1, "a"], object)]}, "'O8', which is no plain number"),
        "text array": ({"X": [np.array(["a"])]}, "'U1', which is no plain number"),
        "record array": ({"X": [np.zeros(2, [("a", "f8")])]}, "which is no plain number"),
        "set": ({"X": {1, 2}}, "instruction"),
        "float": ({"X": 1.5}, "instruction BINFLOAT"),
        "instance": ({"X": Instance()}, "instruction NEWOBJ"),
    }


NAMES = sorted(hostile(type("T", (), {"command": ""})))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_hostile_objects_do_nothing(write, trap, name, protocol):
    data, words = hostile(trap)[name]
    path = write(data, protocol=protocol)
    with pytest.raises(PickleError) as error:
        pickles.load(path)
    assert str(path) in str(error.value)
    assert "is refused" in str(error.value)
    if protocol >= 4 or name != "set":
        assert words in str(error.value)


def test_the_trap_is_one(write, trap, tmp_path):
    """The files of these tests do harm to who reads them with pickle."""
    pickle.loads(pickle.dumps(Reduced(os.system, (trap.command,))))
    assert trap.sprung()
    (tmp_path / "marker").unlink()


def unicode(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


DTYPE = unicode("numpy") + unicode("dtype") + b"\x93"
RECONSTRUCT = unicode("numpy._core.multiarray") + unicode("_reconstruct") + b"\x93"
NDARRAY = unicode("numpy") + unicode("ndarray") + b"\x93"
F8 = DTYPE + unicode("f8") + b"\x85R"
EMPTY = RECONSTRUCT + NDARRAY + b"K\x00\x85" + b"C\x01b\x87R"


def array(shape: bytes, data: bytes, dtype: bytes = F8) -> bytes:
    """An array of that shape (a pickled tuple) and content."""
    state = b"(K\x01" + shape + dtype + b"\x89C" + bytes([len(data)]) + data + b"t"
    return EMPTY + state + b"b"


CRAFTED = {
    "change a name": (DTYPE + b"}" + unicode("a") + b"K\x01sb", "a name that it would change"),
    "change defaults": (
        RECONSTRUCT + b"N}" + unicode("__defaults__") + b"K\x01\x85s\x86b",
        "a name that it would change",
    ),
    "too large a shape": (array(b"J\xff\xff\xff\x7f\x85", bytes(8)), "do not fit its shape"),
    "negative shape": (array(b"J\xff\xff\xff\xff\x85", b""), "strange contents"),
    "shape of text": (array(unicode("a") + b"\x85", b""), "strange contents"),
    "no type": (array(b"K\x01\x85", bytes(8), b"N"), "strange contents"),
    "told twice": (array(b"K\x01\x85", bytes(8)) + b"(K\x01K\x01NK\x00Ntb", "strange state"),
    "strange order": (array(b"K\x01\x85", bytes(8), F8 + b"(K\x03" + unicode("?") + b"NNNtb"),
                      "a type with a strange state"),
    "fields by state": (
        array(b"K\x01\x85", bytes(8), F8 + b"(K\x03" + unicode("<") + b"NK\x01Ntb"),
        "a type with a strange state",
    ),
    "codec": (
        unicode("_codecs") + unicode("encode") + b"\x93" + unicode("a") + unicode("zip") + b"\x86R",
        "strange encoding",
    ),
    "memo far away": (b"}r" + struct.pack("<I", 1 << 31), "out of order"),
    "persistent": (b"K\x01Q", "instruction BINPERSID"),
    "extension": (b"\x82\x01", "instruction EXT1"),
    "old class": (b"(ios\nsystem\n", "instruction INST"),
    "object of a class": (b"(" + DTYPE + b"o", "instruction OBJ"),
    "out of band": (b"\x97", "instruction NEXT_BUFFER"),
    "text number": (b"I1\n", "instruction INT"),
    "not called": (unicode("a") + b")R", "damaged"),
    "unknown memo": (b"h\x07", "damaged"),
    "empty stack": (b"R", "damaged"),
    "bytes that are not there": (b"\x8e" + struct.pack("<Q", 1 << 40), "damaged"),
    "a frame that is not there": (b"\x95" + struct.pack("<Q", 1 << 40), "damaged"),
    "unknown instruction": (b"\xff", "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CRAFTED))
def test_crafted_pickles_do_nothing(write, name):
    body, words = CRAFTED[name]
    path = write(b"\x80\x04" + body + b".")
    with pytest.raises(PickleError) as error:
        pickles.load(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_the_crafted_array_is_one_if_left_alone(write):
    raw = b"\x80\x04]" + array(b"K\x02\x85", np.arange(2.0).tobytes()) + b"a."
    (back,) = pickles.load(write(raw))
    assert np.array_equal(back, [0, 1])


def test_damaged_files_are_named(tmp_path):
    raw = pickle.dumps(content())
    packed = bz2.compress(raw)
    for name, data in {
        "truncated": packed[: len(packed) // 2],
        "no bz2": raw,
        "empty": b"",
        "cut pickle": bz2.compress(raw[:-40]),
        "flipped": packed[:60] + bytes([packed[60] ^ 1]) + packed[61:],
    }.items():
        path = tmp_path / f"{name}.pkl.bz2"
        path.write_bytes(data)
        with pytest.raises(PickleError, match=f"{name}.pkl.bz2 is damaged"):
            pickles.load(path)


def test_a_bomb_is_not_unpacked(write):
    path = write(bytes(50_000_000))
    assert path.stat().st_size < 1000
    tracemalloc.start()
    try:
        with pytest.raises(PickleError, match="more than 1000000 bytes"):
            pickles.load(path, max_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
