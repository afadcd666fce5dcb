"""Masks that follow the picture's edges, beside those that people drew."""

from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from boundary import boundary_f
from PIL import Image

from watchd.domain.profile import Refine
from watchd.imaging.accuracy import human_mask
from watchd.imaging.compose import compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import Picture
from watchd.imaging.models import find, refining
from watchd.imaging.session import load_segmenter

pytestmark = pytest.mark.shared


def test_outline_is_measured_within_reach() -> None:
    thing, moved = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    thing[10:30, 10:30] = moved[10:30, 12:32] = True

    assert boundary_f(thing, thing, 1) == 1
    assert boundary_f(moved, thing, 2) == 1
    assert 0.4 < boundary_f(moved, thing, 1) < 0.7
    assert boundary_f(np.zeros((40, 40), bool), thing, 1) == 0


def test_outlines_of_builtin_are_nearer_to_those_that_people_drew(shared: Path) -> None:
    segmenter = load_segmenter(find("builtin", {}), lambda: ThreadPlan(1, 1, 1, (None,)))
    agreement: dict[Refine, list[float]] = {Refine.NONE: [], Refine.GUIDED: []}

    for path in sorted((shared / "eval" / "images").iterdir())[1::2]:  # the others chose the parameters
        human = human_mask(shared / "eval" / "masks", path)
        assert human is not None
        with Image.open(path) as image:
            picture = Picture(image.convert("RGB"))
        mask = segmenter(segmenter.shrink(picture.image))
        for refine, found in agreement.items():
            alpha = compose(picture, mask, refine).whole()[..., 3]
            found.append(boundary_f(alpha >= 128, human >= 128, 1))

    assert refining("builtin", Refine.AUTO) is Refine.GUIDED
    assert mean(agreement[Refine.GUIDED]) > mean(agreement[Refine.NONE])
