"""CRC-32C (Castagnoli) of byte strings with numpy: there is no fast one among what is installed.

Polynomial 0x1EDC6F41, reflected: G. Castagnoli, S. Braeuer and M. Herrmann, IEEE Trans. Commun.
41 (1993) 883; test values in RFC 3720, section B.4.

The register is linear over GF(2) in the message. So blocks of bytes are done at once, each byte
by the table of its place, and neighbours are joined in a tree: crc(a b) is crc(a) moved on by the
length of b, xor crc(b). Leading zeros change nothing, which is how numbers are made even.
"""

from functools import lru_cache

import numpy as np
from jaxtyping import UInt8, UInt32

_POLYNOMIAL = np.uint32(0x82F63B78)  # 0x1EDC6F41, its bits reflected
_BLOCK = 64  # bytes


def crc32c(data: bytes | memoryview) -> int:
    """The checksum of the bytes."""
    size = len(data)
    if size < _BLOCK:
        return _short(data)
    padded = np.zeros(-(-size // _BLOCK) * _BLOCK, np.uint8)
    padded[-size:] = np.frombuffer(data, np.uint8)
    # The register starts as all ones: the same as from zero with the first four bytes inverted.
    first = len(padded) - size
    padded[first : first + 4] ^= 0xFF
    return int(_joined(_of_blocks(padded))) ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """As tfrecord files store checksums: rotated right by 15 bits, plus 0xA282EAD8."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _short(data: bytes | memoryview) -> int:
    table, register = _byte_list(), 0xFFFFFFFF
    for byte in bytes(data):
        register = table[(register ^ byte) & 0xFF] ^ register >> 8
    return register ^ 0xFFFFFFFF


def _of_blocks(data: UInt8[np.ndarray, " bytes"]) -> UInt32[np.ndarray, " blocks"]:
    tables, columns = _place_tables(), np.ascontiguousarray(data.reshape(-1, _BLOCK).T)
    crc = tables[0][columns[0]]
    for table, column in zip(tables[1:], columns[1:], strict=True):
        crc ^= table[column]
    return crc


def _joined(crc: UInt32[np.ndarray, " blocks"]) -> np.uint32:
    level = 0
    while len(crc) > 1:
        if len(crc) % 2:
            crc = np.concatenate([np.zeros(1, np.uint32), crc])
        crc = _move(_move_tables(level), crc[::2]) ^ crc[1::2]
        level += 1
    return crc[0]


def _move(tables: UInt32[np.ndarray, "4 256"], crc: UInt32[np.ndarray, " blocks"]) -> np.ndarray:
    """The registers after some zero bytes: a sum over the four bytes of each."""
    parts = np.ascontiguousarray(crc, "<u4").view(np.uint8).reshape(-1, 4)
    return (
        tables[0][parts[:, 0]]
        ^ tables[1][parts[:, 1]]
        ^ (tables[2][parts[:, 2]] ^ tables[3][parts[:, 3]])
    )


@lru_cache
def _byte_table() -> UInt32[np.ndarray, " 256"]:
    """The register after each byte, from zero."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ _POLYNOMIAL, table >> 1)
    return table


@lru_cache
def _byte_list() -> list[int]:
    return _byte_table().tolist()


@lru_cache
def _place_tables() -> UInt32[np.ndarray, "places 256"]:
    """The register after each byte and the zeros that follow in its block, by place in it."""
    tables = [_byte_table()]
    for _ in range(_BLOCK - 1):
        tables.append(_one_zero(tables[-1]))
    return np.stack(tables[::-1])


@lru_cache
def _move_tables(level: int) -> UInt32[np.ndarray, "4 256"]:
    """For each byte of a register, the register after 2**level blocks of zeros."""
    if level:
        half = _move_tables(level - 1)
        return _move(half, half.ravel()).reshape(4, 256)
    shifts = np.array([0, 8, 16, 24], np.uint32)[:, None]
    registers = np.arange(256, dtype=np.uint32) << shifts
    for _ in range(_BLOCK):
        registers = _one_zero(registers)
    return registers


def _one_zero(register: UInt32[np.ndarray, "*any"]) -> UInt32[np.ndarray, "*any"]:
    return _byte_table()[register & 0xFF] ^ register >> 8
