"""A network with a trap like u2netp's: the search must find out which convolutions stay fp32."""

from pathlib import Path

import pytest
from conv_model import build_conv_model
from scenes import scene

from watchd.imaging.int8search import Int8Search
from watchd.imaging.models import find
from watchd.imaging.overlap import overlap


class Steps:
    def __init__(self) -> None:
        self.expected = 0
        self.done = 0

    def expect(self, more: int) -> None:
        self.expected += more

    def step(self, _line: str) -> None:
        self.done += 1


@pytest.fixture
def photos() -> list:
    return [scene(number).resize((32, 32)) for number in range(8)]


def search(path: Path, steps: Steps | None = None) -> Int8Search:
    steps = steps or Steps()
    return Int8Search(find(str(path), {}), path.parent, steps.expect, steps.step)


def test_network_without_a_trap_is_int8_as_a_whole(tmp_path: Path, photos) -> None:
    trials, best = search(build_conv_model(tmp_path / "conv.onnx")).best(photos, 0.95, 0)

    assert best.kept == ()
    assert best.iou_mean > 0.98
    assert {trial.kept for trial in trials} == {()}


def test_convolutions_around_a_trap_stay_fp32(tmp_path: Path, photos) -> None:
    trials, best = search(build_conv_model(tmp_path / "conv.onnx", trap=True)).best(photos, 0.95, 0)

    assert trials[0].iou_mean < 0.9
    assert set(best.kept) == {"deep", "mouth"}
    assert best.iou_mean > 0.98


def test_best_can_be_made_again(tmp_path: Path, photos) -> None:
    found = search(build_conv_model(tmp_path / "conv.onnx", trap=True))
    _, best = found.best(photos, 0.95, 0)

    again = found.load(found.content(best.rule, best.kept, {"made_from": "here"}))

    assert min(overlap(found.fp32(photo), again(photo)) for photo in photos) > 0.95


def test_network_that_is_never_fast_enough_is_given_with_its_best_masks(tmp_path: Path, photos) -> None:
    trials, best = search(build_conv_model(tmp_path / "conv.onnx")).best(photos, 0.95, 1000)

    assert best.iou_mean == max(trial.iou_mean for trial in trials)


def test_every_expected_step_is_done(tmp_path: Path, photos) -> None:
    steps = Steps()

    search(build_conv_model(tmp_path / "conv.onnx", trap=True), steps).best(photos, 0.95, 0)

    assert steps.done == steps.expected > 0
