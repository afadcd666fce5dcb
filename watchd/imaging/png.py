"""A PNG file, written in bands of rows, fast.

Each band is filtered with NumPy and deflated with ISA-L: both work without Python's lock, and no more than
one band is ever held filtered. Of cutouts it writes about 1 GB of pixels a second. Pillow tries five filters
on each row, and with the fastest settings of zlib-ng writes an eighth of that.
"""

import struct
from collections.abc import Iterator, Mapping
from io import BytesIO

import numpy as np
from isal import isal_zlib

from watchd.imaging.arrays import Rgba

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEFLATE_LEVEL = 1  # 2 saves 1 % and costs 2 %


class PngWriter:
    """The chunks of one file, in the order in which they are written; `finish` gives the bytes."""

    def __init__(self, size: tuple[int, int]) -> None:
        """`size` is width and height; the pixels are RGBA, 8 bits each."""
        self._file = BytesIO()
        self._file.write(_SIGNATURE)
        self._width = size[0]
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 6, 0, 0, 0))

    def profile(self, icc: bytes) -> None:
        self._chunk(b"iCCP", b"ICC Profile\0\0" + isal_zlib.compress(icc, _DEFLATE_LEVEL))

    def resolution(self, dpi: tuple[float, float]) -> None:
        across, down = (round(value / _INCH_M) for value in dpi)
        self._chunk(b"pHYs", struct.pack(">IIB", across, down, _METRES))

    def text(self, texts: Mapping[str, str]) -> None:
        """A key is Latin-1, 1 to 79 characters; what is not Latin-1 in a value is written as UTF-8."""
        for key, value in texts.items():
            name = key.encode("latin-1") + b"\0"
            try:
                self._chunk(b"tEXt", name + value.encode("latin-1"))
            except UnicodeEncodeError:
                self._chunk(b"iTXt", name + b"\0\0\0\0" + value.encode())

    def pixels(self, bands: Iterator[Rgba]) -> None:
        """From top to bottom, each of any number of rows."""
        deflate = isal_zlib.compressobj(_DEFLATE_LEVEL)
        above = np.zeros(4 * self._width, np.uint8)
        for band in bands:
            rows = band.reshape(len(band), -1)
            deflated = deflate.compress(_filtered(rows, above))
            if deflated:
                self._chunk(b"IDAT", deflated)
            above = rows[-1]
        self._chunk(b"IDAT", deflate.flush())

    def finish(self) -> bytes:
        self._chunk(b"IEND", b"")
        return self._file.getvalue()  # no copy

    def _chunk(self, kind: bytes, content: bytes) -> None:
        for part in (
            struct.pack(">I", len(content)),
            kind,
            content,
            struct.pack(">I", isal_zlib.crc32(content, isal_zlib.crc32(kind))),
        ):
            self._file.write(part)


_INCH_M = 0.0254
_METRES = 1  # the unit that pHYs is in

_SUB, _UP = 1, 2
_BYTES_A_PIXEL = 4


def _filtered(rows: Rgba, above: Rgba) -> Rgba:
    """The rows, each behind the number of its filter: less the pixel to the left, or less the one above."""
    lines = np.empty((len(rows), 1 + rows.shape[1]), np.uint8)
    if _left_is_nearer(rows):
        lines[:, 0] = _SUB
        lines[:, 1 : 1 + _BYTES_A_PIXEL] = rows[:, :_BYTES_A_PIXEL]
        np.subtract(rows[:, _BYTES_A_PIXEL:], rows[:, :-_BYTES_A_PIXEL], out=lines[:, 1 + _BYTES_A_PIXEL :])
    else:
        lines[:, 0] = _UP
        np.subtract(rows[0], above, out=lines[0, 1:])
        np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    return lines


def _left_is_nearer(rows: Rgba) -> bool:
    """Whether the differences to the left are the smaller ones, told from every eighth row.

    By a clear margin: at equal sums what is left by Up deflates better. With it none of 120 photos, cut out
    or all opaque, was over 1.25 times Pillow's at level 6, and 1.10 on average; with less of a margin the
    worst was 1.31, with Up alone 1.49.
    """
    sample, above = rows[1::8], rows[:-1:8]
    to_left = _sum(sample[:, _BYTES_A_PIXEL:] - sample[:, :-_BYTES_A_PIXEL])
    return to_left < 0.5 * _sum(sample - above)


def _sum(differences: Rgba) -> int:
    """Of their sizes: 255 is -1."""
    return int(np.minimum(differences, -differences).sum(dtype=np.uint64))
