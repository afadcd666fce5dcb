"""What `watchd models quantize` has found: every try, and the verdict on the best."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trial:
    """One int8 network beside the fp32 one, on the same photos.

    `kept` are the convolutions that stay fp32. `iou_mean` and `iou_worst` compare masks (1 = the same),
    `speedup` is fp32's CPU time for a mask over its own, both on one thread.
    """

    rule: str
    kept: tuple[str, ...]
    iou_mean: float
    iou_worst: float
    speedup: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Of masks against human ones: mean absolute error in 0..1, and the maximum F-beta (beta² = 0.3)."""

    mae: float
    f_beta: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`judged` is the chosen network on photos that had no part in making or choosing it.

    `fp32` and `int8` are None where no human masks were given. `refusals` say why it is not
    installed, `installed` where it is.
    """

    model: str
    calibrated_on: int
    judged_on: int
    convolutions: int
    trials: tuple[Trial, ...]
    judged: Trial
    fp32: Accuracy | None
    int8: Accuracy | None
    sheet: str
    refusals: tuple[str, ...] = ()
    installed: str = ""
