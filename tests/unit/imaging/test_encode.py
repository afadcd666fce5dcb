"""What stands in the file that is delivered."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from watchd.imaging.encode import encode

CUTOUT = np.random.default_rng(3).integers(0, 256, (5, 7, 4), np.uint8)


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_file_is_a_png_with_these_very_pixels() -> None:
    image = opened(encode(CUTOUT, None, None, {}))

    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert np.array_equal(np.asarray(image), CUTOUT)


def test_profile_and_resolution_are_carried() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    image = opened(encode(CUTOUT, icc, (300, 150), {}))

    assert image.info["icc_profile"] == icc
    assert image.info["dpi"] == pytest.approx((300, 150), abs=0.1)


def test_text_of_any_language_is_carried() -> None:
    text = {"Software": "watchd 1.0", "Comment": "freigestellt → 切り抜き"}

    assert opened(encode(CUTOUT, None, None, text)).info == text


def test_nothing_else_is_in_the_file() -> None:
    assert opened(encode(CUTOUT, None, None, {})).info == {}


def test_same_cutout_gives_the_same_bytes() -> None:
    assert encode(CUTOUT, None, None, {}) == encode(CUTOUT.copy(), None, None, {})


def test_empty_surroundings_cost_nearly_nothing() -> None:
    assert len(encode(np.zeros((1000, 1000, 4), np.uint8), None, None, {})) < 20_000
