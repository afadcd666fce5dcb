"""How fast this machine could be at most: its CPUs over the least CPU time that one picture takes."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import TypeVar

from watchd.imaging.compose import compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.encode import encode
from watchd.imaging.memory import give_back_what_is_freed
from watchd.imaging.models import find
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import load_segmenter

T = TypeVar("T")

_PICTURES = 8  # of a folder; the sizes in it come again and again
_TIMES = 3
_NO_LIMIT = 10**9


def per_second(model: Path, folder: Path) -> float:
    """Pictures a second of all CPUs together, if each did nothing but the cheapest work that gives a cutout.

    Decoding, shrinking, the network, composing and encoding, each by itself on one thread, nothing beside
    it, the best of some times. No file is written, nothing is hashed, no thread waits for another.
    """
    give_back_what_is_freed()
    segmenter = load_segmenter(find(str(model), {}), lambda: ThreadPlan(1, 1, 1, (None,)))
    photos = sorted(folder.iterdir())[:_PICTURES]
    return len(os.sched_getaffinity(0)) / mean(_least_cpu_s(segmenter, photo) for photo in photos)


def _least_cpu_s(segmenter: Segmenter, photo: Path) -> float:
    turns = [_stages(segmenter, photo) for _ in range(_TIMES)]
    stages: list[float] = [min(times) for times in zip(*turns, strict=True)]
    return sum(stages)


def _stages(segmenter: Segmenter, photo: Path) -> tuple[float, ...]:
    with photo.open("rb") as file:
        picture, decoding_s = _timed(lambda: open_picture(file, photo.name, _NO_LIMIT).load())
    small, shrinking_s = _timed(lambda: segmenter.shrink(picture.seen()))
    mask, network_s = _timed(lambda: segmenter(small))
    _, encoding_s = _timed(lambda: encode(compose(picture, mask), picture.icc, picture.dpi, {}))
    return decoding_s, shrinking_s, network_s, encoding_s


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    begun = time.thread_time()
    result = work()
    return result, time.thread_time() - begun
