"""Masks beside human ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watchd.imaging.accuracy import Tally, human_mask


@pytest.fixture
def human() -> np.ndarray:
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, 20:40] = 255
    return mask


def accuracy(mask: np.ndarray, human: np.ndarray):
    tally = Tally()
    tally.add(mask, human)
    return tally.accuracy()


def test_mask_like_the_human_one_is_without_error(human) -> None:
    found = accuracy(human, human)

    assert (found.mae, found.f_beta) == (0.0, pytest.approx(1.0))


def test_opposite_of_the_human_mask_is_all_wrong(human) -> None:
    assert accuracy(255 - human, human).mae == 1.0


def test_error_is_the_share_of_wrong_pixels(human) -> None:
    mask = human.copy()
    mask[10:20] = 0  # half of the subject, of 2400 pixels 200

    found = accuracy(mask, human)

    assert found.mae == pytest.approx(200 / 2400)
    assert found.f_beta == pytest.approx(1.3 * 1 * 0.5 / (0.3 * 1 + 0.5))  # all right, half of it found


def test_best_threshold_counts(human) -> None:
    mask = np.where(human > 0, 90, 30).astype(np.uint8)

    assert accuracy(mask, human).f_beta == pytest.approx(1.0)


def test_mask_of_another_size_is_brought_to_the_human_ones(human) -> None:
    small = np.asarray(Image.fromarray(human).resize((30, 20)))

    assert accuracy(small, human).mae < 0.02


def test_nothing_added_gives_no_accuracy() -> None:
    assert Tally().accuracy() is None


def test_human_mask_is_found_by_the_photos_name(tmp_path: Path, human) -> None:
    Image.fromarray(human).save(tmp_path / "cat.png")

    assert (human_mask(tmp_path, Path("photos/cat.jpg")) == human).all()
    assert human_mask(tmp_path, Path("photos/dog.jpg")) is None
