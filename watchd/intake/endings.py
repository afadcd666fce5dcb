"""How each format ends: does a file reach as far as it promises itself?"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal


@dataclass(frozen=True, slots=True)
class Format:
    """A format that has an end to look for.

    `zero_tail` says what zeros at the end mean: "unwritten", "black" (they may be pixels), or nothing
    because the format's own end proves the tail.
    """

    name: str
    matches: Callable[[bytes], bool]
    reaches: Callable[[BinaryIO, int], bool]
    zero_tail: Literal["unwritten", "black", ""] = ""

    def ends(self, file: BinaryIO, size: int) -> bool:
        try:
            return self.reaches(file, size)
        except _CutShort:
            return False


# What keeps a hostile file from holding the feeder: more than any honest file has of each.
_MOST_STEPS = 1_000_000
_MOST_BOXES = 10_000
_MOST_PAGES = 10_000
_MOST_TABLES = 16 << 20
_MOST_SEARCHED = 256 << 20


def format_of(head: bytes) -> Format | None:
    """By the first 12 bytes; None for what has no end to look for."""
    return next((each for each in _FORMATS if each.matches(head)), None)


class _CutShort(Exception):
    """Less is there than the file itself promises."""


def _exact(file: BinaryIO, count: int, at: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) < count:
        raise _CutShort
    return data


def _jpeg_ends(file: BinaryIO, size: int) -> bool:
    """Walks the segments to the scan, then looks for EOI: in entropy-coded data FF D9 means nothing else.

    Phones append films and second pictures, so EOI need not be the last thing in the file.
    """
    at = 2
    for _ in range(_MOST_STEPS):
        marker, length = struct.unpack(">HH", _exact(file, 4, at))
        if marker == 0xFFFF:  # fill byte
            at += 1
        elif marker == 0xFFDA:
            return _find(file, b"\xff\xd9", at, size)
        elif marker >> 8 != 0xFF:
            return False
        else:
            at += 2 + length
    return False


def _find(file: BinaryIO, needle: bytes, start: int, size: int) -> bool:
    if _exact(file, len(needle), size - len(needle)) == needle:
        return True
    step = 1 << 20
    for at in range(start, min(size, start + _MOST_SEARCHED), step):
        file.seek(at)
        if needle in file.read(step + len(needle) - 1):
            return True
    return False


def _png_ends(file: BinaryIO, size: int) -> bool:
    at = 8
    for _ in range(_MOST_STEPS):
        length, kind = struct.unpack(">I4s", _exact(file, 8, at))
        at += 12 + length
        if kind == b"IEND":
            return bool(at <= size)
    return False


def _riff_ends(file: BinaryIO, size: int) -> bool:
    return size >= 8 + int.from_bytes(_exact(file, 4, 4), "little")


def _gif_ends(file: BinaryIO, _size: int) -> bool:
    """Walks the blocks to the trailer."""
    at = 13 + _gif_colours(_exact(file, 1, 10)[0])
    for _ in range(_MOST_STEPS):
        match _exact(file, 1, at):
            case b"\x3b":
                return True
            case b"\x21":  # an extension: its label, then sub-blocks
                at = _gif_behind_blocks(file, at + 2)
            case b"\x2c":  # an image: its descriptor, its colours, the code size, then sub-blocks
                at = _gif_behind_blocks(file, at + 11 + _gif_colours(_exact(file, 1, at + 9)[0]))
            case _:
                return False
    return False


def _gif_colours(flags: int) -> int:
    """The bytes of a colour table, 0 if there is none."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _gif_behind_blocks(file: BinaryIO, at: int) -> int:
    for _ in range(_MOST_STEPS):
        length = _exact(file, 1, at)[0]
        at += 1 + length
        if not length:
            return at
    raise _CutShort


def _bmp_ends(file: BinaryIO, size: int) -> bool:
    promised, _, pixels_at = struct.unpack("<III", _exact(file, 12, 2))
    return bool(size >= promised and size > pixels_at)


def _boxes_end(file: BinaryIO, size: int) -> bool:
    """ISO base media (AVIF): the boxes of the top level fill the file, descriptions and data among them."""
    at, kinds = 0, list[bytes]()
    while at < size and len(kinds) < _MOST_BOXES:
        length, kind = struct.unpack(">I4s", _exact(file, 8, at))
        if length == 1:
            length = int.from_bytes(_exact(file, 8, at + 8), "big")
        if length == 0:  # to the end of the file
            length = size - at
        if length < 8:
            return False
        kinds.append(kind)
        at += length
    return at == size and b"mdat" in kinds and (b"meta" in kinds or b"moov" in kinds)


_TIFF_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TIFF_PARTS = ((273, 279), (324, 325))  # offsets and byte counts: of strips, of tiles


def _tiff_ends(file: BinaryIO, size: int) -> bool:
    """Every directory, every value and every strip or tile that they tell of lies inside the file.

    Directories and their tables may overlap, so that a small file can tell of endless ones.
    """
    order: Literal["little", "big"] = "little" if _exact(file, 2, 0) == b"II" else "big"
    at, seen, left = _int(order, _exact(file, 4, 4)), set[int](), _MOST_TABLES
    while at and at not in seen and len(seen) < _MOST_PAGES:
        seen.add(at)
        count = _int(order, _exact(file, 2, at))
        entries = _exact(file, 12 * count, at + 2)
        left -= len(entries)
        values = dict[int, list[int]]()
        for index in range(count):
            for tag, raw, width in _tiff_value(file, order, entries, index, size):
                left -= len(raw)
                values[tag] = [_int(order, raw[k : k + width]) for k in range(0, len(raw), width)]
            if left < 0:
                raise _CutShort
        for offsets, lengths in _TIFF_PARTS:
            parts = zip(values.get(offsets, ()), values.get(lengths, ()), strict=False)
            if any(offset + length > size for offset, length in parts):
                return False
        at = _int(order, _exact(file, 4, at + 2 + 12 * count))
    return bool(seen)


def _tiff_value(
    file: BinaryIO, order: Literal["little", "big"], entries: bytes, index: int, size: int
) -> Iterator[tuple[int, bytes, int]]:
    """The numbers of a tag that says where parts are, unread, and the width of one; of any other tag
    only that its value is there."""
    entry = entries[12 * index : 12 * index + 12]
    tag, kind, count = (_int(order, entry[a:b]) for a, b in ((0, 2), (2, 4), (4, 8)))
    width = _TIFF_WIDTHS.get(kind, 1)
    wanted = any(tag in pair for pair in _TIFF_PARTS)
    if width * count <= 4:
        raw = entry[8 : 8 + width * count]
    else:
        at = _int(order, entry[8:])
        if at + width * count > size or width * count > _MOST_TABLES:
            raise _CutShort
        raw = _exact(file, width * count, at) if wanted else b""
    if wanted:
        yield tag, raw, width


def _int(order: Literal["little", "big"], raw: bytes) -> int:
    return int.from_bytes(raw, order)


_FORMATS = (
    Format("JPEG", lambda head: head.startswith(b"\xff\xd8\xff"), _jpeg_ends),
    Format("PNG", lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"), _png_ends),
    Format("WebP", lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", _riff_ends, "unwritten"),
    Format("TIFF", lambda head: head[:4] in (b"II*\0", b"MM\0*"), _tiff_ends, "black"),
    Format("GIF", lambda head: head[:6] in (b"GIF87a", b"GIF89a"), _gif_ends),
    Format("BMP", lambda head: head[:2] == b"BM", _bmp_ends, "black"),
    Format("AVIF", lambda head: head[4:8] == b"ftyp", _boxes_end, "unwritten"),
)
