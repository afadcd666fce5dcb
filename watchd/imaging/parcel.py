"""A decoded picture in shared memory: laid down by a child process, taken up by the daemon."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

from watchd.imaging.colour import MAX_CARRIED_ICC
from watchd.imaging.compose import BAND_PIXELS
from watchd.imaging.decode import Picture

BYTES_A_PIXEL = 5
"""Red, green, blue and one of padding, as Pillow keeps RGB; then, for all pixels, their transparency."""

_MOST_NOTES = 10
_LONGEST_NOTE = 200


def room_for(pixels: int) -> int:
    """Bytes; what is not written to takes no memory."""
    return BYTES_A_PIXEL * pixels + MAX_CARRIED_ICC


def lay_down(picture: Picture, room: memoryview) -> dict[str, Any]:
    """Puts the pixels into `room` and gives the rest, as JSON can say it."""
    width, height = picture.image.size
    pixels = width * height
    if room_for(pixels) > len(room):
        raise ValueError(f"it became {width}×{height} pixels, more than its header said")
    _write(picture.image, "RGBX", 4, room)
    if picture.alpha is not None:
        _write(picture.alpha, "L", 1, room[4 * pixels :])
    icc = picture.icc or b""
    room[BYTES_A_PIXEL * pixels : BYTES_A_PIXEL * pixels + len(icc)] = icc
    return {
        "size": [width, height],
        "alpha": picture.alpha is not None,
        "icc": len(icc),
        "dpi": picture.dpi,
        "notes": [note[:_LONGEST_NOTE] for note in picture.notes[:_MOST_NOTES]],
    }


def take_up(facts: Mapping[str, Any], room: memoryview) -> Picture:
    """A copy, so the room may go. ValueError, KeyError or TypeError: these are not facts of ours."""
    width, height = map(int, facts["size"])
    pixels, icc = width * height, int(facts["icc"])
    if min(width, height) < 1 or room_for(pixels) > len(room) or not 0 <= icc <= MAX_CARRIED_ICC:
        raise ValueError(f"no such picture fits: {width}×{height}, a profile of {icc} bytes")
    image = Image.frombytes("RGB", (width, height), room[: 4 * pixels], "raw", "RGBX")
    alpha = None
    if facts["alpha"]:
        alpha = Image.frombytes("L", (width, height), room[4 * pixels : BYTES_A_PIXEL * pixels])
    start = BYTES_A_PIXEL * pixels
    dpi = facts["dpi"]
    return Picture(
        image,
        alpha,
        bytes(room[start : start + icc]) or None,
        None if dpi is None else (float(dpi[0]), float(dpi[1])),
        tuple(map(str, facts["notes"])),
    )


def _write(image: Image.Image, raw: str, width: int, room: memoryview) -> None:
    """In bands, so that no second copy of the picture stands beside it."""
    rows = max(1, BAND_PIXELS // image.width)
    at = 0
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height))).tobytes("raw", raw)
        room[at : at + len(band)] = band
        at += len(band)
    assert at == width * image.width * image.height
