"""Both engines say the same of real photographs in fp32, and bf16 nearly."""

import io
from pathlib import Path

import numpy as np
import pytest

from watchd.domain.errors import ModelError
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.models import find
from watchd.imaging.openvinosession import load_segmenter
from watchd.imaging.overlap import overlap
from watchd.imaging.segment import Seen, Segmenter

pytestmark = pytest.mark.shared

PLAN = ThreadPlan(1, 1, 1, (None,))


@pytest.fixture(scope="session")
def seen(shared: Path, segmenter: Segmenter) -> list[Seen]:
    photos = sorted(path for path in (shared / "photos").iterdir() if path.suffix in (".jpg", ".png"))
    pictures = [open_picture(io.BytesIO(photo.read_bytes()), photo.name, 200_000_000) for photo in photos]
    return [segmenter.shrink(picture.load().seen()) for picture in pictures]


def test_fp32_masks_agree_within_half_a_grey_level(
    model: Path, segmenter: Segmenter, seen: list[Seen]
) -> None:
    other = load_segmenter(find(str(model), {}), lambda: PLAN)

    for small in seen:
        difference = np.abs(segmenter(small).astype(np.int16) - other(small))
        assert difference.mean() < 0.5
        assert difference.max() <= 2


def test_bf16_masks_show_the_same_subject(model: Path, segmenter: Segmenter, seen: list[Seen]) -> None:
    try:
        other = load_segmenter(find(f"{model}.bf16", {}), lambda: PLAN)
    except ModelError as error:
        pytest.skip(str(error))

    assert np.mean([overlap(segmenter(small), other(small)) for small in seen]) > 0.95
