"""A photo and its cutouts, as small as they are looked at side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean
from typing import TypeAlias

import numpy as np
from PIL import Image

from watchd.imaging.arrays import Mask
from watchd.imaging.compose import Cutout
from watchd.imaging.decode import Picture
from watchd.imaging.overlap import overlap

Thumbnail: TypeAlias = Image.Image
"""RGB of a photo, RGBA of a cutout."""


@dataclass(frozen=True, slots=True)
class Box:
    """What a thumbnail fits into, in pixels."""

    width: int
    height: int

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """Of a picture of that size; a smaller one stays as it is."""
        scale = min(1.0, self.width / width, self.height / height)
        return max(1, round(width * scale)), max(1, round(height * scale))


def of_photo(picture: Picture, box: Box) -> Thumbnail:
    seen = picture.seen()
    return seen.resize(box.fitted(*seen.size), Image.Resampling.LANCZOS, reducing_gap=4)


def of_cutout(cutout: Cutout, box: Box) -> Thumbnail:
    """Of the whole cutout, made at full size as its file would have it."""
    return Image.fromarray(cutout.whole()).resize(box.fitted(*cutout.size), Image.Resampling.LANCZOS)


def agreement(cutouts: Sequence[Thumbnail]) -> tuple[tuple[float, ...], ...]:
    """How far each cutout of one photo overlaps with each, 0..1."""
    alphas = [_alpha(cutout) for cutout in cutouts]
    return tuple(tuple(overlap(one, other) for other in alphas) for one in alphas)


def mean_agreement(tables: Sequence[tuple[tuple[float, ...], ...]]) -> tuple[tuple[float, ...], ...]:
    """The mean of what `agreement` gave for each of some photos."""
    return tuple(
        tuple(mean(cells) for cells in zip(*rows, strict=True)) for rows in zip(*tables, strict=True)
    )


def _alpha(cutout: Thumbnail) -> Mask:
    return np.asarray(cutout.getchannel("A"))
