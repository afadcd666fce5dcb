"""What stands in a mask's file, and all that is refused."""

import json
import struct
import tracemalloc
import zlib
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from watchd.imaging.fingerprint import THUMB_BYTES
from watchd.imaging.maskfile import MAX_BYTES, MaskEntry, pack, unpack

ABOUT = {
    "version": 1,
    "sha256": "0123456789abcdef" * 4,
    "width": 6000,
    "height": 4000,
    "created": 1.7e9,
    "inference_s": 0.25,
}


def drawn_mask(width: int = 320, height: int = 320) -> np.ndarray:
    image = Image.new("L", (width, height))
    ImageDraw.Draw(image).ellipse((width // 4, height // 8, width * 3 // 4, height * 7 // 8), 255)
    return np.array(image.resize((width, height), Image.Resampling.BOX))


def entry(**changes: Any) -> MaskEntry:
    thumb = np.random.default_rng(5).integers(0, 256, THUMB_BYTES, np.uint8).tobytes()
    facts = {name: value for name, value in ABOUT.items() if name != "version"}
    return replace(MaskEntry(mask=drawn_mask(), thumb=thumb, **facts), **changes)


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(
    width: int = 320, height: int = 320, *, depth: int = 8, colour: int = 0, interlaced: int = 0
) -> bytes:
    return chunk(b"IHDR", struct.pack(">II5B", width, height, depth, colour, 0, 0, interlaced))


def facts(text: bytes | None = None, **changes: object) -> bytes:
    return chunk(b"tEXt", b"watchd\0" + (json.dumps(ABOUT | changes).encode() if text is None else text))


def thumbnail(packed: bytes | None = None) -> bytes:
    return chunk(
        b"zTXt", b"watchd.thumb\0\0" + (zlib.compress(bytes(THUMB_BYTES)) if packed is None else packed)
    )


def pixels(width: int = 320, height: int = 320) -> bytes:
    return chunk(b"IDAT", zlib.compress(bytes((width + 1) * height)))


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(320, 320), (1024, 1024), (1, 1), (7, 3)])
def test_what_was_packed_comes_out(size: tuple[int, int]) -> None:
    packed = entry(mask=drawn_mask(*size), inference_s=0.1 + 0.2)

    unpacked = unpack(pack(packed))

    assert np.array_equal(unpacked.mask, packed.mask)
    assert unpacked.mask.dtype == np.uint8
    assert unpacked.mask.flags.writeable
    nothing = drawn_mask(1, 1)
    assert repr(replace(unpacked, mask=nothing)) == repr(replace(packed, mask=nothing))


def test_file_is_a_grey_picture_of_the_mask() -> None:
    image = Image.open(BytesIO(pack(entry())))

    assert (image.format, image.mode) == ("PNG", "L")
    assert np.array_equal(np.asarray(image), drawn_mask())


def test_same_entry_gives_the_same_bytes() -> None:
    assert pack(entry()) == pack(entry(mask=drawn_mask().copy()))


def test_file_is_small() -> None:
    assert len(pack(entry())) < 15_000


def test_file_made_by_hand_is_understood() -> None:
    unpacked = unpack(png(header(), facts(), thumbnail(), pixels()))

    assert unpacked.width == 6000
    assert not unpacked.mask.any()


def test_pixels_may_stand_in_several_chunks() -> None:
    compressed = zlib.compress(bytes(321 * 320))
    halves = chunk(b"IDAT", compressed[:9]), chunk(b"IDAT", compressed[9:])

    assert unpack(png(header(), facts(), thumbnail(), *halves)).mask.shape == (320, 320)


def test_limit_of_the_users_pictures_is_none_for_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)

    assert unpack(pack(entry())).mask.shape == (320, 320)


def test_file_cut_off_anywhere_is_refused() -> None:
    data = pack(entry())

    for length in (*range(400), *range(400, len(data), 101), len(data) - 1):
        with pytest.raises(ValueError, match=r"\w"):
            unpack(data[:length])


def test_file_with_one_changed_bit_is_refused() -> None:
    data = pack(entry())

    for at in (*range(400), *range(400, len(data), 101), len(data) - 1):
        changed = bytearray(data)
        changed[at] ^= 4
        with pytest.raises(ValueError, match=r"\w"):
            unpack(bytes(changed))


