"""Photos beside their masks from two networks, and where these differ, on one picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from watchd.imaging.arrays import Mask

_SIDE = 200
_TITLE = 18


@dataclass(frozen=True, slots=True)
class Row:
    """`photo` is what the network saw of it."""

    title: str
    photo: Image.Image
    fp32: Mask
    int8: Mask


def contact_sheet(rows: Sequence[Row]) -> bytes:
    """A PNG: photo, fp32's mask, int8's, and where only int8 says subject (red), or only fp32 (blue)."""
    sheet = Image.new("RGB", (4 * _SIDE, len(rows) * (_SIDE + _TITLE)), "white")
    draw = ImageDraw.Draw(sheet)
    for number, row in enumerate(rows):
        top = number * (_SIDE + _TITLE)
        draw.text((4, top + 3), row.title, fill="black")
        for column, picture in enumerate(
            (row.photo, Image.fromarray(row.fp32), Image.fromarray(row.int8), _difference(row))
        ):
            cell = picture.convert("RGB").resize((_SIDE, _SIDE))
            sheet.paste(cell, (column * _SIDE, top + _TITLE))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _difference(row: Row) -> Image.Image:
    more = row.int8.astype(np.int16) - row.fp32
    pixels = np.full((*more.shape, 3), 255, np.uint8)
    pixels[..., 1] -= np.abs(more).astype(np.uint8)
    pixels[..., 2] -= more.clip(0).astype(np.uint8)
    pixels[..., 0] -= (-more).clip(0).astype(np.uint8)
    return Image.fromarray(pixels)
