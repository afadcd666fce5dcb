"""How well outlines agree: the boundary F-measure (Martin et al. 2004; Perazzi et al. 2016)."""

import numpy as np
from numpy.typing import NDArray

Area = NDArray[np.bool_]


def boundary_f(said: Area, true: Area, reach: float) -> float:
    """1 where each point of either outline has one of the other's within `reach` pixels."""
    ours, theirs = _outline(said), _outline(true)
    if not ours.any() or not theirs.any():
        return float(ours.any() == theirs.any())
    precision = np.count_nonzero(ours & _near(theirs, reach)) / np.count_nonzero(ours)
    recall = np.count_nonzero(theirs & _near(ours, reach)) / np.count_nonzero(theirs)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _outline(area: Area) -> Area:
    """Pixels that differ from the one to the right or from the one below."""
    outline = np.zeros_like(area)
    outline[:, :-1] |= area[:, :-1] != area[:, 1:]
    outline[:-1] |= area[:-1] != area[1:]
    return outline


def _near(outline: Area, reach: float) -> Area:
    steps = int(reach)
    height, width = outline.shape
    padded = np.pad(outline, steps)
    near = np.zeros_like(outline)
    for down in range(-steps, steps + 1):
        for across in range(-steps, steps + 1):
            if down * down + across * across <= reach * reach:
                near |= padded[steps + down :, steps + across :][:height, :width]
    return near
