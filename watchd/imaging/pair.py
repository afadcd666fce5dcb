"""The mask of a picture, taken from a cutout of it that exists already."""

import numpy as np
from PIL import Image

from watchd.imaging.arrays import Mask
from watchd.imaging.decode import Picture


def mask_from(cutout: Picture, picture: Picture, shape: tuple[int, int]) -> Mask:
    """`shape` is height × width of the masks of the network. ValueError: why there is none to take."""
    if cutout.alpha is None:
        raise ValueError("the cutout has no transparency")
    if picture.alpha is not None:
        raise ValueError("the picture has a transparency of its own, which the cutout's would be mixed with")
    if cutout.image.size != picture.image.size:
        raise ValueError("the cutout is of {}×{}, the picture of {}×{}".format(*_sizes(cutout, picture)))
    height, width = shape
    return np.array(cutout.alpha.resize((width, height), Image.Resampling.LANCZOS))


def _sizes(cutout: Picture, picture: Picture) -> tuple[int, ...]:
    return (*cutout.image.size, *picture.image.size)
