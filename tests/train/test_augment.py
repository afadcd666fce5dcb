"""No two look alike, and masks stay where their subjects are."""

import numpy as np
import torch
from train.augment import MEAN, STD, augmented


def discs(count: int) -> torch.Tensor:
    y, x = np.mgrid[0:288, 0:288]
    centres = np.random.default_rng(3).integers(100, 190, (count, 2))
    discs = [255 * ((x - a) ** 2 + (y - b) ** 2 < 60**2) for a, b in centres]
    return torch.tensor(np.array(discs), dtype=torch.uint8)[:, None]


def test_masks_are_moved_as_their_pictures_are() -> None:
    masks = discs(40)

    pictures, moved = augmented(masks.expand(-1, 3, -1, -1), masks, 160, np.random.default_rng(1))

    light = (pictures * STD + MEAN).mean(1, keepdim=True)
    bright = light > light.amax((2, 3), keepdim=True) / 2
    assert (bright == (moved > 0.5)).float().mean() > 0.99


def test_same_numbers_give_the_same_pictures() -> None:
    masks = discs(4)
    pictures = masks.expand(-1, 3, -1, -1)

    first, second, other = (augmented(pictures, masks, 160, np.random.default_rng(s))[0] for s in (1, 1, 2))

    assert torch.equal(first, second)
    assert not torch.equal(first, other)
