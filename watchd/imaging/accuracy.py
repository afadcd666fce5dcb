"""How near masks are to those that people drew."""

from pathlib import Path

import numpy as np
from PIL import Image

from watchd.domain.quantreport import Accuracy
from watchd.imaging.arrays import Mask

_BETA_SQUARED = 0.3


class Tally:
    """Adds up masks beside human ones; the measures are those of the field (Qin et al. 2020)."""

    def __init__(self) -> None:
        self._errors: list[float] = []
        self._precision = np.zeros(255)
        self._recall = np.zeros(255)

    def add(self, mask: Mask, human: Mask) -> None:
        """`mask` is brought to the size of the human one."""
        width_height = human.shape[1], human.shape[0]
        large = np.asarray(Image.fromarray(mask).resize(width_height, Image.Resampling.LANCZOS))
        subject = human >= 128
        self._errors.append(float(np.abs(large.astype(np.int16) - human).mean()) / 255)
        said, right = _at_least(large), _at_least(large[subject])
        self._precision += right / np.maximum(said, 1)
        self._recall += right / max(int(np.count_nonzero(subject)), 1)

    def accuracy(self) -> Accuracy | None:
        """None where nothing was added."""
        count = len(self._errors)
        if not count:
            return None
        precision, recall = self._precision / count, self._recall / count
        f_beta = (
            (1 + _BETA_SQUARED) * precision * recall / np.maximum(_BETA_SQUARED * precision + recall, 1e-9)
        )
        return Accuracy(sum(self._errors) / count, float(f_beta.max()))


def human_mask(folder: Path, photo: Path) -> Mask | None:
    """The grey PNG of the photo's name; None where there is none."""
    path = folder / f"{photo.stem}.png"
    if not path.is_file():
        return None
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def _at_least(mask: Mask) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """How many pixels are 1 or more, 2 or more, … 255."""
    counts = np.bincount(mask.reshape(-1), minlength=256)
    return counts[::-1].cumsum()[::-1][1:]
