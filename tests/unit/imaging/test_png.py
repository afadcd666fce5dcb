"""A PNG that is written band by band is read as what it was."""

import io
import zlib
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from watchd.imaging.arrays import Rgba
from watchd.imaging.png import PngWriter

SIZES = [(1, 1), (1, 2), (2, 1), (1, 300), (300, 1), (7, 5), (33, 129), (255, 257), (641, 83)]


def written(pixels: Rgba, rows: int) -> bytes:
    png = PngWriter((pixels.shape[1], pixels.shape[0]))
    png.pixels(bands(pixels, rows))
    return png.finish()


def bands(pixels: Rgba, rows: int) -> Iterator[Rgba]:
    for top in range(0, len(pixels), rows):
        yield pixels[top : top + rows]


def read(data: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(data)) as image:
        assert (image.format, image.mode) == ("PNG", "RGBA")
        return np.asarray(image)


def noise(width: int, height: int) -> Rgba:
    return np.random.default_rng(width + height).integers(0, 256, (height, width, 4), np.uint8)


def empty(width: int, height: int) -> Rgba:
    return np.zeros((height, width, 4), np.uint8)


def across(width: int, height: int) -> Rgba:
    """Each row of one colour: what Sub is for."""
    return np.broadcast_to(noise(1, height), (height, width, 4)).copy()


def down(width: int, height: int) -> Rgba:
    """Each column of one colour: what Up is for."""
    return np.broadcast_to(noise(width, 1), (height, width, 4)).copy()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [noise, across, down, empty])
@pytest.mark.parametrize("rows", [1, 2, 64, 1000])
def test_every_pixel_is_read_back(size: tuple[int, int], kind: Callable[[int, int], Rgba], rows: int) -> None:
    pixels = kind(*size)

    assert np.array_equal(read(written(pixels, rows)), pixels)


def test_filter_suits_the_band() -> None:
    for pixels in (across(400, 400), down(400, 400)):
        # A tenth of what noise takes: with the other filter each row, or column, would be noise again.
        assert len(written(pixels, 100)) < 20_000


def test_filter_may_change_from_band_to_band() -> None:
    pixels = np.concatenate([across(200, 64), down(200, 64), across(200, 64)])

    lines = zlib.decompress(chunks(written(pixels, 64))[b"IDAT"])

    assert [lines[row * 801] for row in (0, 64, 128)] == [1, 2, 1]
    assert np.array_equal(read(written(pixels, 64)), pixels)


def test_every_chunk_bears_its_checksum() -> None:
    assert list(chunks(written(noise(9, 9), 2))) == [b"IHDR", b"IDAT", b"IEND"]


def test_chunks_with_text_that_png_keeps_apart() -> None:
    png = PngWriter((1, 1))

    png.text({"Author": "Ælfric", "Comment": "切り抜き"})

    found = chunks(png.finish())
    assert found[b"tEXt"] == "Author\0Ælfric".encode("latin-1")
    assert found[b"iTXt"] == "Comment\0\0\0\0\0切り抜き".encode()


def chunks(data: bytes) -> dict[bytes, bytes]:
    """What is in them, by kind, those of one kind joined; each checked."""
    found: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        length = int.from_bytes(data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert int.from_bytes(data[at + 8 + length : at + 12 + length]) == zlib.crc32(kind + content)
        found[kind] = found.get(kind, b"") + content
        at += 12 + length
    return found
