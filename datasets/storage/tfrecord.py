"""Records of tfrecord files, without TensorFlow.

A record is: length (8 bytes, little-endian), masked CRC-32C of those 8 bytes (4 bytes), payload,
masked CRC-32C of the payload (4 bytes). Source: tensorflow/core/lib/io/record_writer.h.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

MAX_BYTES = 1 << 30  # of a record: a length beyond it would be damage that its checksum missed
_GZIP = b"\x1f\x8b"
_HEADER, _FOOTER = struct.Struct("<QI"), struct.Struct("<I")


class TFRecordError(ValueError):
    """A file that is not an intact tfrecord file."""


def records(path: Path) -> Iterator[bytes]:
    """The payloads of a file, in order, one in memory at a time.

    Raises TFRecordError naming the file and the record, where it is compressed, cut short, or
    its checksums do not agree.
    """
    with path.open("rb") as file:
        if file.read(2) == _GZIP:
            raise TFRecordError(f"{path} is compressed with gzip; unpack it first (gunzip)")
        file.seek(0)
        number = 0
        while (payload := _record(file, f"{path}, record {number}")) is not None:
            yield payload
            number += 1


def masked_crc32c(data: bytes) -> int:
    """A checksum as tfrecord files store it: CRC-32C, rotated right by 15 bits, plus 0xA282EAD8."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _record(file: BinaryIO, where: str) -> bytes | None:
    header = file.read(_HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise TFRecordError(f"{where} is cut short")
    length, length_crc = _HEADER.unpack(header)
    if masked_crc32c(header[:8]) != length_crc:
        raise TFRecordError(f"{where}: the checksum of its length is wrong; the file is damaged")
    if length > MAX_BYTES:
        raise TFRecordError(f"{where} has {length} bytes, more than {MAX_BYTES}")
    payload, footer = file.read(length), file.read(_FOOTER.size)
    if len(payload) < length or len(footer) < _FOOTER.size:
        raise TFRecordError(f"{where} is cut short")
    if masked_crc32c(payload) != _FOOTER.unpack(footer)[0]:
        raise TFRecordError(f"{where}: its checksum is wrong; the file is damaged")
    return payload
