"""The colours of a subject where its edge is soft."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from watchd.imaging.foreground import Foreground, small_copy

Pixels = NDArray[np.uint8]


class Known:
    """An alpha that is told."""

    def __init__(self, alpha: Image.Image) -> None:
        self.alpha = alpha

    def rows(self, top: int, bottom: int) -> tuple[int, Image.Image] | None:
        return 0, self.alpha.crop((0, top, self.alpha.width, bottom))


def noisy(size: tuple[int, int], colour: tuple[int, int, int], seed: int) -> NDArray[np.float32]:
    noise = np.random.default_rng(seed).normal(0, 12, (size[1], size[0], 3))
    return (colour + noise).clip(0, 255).astype(np.float32)


def softened(size: tuple[int, int]) -> Image.Image:
    alpha = Image.new("L", size)
    width, height = size
    ImageDraw.Draw(alpha).ellipse((width * 0.2, height * 0.2, width * 0.8, height * 0.8), fill=255)
    return alpha.filter(ImageFilter.GaussianBlur(width / 60))


def composite(size: tuple[int, int]) -> tuple[Image.Image, Image.Image, NDArray[np.float32]]:
    """An orange thing before green, its alpha, and its own colours."""
    alpha = softened(size)
    opacity = np.asarray(alpha, np.float32)[..., None] / 255
    subject, background = noisy(size, (230, 120, 40), 1), noisy(size, (30, 160, 60), 2)
    seen = opacity * subject + (1 - opacity) * background
    return Image.fromarray(seen.astype(np.uint8)), alpha, subject


def cleaned(seen: Image.Image, alpha: Image.Image, rows: int) -> Pixels:
    small = small_copy(seen)
    foreground = Foreground(seen.size, small, Known(alpha.resize(small.size, Image.Resampling.BOX)))
    bands = []
    for top in range(0, seen.height, rows):
        box = (0, top, seen.width, min(top + rows, seen.height))
        bands.append(foreground.colours(np.asarray(seen.crop(box)), np.asarray(alpha.crop(box)), box))
    return np.concatenate(bands)


@pytest.mark.parametrize("size", [(300, 200), (1600, 1000)])
def test_soft_edges_come_near_to_the_colours_that_were_laid_there(size: tuple[int, int]) -> None:
    seen, alpha, subject = composite(size)

    found = cleaned(seen, alpha, size[1])

    opacity = np.asarray(alpha)
    soft = (opacity > 25) & (opacity < 230)
    before = np.abs(np.asarray(seen)[soft] - subject[soft]).mean()
    after = np.abs(found[soft] - subject[soft]).mean()
    assert after < 0.4 * before


def test_what_is_all_subject_or_none_of_it_keeps_every_pixel() -> None:
    seen, alpha, _ = composite((640, 400))
    sure = np.isin(np.asarray(alpha), (0, 255))

    assert np.array_equal(cleaned(seen, alpha, 400)[sure], np.asarray(seen)[sure])


def test_in_bands_it_is_the_same_as_in_one_piece() -> None:
    seen, alpha, _ = composite((900, 611))

    difference = cleaned(seen, alpha, 611).astype(np.int16) - cleaned(seen, alpha, 17)

    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (3, 2), (60_000, 2)])
@pytest.mark.parametrize("level", [0, 1, 128, 254, 255])
def test_picture_of_any_size_and_one_alpha_has_colours(size: tuple[int, int], level: int) -> None:
    seen = Image.new("RGB", size, (200, 100, 50))

    found = cleaned(seen, Image.new("L", size, level), size[1])

    assert np.abs(found.astype(np.int16) - (200, 100, 50)).max() <= 1
