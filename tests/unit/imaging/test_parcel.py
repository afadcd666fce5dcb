"""A picture comes out of shared memory as it was laid down, and facts that do not fit are refused."""

import json
from typing import Any

import numpy as np
import pytest
from fakes import draw
from PIL import Image

from watchd.imaging.colour import MAX_CARRIED_ICC
from watchd.imaging.decode import Picture
from watchd.imaging.parcel import lay_down, room_for, take_up


def through(picture: Picture) -> Picture:
    room = memoryview(bytearray(room_for(picture.image.width * picture.image.height)))
    return take_up(json.loads(json.dumps(lay_down(picture, room))), room)


def test_picture_with_everything_arrives_unchanged() -> None:
    alpha = Image.linear_gradient("L").resize((700, 500))
    sent = Picture(draw(700, 500), alpha, b"profile", (300.0, 150.0), ("first of 3 frames",))

    got = through(sent)

    assert np.array_equal(np.asarray(got.image), np.asarray(sent.image))
    assert got.alpha is not None
    assert np.array_equal(np.asarray(got.alpha), np.asarray(alpha))
    assert (got.image.mode, got.alpha.mode) == ("RGB", "L")
    assert (got.icc, got.dpi, got.notes) == (sent.icc, sent.dpi, sent.notes)


def test_picture_with_nothing_beside_its_pixels_arrives_so() -> None:
    got = through(Picture(draw(3, 2)))

    assert (got.alpha, got.icc, got.dpi, got.notes) == (None, None, None, ())


def test_picture_larger_than_its_header_said_is_not_laid_down() -> None:
    room = memoryview(bytearray(room_for(100)))

    with pytest.raises(ValueError, match="64×48"):
        lay_down(Picture(draw(64, 48)), room)


@pytest.mark.parametrize(
    "lie",
    [
        {"size": [1 << 20, 1 << 20]},
        {"size": [0, 5]},
        {"size": [-4, -4]},
        {"icc": MAX_CARRIED_ICC + 1},
        {"icc": -1},
        {"size": [1, 2, 3]},
        {"notes": None},
        {"dpi": ["x"]},
    ],
    ids=str,
)
def test_facts_that_no_child_of_ours_tells_are_refused(lie: dict[str, Any]) -> None:
    room = memoryview(bytearray(room_for(64 * 48)))
    facts = lay_down(Picture(draw(64, 48)), room) | lie

    with pytest.raises((ValueError, TypeError, IndexError)):
        take_up(facts, room)
