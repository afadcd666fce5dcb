"""A picture and its mask become a cutout."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops

from watchd.domain.profile import Refine
from watchd.domain.stages import Timed
from watchd.imaging.arrays import Mask, Rgba
from watchd.imaging.decode import Picture
from watchd.imaging.enlarge import Enlarged, Opacity
from watchd.imaging.foreground import Foreground, small_copy
from watchd.imaging.guided import Guided

BAND_PIXELS = 1 << 17
"""Pixels that are worked on at a time: what a band needs stays in the CPU's cache, and in the process.

To compose and encode 24 megapixels takes 180 ms of a worker; with bands of half the size 190, of twice the
size 235, because glibc gives their memory back after each.
"""


@dataclass(frozen=True, slots=True)
class Cutout:
    """The picture's colours with straight alpha; where the alpha is 0 no colour is left behind.

    It is made as it is read, in bands of rows: the whole of it would be 4 bytes a pixel once more, of which
    an encoder has no need.
    """

    picture: Picture
    opacity: Opacity
    foreground: Foreground | None = None
    timed: Timed = nullcontext

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.picture.image.size

    def bands(self) -> Iterator[Rgba]:
        """From top to bottom, each as wide as the picture and of some rows; a new array each."""
        width, height = self.size
        rows = max(1, BAND_PIXELS // width)
        for top in range(0, height, rows):
            with self.timed():
                band = self._band(top, min(top + rows, height))
            yield band

    def whole(self) -> Rgba:
        """All bands in one array."""
        width, height = self.size
        cutout = np.empty((height, width, 4), np.uint8)
        top = 0
        for band in self.bands():
            cutout[top : top + len(band)] = band
            top += len(band)
        return cutout

    def _band(self, top: int, bottom: int) -> Rgba:
        band = np.zeros((bottom - top, self.size[0], 4), np.uint8)
        visible = self.opacity.rows(top, bottom)
        if visible is None:
            return band
        # Nothing else is cropped and joined: of 24 megapixels that are half empty it saves half.
        left, alpha = visible
        right = left + alpha.width
        box = (left, top, right, bottom)
        if self.picture.alpha is not None:
            alpha = ImageChops.multiply(alpha, self.picture.alpha.crop(box))
        opacity = np.asarray(alpha)
        colours = self.picture.image.crop(box)
        if self.foreground is not None:
            colours = Image.fromarray(self.foreground.colours(np.asarray(colours), opacity, box))
        pixels = np.frombuffer(colours.tobytes("raw", "RGBX"), np.uint32)
        # Four bytes at once: a pixel times 1 keeps its colours, times 0 loses them.
        np.multiply(pixels.reshape(opacity.shape), opacity != 0, out=band.view(np.uint32)[:, left:right, 0])
        band[:, left:right, 3] = opacity
        return band


def compose(
    picture: Picture,
    mask: Mask,
    refine: Refine = Refine.NONE,
    *,
    decontaminate: bool = False,
    timed: Timed = nullcontext,
) -> Cutout:
    """The alpha is the mask, enlarged to the picture, times the transparency that the picture had already.

    `refine` is NONE or GUIDED. To `decontaminate` changes no picture that is transparent already: its colours
    are those of the subject alone. The picture must not be changed while the cutout is of use. `timed` is
    entered whenever it is worked on.
    """
    with timed():
        opacity = _opacity(picture, mask, refine)
        if not decontaminate or picture.alpha is not None:
            return Cutout(picture, opacity, timed=timed)
        small = small_copy(picture.image)
        foreground = Foreground(picture.image.size, small, _opacity(Picture(small), mask, refine))
        return Cutout(picture, opacity, foreground, timed)


def _opacity(picture: Picture, mask: Mask, refine: Refine) -> Opacity:
    guided = refine is Refine.GUIDED
    return Guided(mask, picture.seen()) if guided else Enlarged(mask, picture.image.size)
