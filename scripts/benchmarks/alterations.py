"""What makes a copy of a picture and what makes another one: each gives the bytes of a file."""

import math
from collections.abc import Callable
from io import BytesIO

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Alteration = Callable[[Image.Image], bytes]
Change = Callable[[Image.Image], Image.Image]


def _file(kind: str, scale: float = 1, **options: int) -> Alteration:
    return lambda image: _saved(ImageOps.scale(image, scale) if scale != 1 else image, kind, **options)


def _changed(change: Change) -> Alteration:
    return lambda image: _saved(change(image), "BMP")


def _saved(image: Image.Image, kind: str, **options: int) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def _gamma(gamma: float) -> Change:
    return lambda image: image.point([round(255 * (grey / 255) ** gamma) for grey in range(256)] * 3)


def _tinted(red: float, blue: float) -> Change:
    gains = (red, 1, blue)
    return lambda image: image.point([min(255, round(grey * gain)) for gain in gains for grey in range(256)])


def _cut(left: int, top: int, right: int, bottom: int) -> Change:
    """By per cent of the width and of the height."""

    def cut(image: Image.Image) -> Image.Image:
        width, height = image.size
        return image.crop(
            (
                math.ceil(width * left / 100),
                math.ceil(height * top / 100),
                width - math.ceil(width * right / 100),
                height - math.ceil(height * bottom / 100),
            )
        )

    return cut


def _shifted(right: float, down: float) -> Change:
    """By per cent of the width and of the height; what comes in at the rim repeats it."""

    def shift(image: Image.Image) -> Image.Image:
        width, height = image.size
        x, y = width * right / 100, height * down / 100
        margin = math.ceil(max(x, y)) + 1
        wide = Image.new("RGB", (width + 2 * margin, height + 2 * margin))
        for left in (0, 2 * margin, margin):
            for top in (0, 2 * margin, margin):
                wide.paste(image, (left, top))
        box = (margin - x, margin - y, margin - x + width, margin - y + height)
        return wide.transform(image.size, Image.Transform.EXTENT, box, Image.Resampling.BICUBIC)

    return shift


def _bordered(per_cent: float) -> Change:
    return lambda image: ImageOps.expand(image, math.ceil(max(image.size) * per_cent / 100), "white")


def _pasted(per_cent: float, x: float, y: float) -> Change:
    """The middle of the picture itself, in an oval of that part of the height, with its centre at x, y."""

    def paste(image: Image.Image) -> Image.Image:
        image, side = image.copy(), math.ceil(image.height * per_cent / 100)
        thing = ImageOps.fit(image, (side, side), centering=(0.5, 0.5), bleed=0.2)
        oval = Image.new("L", (side, side))
        ImageDraw.Draw(oval).ellipse((0, 0, side - 1, side - 1), 255)
        image.paste(thing, (round(image.width * x - side / 2), round(image.height * y - side / 2)), oval)
        return image

    return paste


COPIES: dict[str, Alteration] = {
    **{f"JPEG {quality}": _file("JPEG", quality=quality) for quality in (95, 85, 75, 60, 50, 40, 30)},
    **{f"{scale} × the size": _file("BMP", scale) for scale in (0.25, 0.5, 0.75, 2)},
    "PNG": _file("PNG", compress_level=1),
    "WebP 80": _file("WEBP", quality=80),
    "half the size, WebP 50": _file("WEBP", 0.5, quality=50),
}
"""Recompressed, resized, in another format."""

TONED: dict[str, Alteration] = {
    "brightness 0.75": _changed(lambda image: ImageEnhance.Brightness(image).enhance(0.75)),
    "brightness 1.25": _changed(lambda image: ImageEnhance.Brightness(image).enhance(1.25)),
    "contrast 0.8": _changed(lambda image: ImageEnhance.Contrast(image).enhance(0.8)),
    "contrast 1.2": _changed(lambda image: ImageEnhance.Contrast(image).enhance(1.2)),
    "gamma 0.8": _changed(_gamma(0.8)),
    "gamma 1.25": _changed(_gamma(1.25)),
    "warmer": _changed(_tinted(1.1, 0.9)),
    "colder": _changed(_tinted(0.9, 1.1)),
    "grey": _changed(lambda image: image.convert("L").convert("RGB")),
    "sharpened": _changed(lambda image: image.filter(ImageFilter.UnsharpMask(2, 100))),
    "a little sharpened": _changed(lambda image: image.filter(ImageFilter.UnsharpMask(1, 60))),
}
"""Of other brightness, contrast, white balance or sharpness."""

RECOLOURED: dict[str, Alteration] = {
    "red for blue": _changed(lambda image: Image.merge("RGB", image.split()[::-1])),
    "red for green": _changed(lambda image: Image.merge("RGB", [image.split()[band] for band in (1, 0, 2)])),
}
"""May have the mask of the picture, and never its pixels."""

OTHERS: dict[str, Alteration] = {
    "1 % cut off the left": _changed(_cut(1, 0, 0, 0)),
    **{f"{cut} % cut off all round": _changed(_cut(cut, cut, cut, cut)) for cut in (1, 2, 5)},
    "shifted right by 0.5 %": _changed(_shifted(0.5, 0)),
    "shifted down by 0.5 %": _changed(_shifted(0, 0.5)),
    "shifted by 1 %": _changed(_shifted(1, 1)),
    "shifted by 2 %": _changed(_shifted(2, 2)),
    "turned by 1°": _changed(lambda image: image.rotate(1, Image.Resampling.BICUBIC)),
    "turned by 90°": _changed(lambda image: image.transpose(Image.Transpose.ROTATE_90)),
    "border of 1 %": _changed(_bordered(1)),
    "border of 5 %": _changed(_bordered(5)),
    "mirrored": _changed(ImageOps.mirror),
    **{
        f"object of {size} % at {x:.0%}, {y:.0%}": _changed(_pasted(size, x, y))
        for size, places in {
            12: ((0.2, 0.2), (0.8, 0.3), (0.25, 0.8), (0.5, 0.5)),
            20: ((0.8, 0.8), (0.3, 0.5)),
            30: ((0.7, 0.3),),
        }.items()
        for x, y in places
    },
}
"""Moved, cut, turned, or with something added: other geometry, other mask."""
