"""Records framed as tfrecord files have them, from the definitions alone."""

import struct


def bitwise_crc32c(data: bytes) -> int:
    """The definition: one bit after another."""
    register = 0xFFFFFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F63B78 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


def framed(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return (
        length
        + struct.pack("<I", masked(bitwise_crc32c(length)))
        + payload
        + struct.pack("<I", masked(bitwise_crc32c(payload)))
    )


def masked(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
