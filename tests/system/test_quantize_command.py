"""`watchd models quantize` in a process of its own."""

import subprocess
import sys
from pathlib import Path

from commands import watchd
from conv_model import build_conv_model
from fakes import encoded
from scenes import scene


def test_network_that_is_not_good_enough_is_refused_with_the_reasons(tmp_path: Path) -> None:
    model = build_conv_model(tmp_path / "conv.onnx", trap=True)
    for number in range(12):
        (tmp_path / f"{number}.jpg").write_bytes(encoded(image=scene(number)))

    done = watchd(
        "models", "quantize", model, "--calibrate", tmp_path, "--min-iou", "1", "--sheet", tmp_path / "s.png"
    )

    assert done.returncode == 1, done.stderr
    assert "not installed: " in done.stdout
    assert (tmp_path / "s.png").is_file()
    assert not (tmp_path / "conv.int8.onnx").exists()


def test_too_few_photos_end_in_one_line(tmp_path: Path) -> None:
    model = build_conv_model(tmp_path / "conv.onnx")

    done = watchd("models", "quantize", model, "--calibrate", tmp_path)

    assert done.returncode == 2
    assert "0 photos are too few" in done.stderr
    assert done.stderr.count("\n") == 1


def test_missing_extra_is_told_with_its_name() -> None:
    question = "import sys; sys.modules['onnx'] = None; import watchd.imaging.quantise"

    done = subprocess.run([sys.executable, "-c", question], check=False, capture_output=True, text=True)

    assert (
        "StartupError: watchd models quantize needs an extra: pip install 'watchd[quantize]'" in done.stderr
    )
