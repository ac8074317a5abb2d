"""tfrecord files: every damage is found and named."""

import gzip
import struct

import google_crc32c
import numpy as np
import pytest
from google_crc32c import python

from datasets.storage.tfrecord import TFRecordError, masked_crc32c, records
from tests.datasets.storage.framing import bitwise_crc32c, framed, masked

# The library falls back to the slow one, with a warning, where it has no extension for a machine.
either = pytest.mark.parametrize("crc32c", [google_crc32c.value, python.value], ids=["c", "python"])


@either
@pytest.mark.parametrize(
    ("data", "crc"),
    [  # RFC 3720, section B.4, and the check value of CRC catalogues
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_known_checksums(crc32c, data, crc):
    assert crc32c(data) == crc
    assert bitwise_crc32c(data) == crc


@either
def test_checksums_of_any_length(crc32c):
    rng = np.random.default_rng(0)
    for size in [*range(0, 300), 1023, 1024, 1025, 8191, 12345]:
        data = rng.bytes(size)
        assert crc32c(data) == bitwise_crc32c(data), size
        assert crc32c(bytes(64) + data) == bitwise_crc32c(bytes(64) + data), size


def test_a_masked_checksum_of_tensorflow():
    """The length 0, whose record TensorFlow writes as these sixteen bytes."""
    assert masked_crc32c(bytes(8)).to_bytes(4, "little").hex() == "29039807"
    assert framed(b"").hex() == "0000000000000000" + "29039807" + "d8ea82a2"


@pytest.fixture
def file(tmp_path):
    def write(content: bytes):
        path = tmp_path / "some.tfrecord-00000-of-00001"
        path.write_bytes(content)
        return path

    return write


PAYLOADS = [b"", b"a", bytes(1000), np.random.default_rng(1).bytes(70)]
WHOLE = b"".join(map(framed, PAYLOADS))


def test_records_come_back(file):
    assert list(records(file(WHOLE))) == PAYLOADS
    assert list(records(file(b""))) == []


def test_every_cut_is_found(file):
    ends = [0, *np.cumsum([len(framed(payload)) for payload in PAYLOADS])]
    for size in [*range(0, 60), *range(1000, len(WHOLE))]:
        path = file(WHOLE[:size])
        if size in ends:
            assert list(records(path)) == PAYLOADS[: ends.index(size)]
        else:
            with pytest.raises(TFRecordError, match=r"record \d is cut short"):
                list(records(path))


def test_every_flipped_byte_is_found(file):
    small = framed(b"abc") + framed(b"defgh")
    for place in range(len(small)):
        damaged = bytearray(small)
        damaged[place] ^= 0x10
        number = 0 if place < len(framed(b"abc")) else 1
        with pytest.raises(TFRecordError, match=f"record {number}") as error:
            list(records(file(bytes(damaged))))
        assert "checksum" in str(error.value)


def test_an_absurd_length_is_not_read(file):
    length = struct.pack("<Q", 1 << 60)
    content = length + struct.pack("<I", masked(bitwise_crc32c(length)))
    with pytest.raises(TFRecordError, match="more than"):
        list(records(file(content)))


def test_gzip_is_refused(file):
    with pytest.raises(TFRecordError, match="compressed with gzip"):
        list(records(file(gzip.compress(WHOLE))))
