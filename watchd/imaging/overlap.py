"""How far two masks say the same."""

import numpy as np

from watchd.imaging.arrays import Mask

_SUBJECT = 128


def overlap(one: Mask, other: Mask) -> float:
    """0..1: intersection over union of their subjects; 1 where neither has any. Of one shape, both."""
    ones, others = one >= _SUBJECT, other >= _SUBJECT
    union = np.count_nonzero(ones | others)
    return np.count_nonzero(ones & others) / union if union else 1.0
