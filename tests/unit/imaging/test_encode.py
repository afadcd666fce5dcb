"""What stands in the file that is delivered."""

import io

import numpy as np
import pytest
from fakes import draw
from PIL import Image, ImageCms

from watchd.domain.profile import Encode
from watchd.imaging.compose import Cutout, compose
from watchd.imaging.decode import Picture
from watchd.imaging.encode import encode

EITHER = pytest.mark.parametrize("saving", Encode)


def cutout(width: int = 70, height: int = 50) -> Cutout:
    """Half of it is empty."""
    mask = np.zeros((8, 8), np.uint8)
    mask[:, 4:] = 255
    return compose(Picture(draw(width, height)), mask)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@EITHER
def test_file_is_a_png_with_these_very_pixels(saving: Encode) -> None:
    image = opened(encode(cutout(), None, None, {}, saving))

    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert np.array_equal(np.asarray(image), cutout().whole())


@EITHER
def test_profile_and_resolution_are_carried(saving: Encode) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    image = opened(encode(cutout(), icc, (300, 150), {}, saving))

    assert image.info["icc_profile"] == icc
    assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


@EITHER
def test_text_of_any_language_is_carried(saving: Encode) -> None:
    text = {"Software": "watchd 1.0", "Author": "Ælfric", "Comment": "freigestellt → 切り抜き"}

    assert opened(encode(cutout(), None, None, text, saving)).info == text


@EITHER
def test_nothing_else_is_in_the_file(saving: Encode) -> None:
    assert opened(encode(cutout(), None, None, {}, saving)).info == {}


@EITHER
def test_same_cutout_gives_the_same_bytes(saving: Encode) -> None:
    assert encode(cutout(), None, None, {}, saving) == encode(cutout(), None, None, {}, saving)


@EITHER
def test_empty_surroundings_cost_nearly_nothing(saving: Encode) -> None:
    empty = compose(Picture(draw(1000, 1000)), np.zeros((8, 8), np.uint8))

    assert len(encode(empty, None, None, {}, saving)) < 20_000


@pytest.mark.parametrize("grain", [0, 2, 8])
def test_fast_is_at_most_a_quarter_larger_than_small(grain: int) -> None:
    noise = np.random.default_rng(5).normal(0, grain, (700, 900, 3))
    scene = np.clip(np.asarray(draw(900, 700)) + noise, 0, 255).astype(np.uint8)
    mask = np.zeros((20, 20), np.uint8)
    mask[4:16, 6:18] = 255

    fast, small = (
        len(encode(compose(Picture(Image.fromarray(scene)), mask), None, None, {}, saving))
        for saving in (Encode.FAST, Encode.SMALL)
    )

    assert fast <= 1.25 * small
