"""What counts as wrong."""

import torch
from train.losses import loss


def half(side: int) -> torch.Tensor:
    """A mask: the upper half is the subject."""
    mask = torch.zeros(1, 1, side, side)
    mask[:, :, : side // 2] = 1
    return mask


def sure(mask: torch.Tensor) -> torch.Tensor:
    """The logits of who says just this."""
    return 20 * mask - 10


def test_right_answer_costs_nothing_at_any_size() -> None:
    right = [sure(half(side)) for side in (64, 16, 8)]

    assert loss(right, half(64), None) < 0.01


def test_wrong_outline_costs_more_than_a_hole() -> None:
    human = half(64)
    moved, pierced = half(64), half(64)
    moved[:, :, 32:33] = 1
    pierced[:, :, 8:16, 8:16] = 0  # as many pixels

    assert loss([sure(moved)], human, None) > loss([sure(pierced)], human, None)


def test_teacher_that_doubts_makes_sure_answers_dearer() -> None:
    human = half(64)

    alone, doubted = loss([sure(human)], human, None), loss([sure(human)], human, human / 2 + 0.25)

    assert doubted > alone + 0.5
