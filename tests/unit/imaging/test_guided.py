"""A mask whose edges follow those of the picture."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from watchd.imaging.arrays import Mask
from watchd.imaging.enlarge import Enlarged, Opacity
from watchd.imaging.guided import Guided

SIZE = (900, 600)


def scene() -> tuple[Image.Image, NDArray[np.bool_]]:
    """A bright thing with thin spokes on a dark ground, with some noise, and where it is."""
    truth = Image.new("L", SIZE)
    draw = ImageDraw.Draw(truth)
    draw.ellipse((330, 180, 570, 420), fill=255)
    for x in range(150, 800, 130):
        draw.line((450, 300, x, 60), fill=255, width=9)
    where = np.asarray(truth) > 0
    noise = np.random.default_rng(2).normal(0, 3, (*where.shape, 1))
    colours = np.where(where[..., None], (220, 200, 160), (60, 80, 50)) + noise
    return Image.fromarray(colours.clip(0, 255).astype(np.uint8)), where


def seen_by_a_network(where: NDArray[np.bool_], side: int = 160) -> Mask:
    """Small and soft."""
    truth = Image.fromarray(where).convert("L").resize((side, side), Image.Resampling.BOX)
    return np.asarray(truth.filter(ImageFilter.GaussianBlur(1)))


def alpha(opacity: Opacity, size: tuple[int, int], rows: int) -> NDArray[np.uint8]:
    whole = np.zeros((size[1], size[0]), np.uint8)
    for top in range(0, size[1], rows):
        bottom = min(top + rows, size[1])
        visible = opacity.rows(top, bottom)
        if visible is not None:
            left, part = visible
            whole[top:bottom, left : left + part.width] = np.asarray(part)
    return whole


def test_edges_are_where_the_picture_has_them() -> None:
    picture, where = scene()
    mask = seen_by_a_network(where)

    guided, plain = (
        np.abs(alpha(each, SIZE, 600) / 255 - where).mean()
        for each in (Guided(mask, picture), Enlarged(mask, SIZE))
    )

    assert guided < 0.4 * plain


def test_what_is_sure_stays_exact_whatever_the_picture_shows() -> None:
    noise = np.random.default_rng(3).integers(0, 256, (SIZE[1], SIZE[0], 3), np.uint8)
    mask = np.zeros((160, 160), np.uint8)
    mask[:, 80:] = 255

    found = alpha(Guided(mask, Image.fromarray(noise)), SIZE, 600)

    assert not found[:, :400].any()
    assert (found[:, 500:] == 255).all()


@pytest.mark.parametrize("size", [(999, 1301), (5000, 401), (64, 9000), (40, 30), (1, 1), (1, 700), (700, 1)])
def test_alpha_in_bands_is_that_of_one_piece(size: tuple[int, int]) -> None:
    picture = scene()[0].resize(size)
    mask = np.zeros((80, 80), np.uint8)
    mask[20:50, 10:60] = np.random.default_rng(4).integers(0, 256, (30, 50), np.uint8)
    guided = Guided(mask, picture)

    difference = np.abs(alpha(guided, size, 7).astype(np.int16) - alpha(guided, size, size[1]))

    assert difference.max() <= 1


@pytest.mark.parametrize("side", [1, 2, 320])
def test_mask_that_says_one_thing_everywhere_is_kept(side: int) -> None:
    picture = scene()[0]

    assert Guided(np.zeros((side, side), np.uint8), picture).rows(0, 600) is None
    assert (alpha(Guided(np.full((side, side), 255, np.uint8), picture), SIZE, 600) == 255).all()
