"""Photos and cutouts as they are looked at."""

import numpy as np
import pytest
from fakes import draw

from watchd.imaging.compose import compose
from watchd.imaging.decode import Picture
from watchd.imaging.thumbnail import Box, agreement, mean_agreement, of_cutout, of_photo

BOX = Box(32, 24)
LEFT, RIGHT = np.zeros((8, 8), np.uint8), np.zeros((8, 8), np.uint8)
LEFT[:, :4], RIGHT[:, 4:] = 255, 255


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((64, 48), (32, 24)),
        ((64, 96), (16, 24)),
        ((640, 16), (32, 1)),
        ((20, 10), (20, 10)),
        ((9999, 1), (32, 1)),
    ],
)
def test_shape_is_kept_and_small_pictures_stay_small(size: tuple[int, int], fitted: tuple[int, int]) -> None:
    assert Box(32, 24).fitted(*size) == fitted


def test_cutout_is_as_large_as_its_photo_and_transparent_where_its_file_is() -> None:
    picture = Picture(draw(64, 48))

    photo, cutout = of_photo(picture, BOX), of_cutout(compose(picture, LEFT), BOX)

    assert photo.size == cutout.size == (32, 24)
    assert [cutout.getpixel((x, 12))[3] for x in (4, 28)] == [255, 0]


def test_agreement_is_that_of_each_two_cutouts() -> None:
    picture = Picture(draw(64, 48))
    cutouts = [of_cutout(compose(picture, mask), BOX) for mask in (LEFT, RIGHT, LEFT)]

    table = agreement(cutouts)

    assert table == ((1, 0, 1), (0, 1, 0), (1, 0, 1))
    assert mean_agreement([table, ((1, 1, 1),) * 3])[0] == (1, 0.5, 1)
