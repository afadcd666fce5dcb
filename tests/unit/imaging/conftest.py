"""Colour profiles, built byte by byte."""

import struct
from itertools import product

import pytest


@pytest.fixture
def grey_icc() -> bytes:
    """Linear grey: its 128 is the 188 of sRGB."""
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": b"curv" + bytes(8)})


@pytest.fixture
def cmyk_icc() -> bytes:
    """A printer whose cyan ink looks red; the other inks print nothing."""
    red, white = (138, 208, 195), (255, 128, 128)  # L*a*b* in 8 bits
    corners = b"".join(bytes(red if cyan else white) for cyan, _, _, _ in product((0, 1), repeat=4))
    identity = struct.pack(">9i", *(65536 * (index % 4 == 0) for index in range(9)))
    ramp = bytes(range(256))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + corners + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut})


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    d50 = struct.pack(">3I", 0xF6D6, 0x10000, 0xD32D)
    tags = {b"wtpt": b"XYZ " + bytes(4) + d50, **tags}
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">2I", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = bytes(8) + bytes.fromhex("02400000") + kind + space + connection + bytes(12) + b"acsp"
    header = (header.ljust(68, b"\0") + d50).ljust(128, b"\0")
    whole = header + table + data
    return struct.pack(">I", len(whole)) + whole[4:]
