"""`watchd models compare` in a process of its own."""

import json
import signal
from pathlib import Path

import pytest
from commands import ended_by, watchd
from fakes import encoded
from PIL import Image
from scenes import scene
from tiny_model import build_tiny_model


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.jpg").write_bytes(encoded(image=scene(number)))
    return folder


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return build_tiny_model(tmp_path / "tiny.onnx")


def test_networks_are_measured_told_and_drawn(photos: Path, tiny: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"

    done = watchd("models", "compare", photos, "--models", f"builtin,mine={tiny}", "--out", sheet, "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["label"] for each in found["contenders"]] == ["builtin", "mine"]
    assert all(each["figures"]["peak_bytes"] > 0 for each in found["contenders"])
    with Image.open(sheet) as drawn:
        assert drawn.format == "PNG"


def test_broken_photo_is_told_in_the_table_and_by_the_exit_code(
    photos: Path, tiny: Path, tmp_path: Path
) -> None:
    (photos / "broken.jpg").write_bytes(b"no picture")

    done = watchd("models", "compare", photos, "--models", tiny, "--out", tmp_path / "s.png")

    assert done.returncode == 1, done.stderr
    assert "skipped: broken.jpg" in done.stdout
    assert f"to look at: {tmp_path / 's.png'}" in done.stdout


def test_configuration_around_the_photos_is_used(photos: Path, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "watch:\n- root: .\nprofiles: {default: {model: tiny.onnx}}\nthreads: {workers: 1, intra_op: 1}\n"
    )

    done = watchd("models", "compare", photos, "--out", tmp_path / "s.png", U2NET_HOME=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "tiny " in done.stdout
    assert "(1 × 1)" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--models", "u2nte"], 69, "did you mean u2net"),
        (["--out", "sheet.jpg"], 2, "no name of a PNG"),
        (["-c", "nowhere.yaml"], 78, "nowhere.yaml: cannot be read"),
        (["--most", "0"], 2, "--most"),
    ],
)
def test_bad_input_ends_in_its_exit_code(photos: Path, words: list[str], code: int, said: str) -> None:
    done = watchd("models", "compare", photos, *words)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = watchd("models", "compare", tmp_path / "nowhere")

    assert done.returncode == 2
    assert "does not exist" in done.stderr


def test_ctrl_c_ends_it_with_nothing_written_and_no_process_left(photos: Path, tmp_path: Path) -> None:
    words = ("models", "compare", photos, "--models", "builtin", "--out", tmp_path / "s.png")

    ended = ended_by(signal.SIGINT, *words)

    assert ended.returncode == 130
    assert ended.stderr.endswith("watchd: ended; nothing was written\n")
    assert not (tmp_path / "s.png").exists()