STRANGE = {
    "empty": b"",
    "a web page": b"<html>not found</html>",
    "no picture": png(),
    "any grey picture": png(header(), pixels()),
    "texts in another order": png(header(), thumbnail(), facts(), pixels()),
    "facts twice": png(header(), facts(), facts(), thumbnail(), pixels()),
    "thumbnail twice": png(header(), facts(), thumbnail(), thumbnail(), pixels()),
    "no pixels": png(header(), facts(), thumbnail()),
    "a chunk of another kind": png(header(), facts(), thumbnail(), chunk(b"gAMA", bytes(4)), pixels()),
    "a chunk behind the end": png(header(), facts(), thumbnail(), pixels()) + facts(),
    "bytes behind the end": png(header(), facts(), thumbnail(), pixels()) + b"more",
    "another text": png(header(), chunk(b"tEXt", b"Comment\0hello"), thumbnail(), pixels()),
    "another long text": png(
        header(), facts(), chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(THUMB_BYTES))), pixels()
    ),
    "an empty header": png(chunk(b"IHDR", b""), facts(), thumbnail(), pixels()),
}


@pytest.mark.parametrize("data", STRANGE.values(), ids=STRANGE)
def test_file_of_another_build_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        unpack(data)


def test_file_that_is_too_large_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1024, 1024), np.uint8)

    with pytest.raises(ValueError, match="are more than"):
        unpack(pack(entry(mask=noise)))


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"sha256": "0" * 63},
        {"sha256": "0" * 63 + "G"},
        {"sha256": "0" * 64 + "\n"},
        {"sha256": 7},
        {"width": 0},
        {"width": 1_000_000},
        {"width": "6000"},
        {"width": 6000.0},
        {"width": True},
        {"height": -1},
        {"height": None},
        {"created": "yesterday"},
        {"created": float("nan")},
        {"created": -1.0},
        {"inference_s": float("inf")},
        {"inference_s": [1.0]},
    ],
    ids=str,
)
def test_facts_that_cannot_be_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="facts"):
        unpack(png(header(), facts(**changed), thumbnail(), pixels()))


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"null", b"\xff\xfe\xfd", b"[" * 100_000],
    ids=["empty", "cut off", "a list", "null", "no text", "deep"],
)
def test_facts_that_are_no_object_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        unpack(png(header(), facts(text), thumbnail(), pixels()))


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no deflated data",
        zlib.compress(bytes(THUMB_BYTES - 1)),
        zlib.compress(bytes(THUMB_BYTES + 1)),
        zlib.compress(bytes(THUMB_BYTES))[:-1],
    ],
    ids=["empty", "nonsense", "too short", "too long", "cut off"],
)
def test_thumbnail_that_cannot_be_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="thumbnail"):
        unpack(png(header(), facts(), thumbnail(packed), pixels()))


@pytest.mark.parametrize(
    "unlike",
    [
        {"width": 4097, "height": 1},
        {"width": 1, "height": 4097},
        {"width": 0},
        {"depth": 16},
        {"depth": 1},
        {"colour": 2},
        {"colour": 3},
        {"colour": 6},
        {"interlaced": 1},
    ],
    ids=str,
)
def test_picture_that_is_no_mask_is_refused(unlike: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="not an 8-bit grey mask"):
        unpack(png(header(**unlike), facts(), thumbnail(), pixels()))


@pytest.mark.parametrize(
    "body",
    [b"", b"no deflated data", zlib.compress(bytes(99)), zlib.compress(b"\7" * 321 * 320)],
    ids=["empty", "nonsense", "too few", "of an unknown filter"],
)
def test_pixels_that_cannot_be_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="its pixels are broken"):
        unpack(png(header(), facts(), thumbnail(), chunk(b"IDAT", body)))


def test_bomb_takes_no_memory() -> None:
    bomb = zlib.compress(bytes(100_000_000))
    assert len(bomb) < MAX_BYTES
    files = [
        png(header(), facts(), thumbnail(bomb), pixels()),
        png(header(), facts(), thumbnail(), chunk(b"IDAT", bomb)),
        png(header(), facts(), thumbnail(), chunk(b"zTXt", b"bomb\0\0" + bomb), pixels()),
    ]

    tracemalloc.start()
    for data in files:
        with suppress(ValueError):
            unpack(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 2_000_000
