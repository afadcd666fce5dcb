"""Picture and mask become a cutout with straight alpha."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from fakes import draw
from PIL import Image

from watchd.domain.profile import Refine
from watchd.imaging.compose import BAND_PIXELS, compose
from watchd.imaging.decode import Picture

HALF = np.array([[0, 255]] * 2, np.uint8)


def test_mask_is_resized_to_the_picture() -> None:
    cutout = compose(Picture(draw(64, 48)), HALF).whole()

    expected = Image.fromarray(HALF).resize((64, 48), Image.Resampling.LANCZOS)
    assert np.array_equal(cutout[..., 3], np.asarray(expected))
    assert cutout.flags.c_contiguous


def test_colours_are_straight_and_not_darkened_by_the_alpha() -> None:
    picture = Picture(draw(64, 48))

    cutout = compose(picture, HALF).whole()

    visible = cutout[..., 3] > 0
    assert (cutout[..., 3][visible] < 255).any()
    assert np.array_equal(cutout[visible][:, :3], np.asarray(picture.image)[visible])


def test_no_colour_is_left_where_nothing_is_visible() -> None:
    cutout = compose(Picture(Image.new("RGB", (64, 48), "red")), HALF).whole()

    hidden = cutout[..., 3] == 0
    assert hidden.any()
    assert not cutout[hidden].any()


def test_own_transparency_of_the_source_stays() -> None:
    own = Image.new("L", (2, 1), 128)
    own.putpixel((1, 0), 0)

    cutout = compose(
        Picture(Image.new("RGB", (2, 1), (9, 8, 7)), own), np.full((2, 2), 255, np.uint8)
    ).whole()

    assert cutout.tolist() == [[[9, 8, 7, 128], [0, 0, 0, 0]]]


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (601, 1009), (BAND_PIXELS + 1, 2)])
def test_every_row_of_a_picture_of_any_size_is_there(size: tuple[int, int]) -> None:
    picture = Picture(draw().resize(size))

    cutout = compose(picture, np.full((4, 4), 255, np.uint8)).whole()

    assert np.array_equal(cutout[..., :3], np.asarray(picture.image))
    assert (cutout[..., 3] == 255).all()


@pytest.mark.parametrize("size", [(999, 1301), (5000, 401), (64, 90_000), (40, 30)])
def test_alpha_in_bands_is_that_of_the_mask_resized_in_one_piece(size: tuple[int, int]) -> None:
    mask = np.zeros((80, 80), np.uint8)
    mask[20:50, 10:60] = np.random.default_rng(4).integers(0, 256, (30, 50), np.uint8)

    alpha = compose(Picture(draw().resize(size)), mask).whole()[..., 3]

    whole = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.LANCZOS))
    difference = np.abs(alpha.astype(np.int16) - whole)
    assert difference.max() <= 3  # Pillow filters in another order where it shrinks
    assert difference.mean() < 0.1


def test_bands_are_rows_from_top_to_bottom() -> None:
    cutout = compose(Picture(draw().resize((601, 1009))), np.full((4, 4), 255, np.uint8))

    bands = list(cutout.bands())

    assert len(bands) > 1
    assert max(band.shape[0] * band.shape[1] for band in bands) <= BAND_PIXELS
    assert np.array_equal(np.concatenate(bands), cutout.whole())


def test_empty_rows_and_columns_stay_empty() -> None:
    mask = np.zeros((64, 64), np.uint8)
    mask[30:34, 30:34] = 255

    cutout = compose(Picture(Image.new("RGB", (1280, 1280), "white")), mask).whole()

    far = np.ones((1280, 1280), bool)
    far[27 * 20 : 37 * 20, 27 * 20 : 37 * 20] = False
    assert not cutout[far].any()
    assert cutout[640, 640, 3] > 200


def test_refined_mask_follows_the_picture_that_is_seen_and_not_what_is_hidden_in_it() -> None:
    own = Image.new("L", (640, 480), 255)
    own.paste(0, (300, 0, 330, 480))
    pictures = []
    for hidden in ("black", "lime"):
        image = draw(640, 480)
        image.paste(hidden, (300, 0, 330, 480))
        pictures.append(Picture(image, own))
    mask = np.asarray(Image.fromarray(HALF).resize((320, 320)))

    one, other = (compose(picture, mask, Refine.GUIDED).whole() for picture in pictures)

    assert np.array_equal(one, other)
    assert not np.array_equal(one, compose(pictures[0], mask).whole())
    assert not one[:, 300:330].any()


def test_soft_edge_loses_the_colours_of_the_background_and_nothing_else_changes() -> None:
    ramp = np.interp(np.arange(640), (300, 340), (0, 255)).astype(np.uint8)
    opacity = Image.fromarray(np.tile(ramp, (480, 1)))
    image = Image.new("RGB", (640, 480), "red")
    image.paste("blue", mask=opacity)
    mask = np.asarray(opacity.resize((320, 320)))

    plain, clean = (compose(Picture(image), mask, decontaminate=each).whole() for each in (False, True))

    alpha = plain[..., 3]
    soft = (alpha > 40) & (alpha < 255)
    assert np.array_equal(clean[..., 3], alpha)
    assert np.array_equal(clean[alpha == 255], plain[alpha == 255])
    assert not clean[alpha == 0].any()
    assert clean[soft][:, 0].mean() < 0.2 * plain[soft][:, 0].mean()


def test_picture_that_is_transparent_already_keeps_its_colours() -> None:
    own = Image.linear_gradient("L").resize((64, 48))
    picture = Picture(draw(64, 48), own)

    assert np.array_equal(compose(picture, HALF, decontaminate=True).whole(), compose(picture, HALF).whole())


def test_only_composing_is_timed_and_not_what_its_reader_does_meanwhile() -> None:
    inside = []

    @contextmanager
    def timed() -> Iterator[None]:
        inside.append(True)
        yield
        inside.pop()

    cutout = compose(Picture(draw(64, 8192)), HALF, timed=timed)

    assert [list(inside) for _ in cutout.bands()] == [[]] * 4
