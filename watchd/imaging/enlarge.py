"""A mask is enlarged to the picture's size by LANCZOS, some rows at a time."""

from math import ceil, floor
from typing import Protocol

from PIL import Image

from watchd.imaging.arrays import Mask


class Opacity(Protocol):
    """How opaque each pixel of a picture is, by its mask alone."""

    def rows(self, top: int, bottom: int) -> tuple[int, Image.Image] | None:
        """Of these rows of the picture: the first column that is visible, and from there on grey values.

        All to the left and to the right of them is 0; None if nothing is visible.
        """


class Enlarged:
    """The mask as it is. `size` is the picture's: width and height."""

    def __init__(self, mask: Mask, size: tuple[int, int]) -> None:
        seen = Image.fromarray(mask)
        self._mask = seen.resize((size[0], seen.height), Image.Resampling.LANCZOS)
        self._height = size[1]

    def rows(self, top: int, bottom: int) -> tuple[int, Image.Image] | None:
        scale = self._mask.height / self._height
        # The rows of the mask that the filter reaches from here.
        reach = _REACH * max(1.0, scale)
        first = max(0, floor(top * scale - reach))
        last = min(self._mask.height, ceil(bottom * scale + reach))
        mask = self._mask.crop((0, first, self._mask.width, last))
        visible = mask.getbbox()
        if visible is None:
            return None
        left, _, right, _ = visible
        alpha = mask.crop((left, 0, right, mask.height)).resize(
            (right - left, bottom - top),
            Image.Resampling.LANCZOS,
            box=(0, top * scale - first, right - left, bottom * scale - first),
        )
        return left, alpha


_REACH = 3
"""Of the Lanczos filter to each side, in pixels of the larger grid."""
