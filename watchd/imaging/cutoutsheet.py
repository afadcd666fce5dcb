"""A contact sheet: photos from top to bottom, beside each its cutouts by several networks."""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from watchd.imaging.lettering import font_of, shortened
from watchd.imaging.thumbnail import Box, Thumbnail

ROWS = 12
"""On one page."""

_MARGIN, _GAP, _ALLEY = 32, 16, 48
_TITLE, _HEAD, _CAPTION = 88, 66, 58
_WIDEST, _LARGEST, _SMALLEST = 2800, 320, 200
_SHAPE = 1.4
"""Width over height of a page that a screen shows well."""

_INK, _FAINT, _LINE = "#1c1c1e", "#6b6b70", "#d8d8dc"
_LIGHT, _DARK, _SQUARE = "#d2d2d6", "#c2c2c7", 10


@dataclass(frozen=True, slots=True)
class Column:
    """A network: what it is called, and what else is to be known of it."""

    title: str
    note: str


@dataclass(frozen=True, slots=True)
class Row:
    """`photo` and `cutouts` are of one size; there is one cutout for each column."""

    title: str
    note: str
    photo: Thumbnail
    cutouts: tuple[Thumbnail, ...]


def box_of(columns: int) -> Box:
    """The size of thumbnails, so that a photo and its cutouts by so many networks fit onto a screen."""
    share = (_WIDEST - 2 * _MARGIN + _GAP) // (columns + 1) - _GAP
    width = max(_SMALLEST, min(_LARGEST, share))
    return Box(width, width * 3 // 4)


def pages_for(rows: int) -> int:
    return -(-rows // ROWS)


def cutout_sheets(title: str, note: str, columns: Sequence[Column], rows: Sequence[Row]) -> list[bytes]:
    """One PNG for each page. All of `rows` are of thumbnails that fit into `box_of` the columns."""
    pages = [rows[first : first + ROWS] for first in range(0, len(rows), ROWS)]
    many = len(pages) > 1
    return [
        _png(_page(title, f"{note} · page {number} of {len(pages)}" if many else note, columns, page))
        for number, page in enumerate(pages, 1)
    ]


def _page(title: str, note: str, columns: Sequence[Column], rows: Sequence[Row]) -> Image.Image:
    """The rows in blocks side by side, each with the heads of the columns above it."""
    box = box_of(len(columns))
    width = (len(columns) + 1) * (box.width + _GAP) - _GAP
    blocks = _blocks(width, rows)
    across = len(blocks) * (width + _ALLEY) - _ALLEY
    down = _TITLE + _HEAD + max(map(_height, blocks))
    sheet = Image.new("RGB", (across + 2 * _MARGIN, down + 2 * _MARGIN), "white")
    draw = ImageDraw.Draw(sheet)
    _words(draw, (_MARGIN, _MARGIN), (title, 28), (note, 16), across)
    for number, block in enumerate(blocks):
        left = _MARGIN + number * (width + _ALLEY)
        _heads(draw, (left, _MARGIN + _TITLE), columns, box.width)
        _block(sheet, draw, (left, _MARGIN + _TITLE + _HEAD), block, box.width)
    return sheet


def _blocks(width: int, rows: Sequence[Row]) -> list[Sequence[Row]]:
    """As many as give the page the best shape, and are no wider than all may be."""

    def cut(count: int) -> list[Sequence[Row]]:
        length = -(-len(rows) // count)
        return [rows[first : first + length] for first in range(0, len(rows), length)]

    def shape(blocks: list[Sequence[Row]]) -> float:
        return len(blocks) * (width + _ALLEY) / (_TITLE + _HEAD + max(map(_height, blocks)))

    most = max(1, (_WIDEST - 2 * _MARGIN + _ALLEY) // (width + _ALLEY))
    ways = [cut(count) for count in range(1, min(most, len(rows)) + 1)]
    return min(ways, key=lambda blocks: abs(math.log(shape(blocks) / _SHAPE)))


def _height(rows: Sequence[Row]) -> int:
    return sum(row.photo.height + _CAPTION for row in rows)


def _heads(draw: ImageDraw.ImageDraw, place: tuple[int, int], columns: Sequence[Column], width: int) -> None:
    left, top = place
    for number, column in enumerate((Column("photo", ""), *columns)):
        spot = (left + number * (width + _GAP), top)
        _words(draw, spot, (column.title, 21), (column.note, 16), width)
    right = left + len(columns) * (width + _GAP) + width
    draw.line((left, top + _HEAD - 11, right, top + _HEAD - 11), _LINE)


def _block(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    rows: Sequence[Row],
    width: int,
) -> None:
    left, top = place
    for row in rows:
        for number, cell in enumerate((row.photo, *row.cutouts)):
            _put(sheet, cell, (left + number * (width + _GAP), top))
        _words(draw, (left, top + row.photo.height + 3), (row.title, 15), (row.note, 13), width)
        top += row.photo.height + _CAPTION


def _words(
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    title: tuple[str, int],
    note: tuple[str, int],
    width: int,
) -> None:
    """Two lines, each a text and its size, no wider than `width`."""
    left, top = place
    for (text, size), colour in ((title, _INK), (note, _FAINT)):
        font = font_of(size)
        draw.text((left, top), shortened(text, font, width), colour, font)
        top += round(size * 1.25)


def _put(sheet: Image.Image, cell: Thumbnail, place: tuple[int, int]) -> None:
    """A cutout on a checkerboard, so that what is transparent looks so."""
    if cell.mode != "RGBA":
        sheet.paste(cell, place)
        return
    sheet.paste(_checkerboard(cell.size), place)
    sheet.paste(cell, place, cell)


def _checkerboard(size: tuple[int, int]) -> Image.Image:
    board = Image.new("RGB", size, _LIGHT)
    draw = ImageDraw.Draw(board)
    for top in range(0, size[1], _SQUARE):
        for left in range(top % (2 * _SQUARE), size[0], 2 * _SQUARE):
            draw.rectangle((left, top, left + _SQUARE - 1, top + _SQUARE - 1), _DARK)
    return board


def _png(sheet: Image.Image) -> bytes:
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()
