"""How well the network that comes with watchd finds subjects that people have outlined."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.models import find
from watchd.imaging.session import load_segmenter

pytestmark = pytest.mark.shared

BETA_SQUARED = 0.3


def test_builtin_is_as_good_as_it_is_said_to_be(shared: Path) -> None:
    segmenter = load_segmenter(find("builtin", {}), lambda: ThreadPlan(1, 1, 1, (None,)))
    errors, precisions, recalls = [], [], []

    for path in sorted((shared / "eval" / "images").iterdir()):
        with path.open("rb") as file:
            picture = open_picture(file, path.name, 1_000_000).load()
        outlined = Image.open(shared / "eval" / "masks" / f"{path.stem}.png").convert("L")
        truth = np.asarray(outlined) >= 128
        mask = Image.fromarray(segmenter(segmenter.shrink(picture.seen())))
        mask = mask.resize(outlined.size, Image.Resampling.LANCZOS)
        errors.append(np.abs(np.asarray(mask) / 255 - truth).mean())
        precision, recall = curves(np.asarray(mask), truth)
        precisions.append(precision)
        recalls.append(recall)

    precision, recall = np.mean(precisions, axis=0), np.mean(recalls, axis=0)
    f_beta = (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
    assert len(errors) == 200
    assert np.mean(errors) <= 0.047
    assert f_beta.max() >= 0.93


def curves(
    mask: NDArray[np.uint8], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall at each of the 256 thresholds; a threshold that nothing reaches is precise."""
    hits = np.bincount(mask[truth], minlength=256)[::-1].cumsum()[::-1]
    found = np.bincount(mask.ravel(), minlength=256)[::-1].cumsum()[::-1]
    return np.where(found, hits / np.maximum(found, 1), 1.0), hits / truth.sum()
