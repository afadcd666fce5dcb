"""Picture and mask become a cutout with straight alpha."""

import numpy as np
import pytest
from fakes import draw
from PIL import Image

from watchd.imaging.compose import BAND_PIXELS, compose
from watchd.imaging.decode import Picture

HALF = np.array([[0, 255]] * 2, np.uint8)


def test_mask_is_resized_to_the_picture() -> None:
    cutout = compose(Picture(draw(64, 48)), HALF)

    expected = Image.fromarray(HALF).resize((64, 48), Image.Resampling.LANCZOS)
    assert np.array_equal(cutout[..., 3], np.asarray(expected))
    assert cutout.flags.c_contiguous


def test_colours_are_straight_and_not_darkened_by_the_alpha() -> None:
    picture = Picture(draw(64, 48))

    cutout = compose(picture, HALF)

    visible = cutout[..., 3] > 0
    assert (cutout[..., 3][visible] < 255).any()
    assert np.array_equal(cutout[visible][:, :3], np.asarray(picture.image)[visible])


def test_no_colour_is_left_where_nothing_is_visible() -> None:
    cutout = compose(Picture(Image.new("RGB", (64, 48), "red")), HALF)

    hidden = cutout[..., 3] == 0
    assert hidden.any()
    assert not cutout[hidden].any()


def test_own_transparency_of_the_source_stays() -> None:
    own = Image.new("L", (2, 1), 128)
    own.putpixel((1, 0), 0)

    cutout = compose(Picture(Image.new("RGB", (2, 1), (9, 8, 7)), own), np.full((2, 2), 255, np.uint8))

    assert cutout.tolist() == [[[9, 8, 7, 128], [0, 0, 0, 0]]]


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (601, 1009), (BAND_PIXELS + 1, 2)])
def test_every_row_of_a_picture_of_any_size_is_there(size: tuple[int, int]) -> None:
    picture = Picture(draw().resize(size))

    cutout = compose(picture, np.full((4, 4), 255, np.uint8))

    assert np.array_equal(cutout[..., :3], np.asarray(picture.image))
    assert (cutout[..., 3] == 255).all()
