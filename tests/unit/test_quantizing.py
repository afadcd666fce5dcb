"""From a folder of drawn photos to an int8 network that is installed, or refused."""

from dataclasses import replace
from pathlib import Path

import pytest
from conv_model import build_conv_model
from fakes import encoded
from PIL import Image
from scenes import scene

from watchd.domain.errors import StartupError
from watchd.domain.quantreport import Accuracy, Trial, Verdict
from watchd.imaging.models import find
from watchd.quantizing import Wish, quantize, refusals_of

TRIAL = Trial("least error", (), iou_mean=0.96, iou_worst=0.9, speedup=2.0)
VERDICT = Verdict("u2netp", 48, 24, 119, (TRIAL,), TRIAL, None, None, "int8.png")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(15):
        (folder / f"{number:02}.jpg").write_bytes(encoded(image=scene(number).resize((120, 80))))
    return folder


@pytest.fixture
def wish(tmp_path: Path, photos: Path) -> Wish:
    """Of a network that is too small to be any faster in int8."""
    model = build_conv_model(tmp_path / "conv.onnx")
    return Wish(str(model), photos, None, None, 0.95, tmp_path / "sheet.png", min_speedup=0)


def quantized(wish: Wish, told: list[str] | None = None) -> Verdict:
    said = [] if told is None else told
    return quantize(wish, {}, lambda _more: None, said.append)


def test_int8_network_is_installed_beside_the_users_file(wish: Wish, tmp_path: Path) -> None:
    verdict = quantized(wish)

    assert verdict.installed == str(tmp_path / "conv.int8.onnx")
    assert find(str(tmp_path / "conv.int8.onnx"), {}).path.is_file()
    assert verdict.refusals == ()


def test_it_is_judged_on_photos_that_had_no_part_in_it(wish: Wish) -> None:
    verdict = quantized(wish)

    assert (verdict.calibrated_on, verdict.judged_on) == (10, 5)


def test_it_is_judged_on_other_photos_if_these_are_given(wish: Wish, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "others").mkdir()
    (photos / "00.jpg").rename(tmp_path / "others" / "00.jpg")

    verdict = quantized(replace(wish, judge=tmp_path / "others"))

    assert (verdict.calibrated_on, verdict.judged_on) == (14, 1)


def test_refused_network_is_not_installed_but_drawn(wish: Wish, tmp_path: Path) -> None:
    verdict = quantized(replace(wish, min_speedup=1000))

    assert verdict.installed == ""
    assert not (tmp_path / "conv.int8.onnx").exists()
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"


def test_human_masks_are_compared_where_they_are(wish: Wish, tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    Image.new("L", (120, 80), 255).save(tmp_path / "masks" / "00.png")

    verdict = quantized(replace(wish, masks=tmp_path / "masks"))

    assert verdict.fp32 is not None
    assert verdict.int8 is not None
    assert verdict.fp32.mae == pytest.approx(verdict.int8.mae, abs=0.01)


def test_too_few_photos_are_told_with_how_many_are_needed(wish: Wish, photos: Path) -> None:
    for number in range(5, 15):
        (photos / f"{number:02}.jpg").unlink()

    with pytest.raises(StartupError, match="5 photos are too few, give 12 or more"):
        quantized(wish)


def test_photos_are_not_for_both(wish: Wish, photos: Path) -> None:
    with pytest.raises(StartupError, match="all but 0 of its photos are for --judge"):
        quantized(replace(wish, judge=photos))


def test_broken_photo_is_left_out_and_told(wish: Wish, photos: Path) -> None:
    (photos / "01.jpg").write_bytes(b"no picture")
    told: list[str] = []

    verdict = quantized(wish, told)

    assert verdict.calibrated_on == 9
    assert any("left out: 01.jpg" in line for line in told)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (
            replace(VERDICT, judged=replace(TRIAL, iou_mean=0.94)),
            "agree with fp32's by 0.940, less than 0.95",
        ),
        (replace(VERDICT, judged=replace(TRIAL, speedup=1.4)), "only 1.40 times as fast, less than 1.5"),
        (replace(VERDICT, fp32=Accuracy(0.04, 0.9), int8=Accuracy(0.051, 0.9)), "error is worse by 0.011"),
        (replace(VERDICT, fp32=Accuracy(0.04, 0.9), int8=Accuracy(0.04, 0.88)), "F-beta is worse by 0.020"),
    ],
)
def test_refusal_says_what_is_not_enough(verdict: Verdict, reason: str) -> None:
    (only,) = refusals_of(verdict, 0.95, 1.5)

    assert reason in only


def test_what_is_good_enough_is_not_refused() -> None:
    judged = replace(VERDICT, fp32=Accuracy(0.04, 0.9), int8=Accuracy(0.049, 0.893))

    assert refusals_of(judged, 0.95, 1.5) == []
