"""Real encodings, hurt by a seeded chance: bits flipped, parts cut, copied, zeroed, lengths made absurd."""

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

from fakes import draw, encoded

_PNG_OPTIONS: dict[str, Any] = {"icc_profile": bytes(400), "dpi": (300, 300)}


def seeds() -> list[tuple[str, bytes]]:
    """Of eight formats, in several kinds each: suffix and bytes."""
    picture, grey, clear = draw(96, 64), draw(96, 64, "L"), draw(96, 64, "RGBA")
    exif = picture.getexif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    frames = {"save_all": True, "append_images": [draw(96, 64).transpose(0)]}
    return [
        ("jpg", encoded("JPEG", picture, exif=exif, icc_profile=bytes(300))),
        ("jpg", encoded("JPEG", picture, progressive=True)),
        ("jpg", encoded("JPEG", draw(96, 64, "CMYK"))),
        ("jpg", encoded("MPO", picture, **frames)),
        ("png", encoded("PNG", clear, **_PNG_OPTIONS)),
        ("png", encoded("PNG", draw(96, 64, "P"), transparency=3)),
        ("png", encoded("PNG", draw(96, 64, "I;16"))),
        ("webp", encoded("WEBP", clear)),
        ("webp", encoded("WEBP", picture, lossless=True, exif=exif)),
        ("tif", encoded("TIFF", picture, compression="tiff_lzw")),
        ("tif", encoded("TIFF", grey, compression="tiff_deflate")),
        ("tif", encoded("TIFF", draw(96, 64, "F"))),
        ("gif", encoded("GIF", draw(96, 64, "P"), **frames)),
        ("bmp", encoded("BMP", picture)),
        ("bmp", encoded("BMP", draw(96, 64, "P"))),
        ("avif", encoded("AVIF", clear)),
    ]


def mutants(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Suffix and bytes; the same ones for the same seed."""
    chance = random.Random(seed)
    whole = seeds()
    for number in range(count):
        suffix, data = whole[number % len(whole)]
        for _ in range(chance.choice([1, 1, 2, 5])):
            data = chance.choice(_HURTS)(data, chance)
        yield suffix, data


def _flip(data: bytes, chance: random.Random) -> bytes:
    hurt = bytearray(data)
    for _ in range(chance.choice([1, 3, 20]) if data else 0):
        hurt[_somewhere(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(hurt)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: _somewhere(data, chance)]


def _copy(data: bytes, chance: random.Random) -> bytes:
    start, target = _somewhere(data, chance), _somewhere(data, chance)
    return data[:target] + data[start : start + chance.randint(1, 64)] + data[target:]


def _zero(data: bytes, chance: random.Random) -> bytes:
    start, length = _somewhere(data, chance), chance.randint(1, 200)
    return data[:start] + bytes(min(length, len(data) - start)) + data[start + length :]


def _absurd(data: bytes, chance: random.Random) -> bytes:
    """A number of 2 or 4 bytes somewhere, most often in the header, becomes one that nobody expects."""
    kind = chance.choice(["<H", ">H", "<I", ">I"])
    most = (1 << 8 * struct.calcsize(kind)) - 1
    value = chance.choice([0, 1, most, most >> 1, (most >> 1) + 1, most - 1, chance.randint(0, most)])
    at = _somewhere(data, chance)
    return data[:at] + struct.pack(kind, value) + data[at + struct.calcsize(kind) :]


_HURTS: list[Callable[[bytes, random.Random], bytes]] = [_flip, _cut, _copy, _zero, _absurd, _absurd]


def _somewhere(data: bytes, chance: random.Random) -> int:
    """Half of the time among the first 200 bytes, where all the promises are."""
    most = min(len(data), chance.choice([200, len(data)]))
    return chance.randrange(most) if most else 0
