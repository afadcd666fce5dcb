"""How wrong masks are."""

import torch.nn.functional as F  # noqa: N812
from torch import Tensor

COARSE = 0.4
"""What a coarser map counts beside the mask itself."""


def loss(maps: list[Tensor], human: Tensor, teacher: Tensor | None) -> Tensor:
    """Of all maps that the network answers while it is trained; each is judged at its own size."""
    mask, *coarse = maps
    total = _against(mask.float(), human, teacher)
    for map_ in coarse:
        total = total + COARSE * _against(map_.float(), human, teacher)
    return total


def _against(logits: Tensor, human: Tensor, teacher: Tensor | None) -> Tensor:
    """Cross-entropy and soft overlap (IoU), outlines counting up to five times.

    The teacher's doubts go into the cross-entropy, half and half; the overlap is with what people drew.
    """
    human = _shrunk(human, logits)
    weights = 1 + 4 * (_blurred(human) - human).abs()
    wanted = human if teacher is None else (human + _shrunk(teacher, logits)) / 2
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    said = logits.sigmoid()
    both, either = said * human, said + human - said * human
    overlap = (_sum(both * weights) + 1) / (_sum(either * weights) + 1)
    return (_sum(entropy * weights) / _sum(weights) + 1 - overlap).mean()


def _shrunk(masks: Tensor, like: Tensor) -> Tensor:
    if masks.shape == like.shape:
        return masks
    return F.interpolate(masks, size=like.shape[2:], mode="area")


def _blurred(masks: Tensor) -> Tensor:
    """The mean of 15 × 15, in two passes of 15: an eighth of the time."""
    return F.avg_pool2d(F.avg_pool2d(masks, (15, 1), 1, (7, 0)), (1, 15), 1, (0, 7))


def _sum(maps: Tensor) -> Tensor:
    return maps.sum((1, 2, 3))
