"""The Delphes dataset: right files become TFDS, hostile ones do nothing at all."""

import bz2
import os
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest

from datasets.builders import delphes
from datasets.builders.records import DatasetError
from datasets.storage import pickles
from datasets.storage.pickles import PickleError

PROTOCOLS = (2, 3, 4, 5)
CHARGE, PT, ETA, SIN, COS, ENERGY = range(1, 7)


def content(counts=(5, 0, 3), seed=0, dtype=np.float64):
    """What a file holds: neutral candidates have no pt, charged ones no energy."""
    rng = np.random.default_rng(seed)
    events = [one_event(rng, count) for count in counts]
    return {
        name: [event[name].astype(dtype) for event in events] for name in ("X", "ygen", "ycand")
    }


def one_event(rng, rows):
    X = rng.normal(size=(rows, 12))
    X[:, 0] = rng.integers(1, 3, rows)
    y = {}
    for name in ("ygen", "ycand"):
        phi, eta, pt = rng.uniform(-3, 3, rows), rng.uniform(-2, 2, rows), rng.exponential(9, rows)
        kind = rng.integers(0, 8, rows)
        charge = rng.integers(-1, 2, rows)
        y[name] = np.stack(
            [kind, charge, pt, eta, np.sin(phi), np.cos(phi), pt * np.cosh(eta)], axis=1
        )
        y[name][kind == 0] = 0
    missing = np.where(y["ycand"][:, CHARGE] == 0, PT, ENERGY)
    y["ycand"][np.arange(rows), missing] = 0
    return {"X": X, **y}


@pytest.fixture
def write(tmp_path):
    def save(data, name="file.pkl.bz2", protocol=4):
        raw = data if isinstance(data, bytes) else pickle.dumps(data, protocol)
        path = tmp_path / name
        path.write_bytes(bz2.compress(raw))
        return path

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


class Reduced:
    """Pickles as a call."""

    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


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


def changed(change):
    data = content()
    change(data)
    return data


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("ygen"), "no dict with lists"),
        (lambda d: d.update(X=3), "no dict with lists"),
        (lambda d: d["X"].pop(), "unequal or no numbers of events"),
        (lambda d: [v.clear() for v in d.values()], "unequal or no numbers of events"),
        (lambda d: d["X"].__setitem__(2, np.ones((3, 11))), "event 2: X is (3, 11), expected 12"),
        (lambda d: d["ygen"].__setitem__(2, np.ones((3, 8))), "event 2: ygen is (3, 8)"),
        (lambda d: d["ycand"].__setitem__(0, np.ones(35)), "event 0: ycand is (35,)"),
        (lambda d: d["ycand"].__setitem__(0, 7), "event 0: ycand is int"),
        (lambda d: d["ycand"].__setitem__(0, np.ones((4, 7))), "event 0: ycand has 4 rows"),
        (lambda d: d["X"][2].__setitem__((1, 4), np.nan), "event 2: X is not finite"),
        (lambda d: d["ycand"][0].__setitem__((1, 4), np.inf), "event 0: ycand is not finite"),
        (lambda d: d["X"][0].__setitem__((1, 0), 3), "event 0: an element is neither"),
        (lambda d: d["ygen"][0].__setitem__((1, 0), 8), "event 0: a particle has an unknown"),
    ],
)
def test_other_contents_are_refused(write, change, words):
    path = write(changed(change))
    with pytest.raises(DatasetError) as error:
        delphes.read(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_an_array_many_times_is_no_dataset(write, monkeypatch):
    monkeypatch.setattr(pickles, "MAX_BYTES", 1_000_000)
    one = {name: arrays[0] for name, arrays in content((500,)).items()}
    path = write({name: [array] * 200 for name, array in one.items()})
    with pytest.raises(DatasetError, match="more than 1000000"):
        delphes.read(path)


def test_candidates_get_what_delphes_leaves_out(write):
    ygen, ycand = delphes.with_jets(delphes.read(write(content((400,)))))
    kind, charge = ycand[:, 0], ycand[:, CHARGE]
    assert np.allclose(ycand[:, ENERGY], ycand[:, PT] * np.cosh(ycand[:, ETA]), rtol=1e-5)
    for chosen in (charge == 0, charge != 0):
        assert (ycand[chosen & (kind > 0)][:, [PT, ENERGY]] > 0).all()
    assert not ycand[kind == 0, :7].any()
    assert ygen.shape == ycand.shape == (400, 8)


def test_jets_are_anti_kt_of_the_generated_particles(write):
    """Against FastJet on one event at a time."""
    import fastjet

    events = delphes.read(write(content((60, 0, 90, 1), seed=3)))
    ygen, ycand = delphes.with_jets(events)
    assert np.array_equal(ygen[:, 7], ycand[:, 7])
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.4)
    for first, last in zip(events.offsets, events.offsets[1:], strict=False):
        y = ygen[first:last].astype(float)
        inputs = []
        for row in np.flatnonzero(y[:, 0]):
            pt = y[row, PT]
            jet = fastjet.PseudoJet(
                pt * y[row, COS], pt * y[row, SIN], pt * np.sinh(y[row, ETA]), y[row, ENERGY]
            )
            jet.set_user_index(int(row))
            inputs.append(jet)
        expected = np.zeros(len(y))
        if inputs:
            sequence = fastjet.ClusterSequence(inputs, definition)
            found = sorted(sequence.inclusive_jets(5.0), key=lambda jet: -jet.pt())
            for number, jet in enumerate(found):
                expected[[c.user_index() for c in jet.constituents()]] = number + 1
        assert np.array_equal(y[:, 7], expected)
    assert ygen[:, 7].max() > 3


def test_files_become_a_dataset(tmp_path, write):
    import tensorflow_datasets as tfds

    wrote = [content(seed=seed) for seed in range(6)]
    files = [write(data, f"{i}.pkl.bz2") for i, data in enumerate(wrote)]
    done = []
    folder = delphes.build(tmp_path / "data", "qcd", files[::-1], done.append)
    assert folder == tmp_path / "data" / "delphes_qcd_pf" / "1.2.0"
    assert done == [1, 2, 3, 4, 5, 6]
    builder = tfds.builder_from_directory(folder)
    assert builder.info.metadata["x_features"] == list(delphes.X_FEATURES)
    for split, chosen in (("train", wrote[:4]), ("test", wrote[4:])):  # 80% of 6 files are 4
        source = builder.as_data_source(split)
        events = [
            (X, ygen) for data in chosen for X, ygen in zip(data["X"], data["ygen"], strict=True)
        ]
        assert len(source) == len(events)
        for (X, ygen), event in zip(events, source, strict=True):
            assert np.array_equal(event["X"], X.astype(np.float32))
            assert np.array_equal(event["ygen"][:, :7], ygen.astype(np.float32))
            assert event["ycand"].shape == (len(X), 8)


def test_nothing_is_left_of_a_dataset_with_a_bad_file(tmp_path, write):
    files = [write(content(), f"{i}.pkl.bz2") for i in range(4)]
    files.append(write(Reduced(os.getcwd, ()), "9.pkl.bz2"))
    with pytest.raises(PickleError, match=r"9\.pkl\.bz2 is refused: it asks for posix\.getcwd"):
        delphes.build(tmp_path / "data", "ttbar", files)
    assert not list((tmp_path / "data" / "delphes_ttbar_pf").iterdir())
    with pytest.raises(DatasetError, match="cannot be split"):
        delphes.build(tmp_path / "data", "ttbar", files[:1])
    with pytest.raises(DatasetError, match="unknown process 'zz'"):
        delphes.build(tmp_path / "data", "zz", files)
