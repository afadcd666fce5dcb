"""Scores a network that was exported, on photographs with human masks, as the daemon would run it."""

import time
from dataclasses import dataclass
from pathlib import Path

from train.line import segmenter
from watchd.imaging.accuracy import Tally, human_mask
from watchd.imaging.decode import open_picture

_MAX_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class Score:
    photos: int
    f_beta: float
    mae: float
    milliseconds: float
    """A photo, at the network alone, on one core: the median."""


def score(model: str, folder: Path) -> Score:
    """Of the photographs in images/ that have a mask in masks/. `model` is a name or an .onnx file.

    ModelError: there is no such network. ValueError: no photograph has a mask.
    """
    segment = segmenter(model)
    tally, seconds = Tally(), []
    for photo in sorted((folder / "images").iterdir()):
        human = human_mask(folder / "masks", photo)
        if human is None:
            continue
        with photo.open("rb") as file:
            seen = segment.shrink(open_picture(file, photo.name, _MAX_PIXELS).load().seen())
        began = time.perf_counter()
        mask = segment(seen)
        seconds.append(time.perf_counter() - began)
        tally.add(mask, human)
    accuracy = tally.accuracy()
    if accuracy is None:
        raise ValueError(f"{folder}: none of images/ has a mask in masks/")
    median = sorted(seconds)[len(seconds) // 2]
    return Score(len(seconds), accuracy.f_beta, accuracy.mae, 1000 * median)
