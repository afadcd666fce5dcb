"""Edges to look at: parts of photographs at 100 %, cut out in several ways, on green and on black."""

from pathlib import Path

from PIL import Image, ImageDraw

from watchd.domain.profile import Refine
from watchd.imaging.compose import compose
from watchd.imaging.decode import Picture
from watchd.imaging.segment import Segmenter

_SIDE = 180
_TITLE = 18

_PARTS = (
    ("animal-3.jpg", 300, 150),
    ("horse.jpg", 50, 180),
    ("horse.jpg", 580, 210),
    ("animal-1.jpg", 430, 220),
    ("animal-2.jpg", 330, 90),
    ("lamp2_meitu_1.jpg", 270, 130),
    ("whisk.png", 90, 20),
    ("girl-1.jpg", 180, 80),
)
"""Hair, a rim of meadow, a tail, fur before the dark, a smooth outline, light in a lamp, fur, an arm."""

_WAYS = (
    ("smooth", Refine.NONE, False),
    ("guided", Refine.GUIDED, False),
    ("decontaminated", Refine.GUIDED, True),
)


def sheet(photos: Path, segmenter: Segmenter) -> Image.Image:
    """A row each, the photograph first."""
    columns = 1 + 2 * len(_WAYS)
    drawn = Image.new("RGB", (columns * _SIDE, _TITLE + len(_PARTS) * _SIDE), "white")
    titles = ["photo", *(name for _ in range(2) for name, _, _ in _WAYS)]
    for column, title in enumerate(titles):
        ImageDraw.Draw(drawn).text((column * _SIDE + 4, 3), title, fill="black")
    for row, (name, left, top) in enumerate(_PARTS):
        with Image.open(photos / name) as image:
            photo = image.convert("RGB")
        box = (left, top, left + _SIDE, top + _SIDE)
        for column, picture in enumerate(_row(photo, segmenter)):
            drawn.paste(picture.crop(box), (column * _SIDE, _TITLE + row * _SIDE))
    return drawn


def _row(photo: Image.Image, segmenter: Segmenter) -> list[Image.Image]:
    mask = segmenter(segmenter.shrink(photo))
    cutouts = [
        Image.fromarray(compose(Picture(photo), mask, refine, decontaminate=clean).whole())
        for _, refine, clean in _WAYS
    ]
    grounds = [(cutout, colour) for colour in ("#00c83c", "black") for cutout in cutouts]
    return [photo, *(_laid_on(cutout, colour) for cutout, colour in grounds)]


def _laid_on(cutout: Image.Image, colour: str) -> Image.Image:
    ground = Image.new("RGB", cutout.size, colour)
    ground.paste(cutout, mask=cutout)
    return ground
