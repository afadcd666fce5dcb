"""The networks that people use, in int8: their masks stay, and u2netp's trap is found."""

from pathlib import Path

import pytest

from watchd.imaging.models import find
from watchd.quantizing import Wish, quantize

pytestmark = pytest.mark.shared


def told(_progress: object) -> None:
    pass


def test_builtin_in_int8_says_the_same(shared: Path, tmp_path: Path) -> None:
    wish = Wish("builtin", shared / "photos", None, None, 0.95, tmp_path / "sheet.png", min_speedup=0)

    verdict = quantize(wish, {"U2NET_HOME": str(tmp_path)}, told, told)

    assert verdict.refusals == ()
    assert find("builtin.int8", {"U2NET_HOME": str(tmp_path)}).path == Path(verdict.installed)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_u2netp_in_int8_keeps_one_layer_and_the_masks_that_people_drew(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "u2netp.onnx").symlink_to(shared / "models" / "u2netp.onnx")
    photos, masks = shared / "eval" / "images", shared / "eval" / "masks"
    wish = Wish("u2netp", shared / "photos", photos, masks, 0.95, tmp_path / "sheet.png", min_speedup=0)

    verdict = quantize(wish, {"U2NET_HOME": str(tmp_path)}, told, told)

    assert verdict.refusals == ()
    assert "conv97" in verdict.judged.kept
    assert verdict.trials[0].iou_mean < 0.95  # all in int8
