"""What the network is fed, and what its answer becomes."""

import json

import numpy as np
import pytest
from fakes import draw
from PIL import Image

from watchd.imaging.arrays import Batch, Map, Mask
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
    return U2netSegmenter(network, "sha256:0", side, MEAN, STD, activation)


def mask_of(image: Image.Image, network: FakeNetwork, activation: str = "none") -> Mask:
    found = segmenter(network, activation=activation)
    return found(found.shrink(image))


def test_network_is_fed_as_rembg_feeds_it() -> None:
    network, image = FakeNetwork(), draw(60, 48)

    mask_of(image, network)

    pixels = np.array(image.resize((8, 8), Image.Resampling.LANCZOS)) / 1.0
    expected = ((pixels / pixels.max() - MEAN) / STD).transpose(2, 0, 1)[np.newaxis]
    assert network.fed[0].dtype == np.float32
    assert np.abs(network.fed[0] - expected).max() < 1e-6


def test_channels_come_last_where_the_graph_wants_it() -> None:
    first, last = FakeNetwork(), FakeNetwork(channels_last=True)

    for network in (first, last):
        mask_of(draw(), network)

    assert last.fed[0].shape == (1, 8, 8, 3)
    assert np.array_equal(last.fed[0].transpose(0, 3, 1, 2), first.fed[0])


def test_black_picture_is_not_divided_by_zero() -> None:
    network = FakeNetwork()

    mask_of(Image.new("RGB", (9, 9)), network)

    assert network.fed[0][0, :, 0, 0] == pytest.approx(
        [-mean / std for mean, std in zip(MEAN, STD, strict=True)]
    )


def test_picture_is_not_changed() -> None:
    found, image = segmenter(FakeNetwork()), draw()

    small = found.shrink(image)
    shrunk = small.tobytes()
    found(small)

    assert image.tobytes() == draw().tobytes()
    assert small.tobytes() == shrunk


def test_picture_is_shrunk_to_the_side_of_the_network() -> None:
    small = segmenter(FakeNetwork(), side=24).shrink(draw(64, 48))

    assert (small.mode, small.size) == ("RGB", (24, 24))
    assert small.tobytes() == draw(64, 48).resize((24, 24), Image.Resampling.LANCZOS).tobytes()


def test_answer_is_stretched_to_the_whole_range_and_truncated() -> None:
    mask = mask_of(draw(), FakeNetwork([[0.25, 0.5, 0.75]]))

    assert mask.dtype == np.uint8
    assert mask.tolist() == [[0, 127, 255]]


@pytest.mark.parametrize(("level", "shown"), [(0.0, 0), (0.03, 0), (0.45, 0), (0.55, 255), (1.0, 255)])
def test_flat_answer_is_all_background_or_all_subject(level: float, shown: int) -> None:
    mask = mask_of(draw(), FakeNetwork([[level, level + 0.04]]))

    assert mask.tolist() == [[shown, shown]]


def test_sigmoid_comes_before_the_stretch() -> None:
    mask = mask_of(draw(), FakeNetwork([[-1000.0, 0.0, 2.0, 1000.0]]), activation="sigmoid")

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
    assert mask_of(draw(), FakeNetwork(answer, channels_last)).tolist() == [[0, 255]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answer_that_is_no_number_is_an_error(value: float) -> None:
    with pytest.raises(ArithmeticError):
        mask_of(draw(), FakeNetwork([[0.0, value]]))


def test_recipe_depends_on_all_that_decides_a_mask() -> None:
    network = FakeNetwork()
    recipes = [
        U2netSegmenter(network, "sha256:0", 8, MEAN, STD).recipe,
        U2netSegmenter(network, "sha256:1", 8, MEAN, STD).recipe,
        U2netSegmenter(network, "sha256:0", 9, MEAN, STD).recipe,
        U2netSegmenter(network, "sha256:0", 8, STD, STD).recipe,
        U2netSegmenter(network, "sha256:0", 8, MEAN, MEAN).recipe,
        U2netSegmenter(network, "sha256:0", 8, MEAN, STD, "sigmoid").recipe,
    ]

    assert all(one not in recipes[:index] for index, one in enumerate(recipes))


def test_recipe_survives_json() -> None:
    recipe = segmenter(FakeNetwork()).recipe

    assert json.loads(json.dumps(recipe)) == recipe


def test_what_else_than_the_weights_decides_the_masks_is_part_of_the_recipe() -> None:
    plain = U2netSegmenter(FakeNetwork(), "sha256:0", 8, MEAN, STD)
    other = U2netSegmenter(FakeNetwork(), "sha256:0", 8, MEAN, STD, flavour="openvino bf16")

    assert other.recipe == plain.recipe | {"flavour": "openvino bf16"}
