"""A mask is enlarged so that its edges follow those of the picture, some rows at a time.

The fast guided filter of He and Sun (2015, arXiv:1505.00996), guided by the luminance: in each window of the
mask's grid the opacity is a line of the luminance, a · I + b. The means of a and b over the windows that a
pixel lies in are enlarged, and laid over the luminance of the picture at its full size.
"""

from math import ceil, floor
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from watchd.imaging.arrays import Mask

Plane: TypeAlias = npt.NDArray[np.float32]


class Guided:
    """Reads the picture, RGB, whenever it is asked.

    Where all of a window is 0, or all of it 255, that is what it stays: both factors are then exact.
    """

    def __init__(self, mask: Mask, picture: Image.Image) -> None:
        factor, offset = _lines(mask, picture)
        # Of a luminance of 0..255 this gives an alpha of 0..255, steeper around the middle, to be cut off.
        factor = _STEEPER * factor
        offset = 255 * (_STEEPER * offset + (1 - _STEEPER) / 2) + 0.5
        self._picture = picture
        self._factor, self._offset = Image.fromarray(factor), Image.fromarray(offset)
        self._visible = Image.fromarray(np.maximum(offset, 255 * factor + offset) >= 1)

    def rows(self, top: int, bottom: int) -> tuple[int, Image.Image] | None:
        seen = self._seen(top, bottom)
        if seen is None:
            return None
        left, right = seen
        luminance = np.asarray(self._picture.crop((left, top, right, bottom)).convert("L"))
        alpha = self._enlarged(self._factor, (left, top, right, bottom))
        alpha *= luminance
        alpha += self._enlarged(self._offset, (left, top, right, bottom))
        return left, Image.fromarray(alpha.clip(0, 255, out=alpha).astype(np.uint8))

    def _seen(self, top: int, bottom: int) -> tuple[int, int] | None:
        """From which column on, and up to which, something may be visible."""
        across, down = self._scale()
        # One pixel further on each side of the larger grid: so far does the enlarging filter reach.
        first, last = floor(top * down - max(1.0, down)), ceil(bottom * down + max(1.0, down))
        rows = (0, max(0, first), self._visible.width, min(self._visible.height, last))
        visible = self._visible.crop(rows).getbbox()
        if visible is None:
            return None
        reach = max(1.0, across)
        left = max(0, floor((visible[0] - reach) / across))
        right = min(self._picture.width, ceil((visible[2] + reach) / across))
        return left, right

    def _enlarged(self, plane: Image.Image, box: tuple[int, int, int, int]) -> Plane:
        across, down = self._scale()
        left, top, right, bottom = box
        part = (left * across, top * down, right * across, bottom * down)
        size = (right - left, bottom - top)
        return np.array(plane.resize(size, Image.Resampling.BILINEAR, box=part))

    def _scale(self) -> tuple[float, float]:
        """Pixels of the mask for one of the picture."""
        return self._visible.width / self._picture.width, self._visible.height / self._picture.height


_RADIUS = 0.01
"""Of a window, as a part of the mask's side: 3 pixels of 320. As far off are the edges of small networks."""

_EPSILON = 1e-3
"""A luminance (0..1) whose variance is less is no edge. A tenth or ten times as much changes little."""

_STEEPER = 1.5
"""Edges that the picture does not show are as wide as a window after two means: so they are steepened."""


def _lines(mask: Mask, picture: Image.Image) -> tuple[Plane, Plane]:
    """Factor and offset at each pixel of the mask, for luminance and opacity of 0..1."""
    height, width = mask.shape
    small = picture.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=4)
    guide = np.asarray(small.convert("L"), np.float32) / np.float32(255)
    opacity = mask.astype(np.float32) / np.float32(255)
    radius = max(1, round(_RADIUS * max(mask.shape)))
    guide_mean, opacity_mean = _means(guide, radius), _means(opacity, radius)
    variance: Plane = np.maximum(_means(guide * guide, radius) - guide_mean * guide_mean, 0)
    covariance = _means(guide * opacity, radius) - guide_mean * opacity_mean
    factor = covariance / (variance + np.float32(_EPSILON))
    return _means(factor, radius), _means(opacity_mean - factor * guide_mean, radius)


def _means(plane: Plane, radius: int) -> Plane:
    """Over the window around each pixel, as far as it lies inside.

    Added up anew for each pixel: of nothing but zeros or ones the mean is exact, which that of running sums
    is not.
    """
    height, width = plane.shape
    sums = _sums(_sums(plane, radius).T.copy(), radius).T
    sums /= _inside(height, radius)[:, np.newaxis] * _inside(width, radius)
    return sums


def _sums(plane: Plane, radius: int) -> Plane:
    """Down each column."""
    height = len(plane)
    sums = plane.copy()
    for shift in range(1, min(radius, height - 1) + 1):
        sums[shift:] += plane[: height - shift]
        sums[: height - shift] += plane[shift:]
    return sums


def _inside(length: int, radius: int) -> Plane:
    """How many pixels a window has, of those along one side."""
    at = np.arange(length)
    return (np.minimum(at + radius, length - 1) - np.maximum(at - radius, 0) + 1).astype(np.float32)
