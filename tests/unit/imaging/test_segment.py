"""What the network is fed, and what its answer becomes."""

import numpy as np
import pytest
from fakes import draw
from PIL import Image

from watchd.imaging.arrays import Batch, Map
from watchd.imaging.segment import U2netSegmenter

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class FakeNetwork:
    """Remembers what it was fed, and answers what it was told to."""

    def __init__(self, answer: object = ((0.0, 1.0),), channels_last: bool = False) -> None:
        self.channels_last = channels_last
        self.fed: list[Batch] = []
        answer = np.array(answer, np.float32)
        self.answer = answer if answer.ndim > 2 else answer[np.newaxis, np.newaxis]

    def run(self, batch: Batch) -> Map:
        self.fed.append(batch)
        return self.answer


def segmenter(network: FakeNetwork, side: int = 8, activation: str = "none") -> U2netSegmenter:
    return U2netSegmenter(network, side, MEAN, STD, activation)


def test_network_is_fed_as_rembg_feeds_it() -> None:
    network, image = FakeNetwork(), draw(64, 48)

    segmenter(network)(image)

    pixels = np.array(image.resize((8, 8), Image.Resampling.LANCZOS)) / 1.0
    expected = ((pixels / pixels.max() - MEAN) / STD).transpose(2, 0, 1)[np.newaxis]
    assert network.fed[0].dtype == np.float32
    assert np.abs(network.fed[0] - expected).max() < 1e-6


def test_channels_come_last_where_the_graph_wants_it() -> None:
    first, last = FakeNetwork(), FakeNetwork(channels_last=True)

    for network in (first, last):
        segmenter(network)(draw())

    assert last.fed[0].shape == (1, 8, 8, 3)
    assert np.array_equal(last.fed[0].transpose(0, 3, 1, 2), first.fed[0])


def test_black_picture_is_not_divided_by_zero() -> None:
    network = FakeNetwork()

    segmenter(network)(Image.new("RGB", (9, 9)))

    assert network.fed[0][0, :, 0, 0] == pytest.approx(
        [-mean / std for mean, std in zip(MEAN, STD, strict=True)]
    )


def test_picture_is_not_changed() -> None:
    image = draw()

    segmenter(FakeNetwork())(image)

    assert image.tobytes() == draw().tobytes()


def test_answer_is_stretched_to_the_whole_range_and_truncated() -> None:
    mask = segmenter(FakeNetwork([[0.25, 0.5, 0.75]]))(draw())

    assert mask.dtype == np.uint8
    assert mask.tolist() == [[0, 127, 255]]


@pytest.mark.parametrize(("level", "shown"), [(0.0, 0), (0.03, 0), (0.45, 0), (0.55, 255), (1.0, 255)])
def test_flat_answer_is_all_background_or_all_subject(level: float, shown: int) -> None:
    mask = segmenter(FakeNetwork([[level, level + 0.04]]))(draw())

    assert mask.tolist() == [[shown, shown]]


def test_sigmoid_comes_before_the_stretch() -> None:
    mask = segmenter(FakeNetwork([[-1000.0, 0.0, 2.0, 1000.0]]), activation="sigmoid")(draw())

    assert mask.tolist() == [[0, 127, 224, 255]]


@pytest.mark.parametrize(
    ("answer", "channels_last"),
    [
        ([[[[0.0, 1.0]], [[9.0, 7.0]]]], False),
        ([[[[0.0, 9.0], [1.0, 7.0]]]], True),
        ([[[0.0, 1.0]]], False),
    ],
    ids=["channels first", "channels last", "no channels"],
)
def test_only_the_first_channel_counts(answer: object, channels_last: bool) -> None:
    assert segmenter(FakeNetwork(answer, channels_last))(draw()).tolist() == [[0, 255]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answer_that_is_no_number_is_an_error(value: float) -> None:
    with pytest.raises(ArithmeticError):
        segmenter(FakeNetwork([[0.0, value]]))(draw())
