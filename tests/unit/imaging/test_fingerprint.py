"""What is alike to the eye and what is not, on a drawn still life."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO

import imagehash
import numpy as np
import pytest
from fakes import encoded
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from watchd.imaging.fingerprint import THUMB_BYTES, edge_agreement, fingerprint

ENOUGH = 0.75


def still_life(vase: str = "firebrick") -> Image.Image:
    """A vase and a few things on a table, 640×480."""
    image = Image.new("RGB", (1280, 960), "lightsteelblue")
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 700, 1280, 960), "sienna")
    for left in range(0, 1280, 160):
        pen.line((left, 700, left - 110, 960), "saddlebrown", 11)
    pen.rectangle((80, 105, 370, 425), "whitesmoke", "dimgrey", 16)
    pen.polygon((130, 370, 220, 190, 320, 370), "seagreen")
    pen.ellipse((505, 320, 770, 800), vase)
    pen.rectangle((595, 210, 680, 345), vase)
    pen.ellipse((900, 665, 1040, 800), "gold", "black", 6)
    pen.ellipse((210, 720, 370, 825), "darkolivegreen")
    return image.resize((640, 480), Image.Resampling.LANCZOS)


def shrunk(image: Image.Image, side: int = 320) -> Image.Image:
    return image.resize((side, side), Image.Resampling.LANCZOS)


def agreement(one: Image.Image, other: Image.Image) -> float:
    return edge_agreement(fingerprint(shrunk(one)).thumb, fingerprint(shrunk(other)).thumb)


def moved(image: Image.Image, right: float, down: float) -> Image.Image:
    """By pixels; what comes in at the rim repeats it."""
    padded = Image.fromarray(np.pad(np.asarray(image), ((20, 20), (20, 20), (0, 0)), "edge"))
    whole = (20 - right, 20 - down, 20 - right + image.width, 20 - down + image.height)
    return padded.transform(image.size, Image.Transform.EXTENT, whole, Image.Resampling.BICUBIC)


def with_a_coin(image: Image.Image, left: int, top: int) -> Image.Image:
    """Of 12 % of the picture's height."""
    image, size = image.copy(), round(image.height * 0.12)
    ImageDraw.Draw(image).ellipse((left, top, left + size, top + size), "goldenrod", "black", 2)
    return image


@pytest.mark.parametrize("side", [320, 1024])
@pytest.mark.parametrize("vase", ["firebrick", "navy"])
@pytest.mark.parametrize("brightness", [0.6, 1.0, 1.3])
def test_phash_is_the_one_that_imagehash_gives(side: int, vase: str, brightness: float) -> None:
    small = ImageEnhance.Brightness(shrunk(still_life(vase), side)).enhance(brightness)

    assert fingerprint(small).phash == str(imagehash.phash(small, hash_size=16))


def test_thumb_is_the_luminance_of_96_by_96() -> None:
    small = shrunk(still_life())

    thumb = fingerprint(small).thumb

    assert len(thumb) == THUMB_BYTES == 96 * 96
    assert thumb == small.convert("L").resize((96, 96), Image.Resampling.LANCZOS).tobytes()


def test_picture_is_not_changed() -> None:
    small = shrunk(still_life())

    fingerprint(small)

    assert small.tobytes() == shrunk(still_life()).tobytes()


@pytest.mark.parametrize(
    "picture",
    [Image.new("RGB", (320, 320), grey) for grey in ("white", "grey", "black")]
    + [Image.linear_gradient("L").resize((320, 320)).convert("RGB")],
    ids=["white", "grey", "black", "gradient"],
)
def test_picture_without_edges_is_flat_and_agrees_with_nothing_not_even_itself(picture: Image.Image) -> None:
    found = fingerprint(picture)

    assert found.flat
    assert edge_agreement(found.thumb, found.thumb) == 0.0


def test_picture_with_edges_is_not_flat() -> None:
    assert not fingerprint(shrunk(still_life())).flat


def test_equal_thumbs_agree() -> None:
    assert 0.93 <= agreement(still_life(), still_life()) <= 1


def test_agreement_is_the_same_both_ways() -> None:
    one, other = still_life(), with_a_coin(still_life(), 500, 100)

    assert agreement(one, other) == agreement(other, one)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": lambda image: Image.open(BytesIO(encoded(image=image, quality=40))),
    "smaller": lambda image: image.resize((320, 240), Image.Resampling.BICUBIC),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.75),
    "less contrast": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "in grey": lambda image: image.convert("L").convert("RGB"),
    "another colour of the subject": lambda _: still_life("royalblue"),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES)
def test_copy_with_other_colours_or_size_agrees(copy: Callable[[Image.Image], Image.Image]) -> None:
    assert agreement(still_life(), copy(still_life())) > ENOUGH


OTHERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "shifted right by 0.5 %": lambda image: moved(image, 3.2, 0),
    "shifted down by 0.5 %": lambda image: moved(image, 0, 2.4),
    "cropped by 1 %": lambda image: image.crop((6, 5, 634, 475)),
    "turned by 1°": lambda image: image.rotate(1, Image.Resampling.BICUBIC),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "with a border of 1 %": lambda image: ImageOps.expand(image, 6, "white"),
    "blank": lambda image: Image.new("RGB", image.size, "white"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_other_geometry_does_not_agree(other: Callable[[Image.Image], Image.Image]) -> None:
    assert agreement(still_life(), other(still_life())) < ENOUGH


def test_half_a_percent_of_shift_shows_in_a_soft_picture_too() -> None:
    soft = still_life().filter(ImageFilter.GaussianBlur(3))

    assert agreement(soft, moved(soft, 0, 2.4)) < ENOUGH


def test_small_thing_added_anywhere_does_not_agree() -> None:
    picture = still_life()
    places = [(left, top) for left in range(10, 560, 77) for top in range(7, 410, 61)]

    agreements = [agreement(picture, with_a_coin(picture, *place)) for place in places]

    assert max(agreements) < ENOUGH


def test_no_fingerprint_needs_scipy_or_masked_arrays() -> None:
    question = (
        "import sys; from PIL import Image; from watchd.imaging.fingerprint import fingerprint;"
        "fingerprint(Image.new('RGB', (320, 320)));"
        "sys.exit(bool({'scipy.fft', 'numpy.ma'} & {*sys.modules}))"
    )

    assert subprocess.run([sys.executable, "-c", question], check=False).returncode == 0
