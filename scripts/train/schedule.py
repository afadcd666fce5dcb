"""How a fit goes on over its steps."""

import math
from collections.abc import Sequence

_WARM_UP = 200
"""Steps until the rate is at its peak; fewer in a short fit."""


def rate(step: int, steps: int, peak: float) -> float:
    """The learning rate: up quickly, then down along a cosine, almost to nothing."""
    warm_up = min(_WARM_UP, steps // 10 + 1)
    return peak * min(1, (step + 1) / warm_up) * (0.503 + 0.5 * math.cos(math.pi * step / steps))


def side(step: int, steps: int, sides: Sequence[int]) -> int:
    """Of the pictures at this step: each of `sides` in turn, for about the same time."""
    shares = [1 / side**2 for side in sides]
    left = step / steps * sum(shares)
    for side, share in zip(sides, shares, strict=True):
        if left < share:
            return side
        left -= share
    return sides[-1]


def kept(step: int) -> float:
    """How much of the averaged weights a step leaves."""
    return min(0.999, (step + 1) / (step + 20))
