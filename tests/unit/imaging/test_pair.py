import numpy as np
import pytest
from fakes import draw
from PIL import Image

from watchd.imaging.decode import Picture
from watchd.imaging.pair import mask_from


def alpha(size: tuple[int, int] = (64, 48)) -> Image.Image:
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[:, size[0] // 2 :] = 200
    return Image.fromarray(pixels)


def test_mask_is_the_cutouts_alpha_at_the_size_of_the_network() -> None:
    mask = mask_from(Picture(draw(), alpha()), Picture(draw()), (24, 32))

    assert (mask.shape, mask.dtype) == ((24, 32), np.uint8)
    assert (mask[:, :12] == 0).all()
    assert (mask[:, 20:] == 200).all()


@pytest.mark.parametrize(
    ("cutout", "picture", "reason"),
    [
        (Picture(draw()), Picture(draw()), "no transparency"),
        (Picture(draw(), alpha()), Picture(draw(), alpha()), "of its own"),
        (Picture(draw(48, 64), alpha((48, 64))), Picture(draw()), "48×64, the picture of 64×48"),
    ],
    ids=["opaque", "source is transparent", "other size"],
)
def test_cutout_that_does_not_fit_has_no_mask(cutout: Picture, picture: Picture, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mask_from(cutout, picture, (24, 32))
