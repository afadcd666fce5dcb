"""`watchd tune` in a process of its own, with a network of one kilobyte."""

import json
import signal
from pathlib import Path

import pytest
from commands import ended_by, watchd
from PIL import Image
from tiny_model import build_tiny_model


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A watch folder with a file that says one worker; auto has no more on a machine with one core."""
    root = tmp_path / "photos"
    watchd("init", root)
    build_tiny_model(root / "tiny.onnx")
    text = (root / "config.yaml").read_text().replace("model: builtin ", "model: tiny.onnx ")
    (root / "config.yaml").write_text(f"{text}\nthreads:\n  workers: 1  # mine\n")
    return root


def test_layouts_are_measured_told_drawn_and_written(root: Path, tmp_path: Path) -> None:
    done = watchd("tune", root, "--seconds", "2", "--write", "--chart", tmp_path / "tune.png", "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["model"] == "tiny"
    assert all(row["pace"]["per_second"] > 0 for row in found["rows"] if not row["left_out"])
    assert found["best"] in found["rows"]
    with Image.open(tmp_path / "tune.png") as chart:
        assert chart.format == "PNG"
    assert "# mine" in (root / "config.yaml").read_text()
    assert watchd("check", root).returncode == 0


def test_table_is_for_people(root: Path) -> None:
    done = watchd("tune", root, "--seconds", "1")

    assert done.returncode == 0, done.stderr
    assert "← best" in done.stdout
    assert "pictures/s" in done.stderr


def test_ctrl_c_ends_it_with_nothing_written_and_no_process_left(root: Path) -> None:
    before = (root / "config.yaml").read_bytes()

    ended = ended_by(signal.SIGINT, "tune", root, "--seconds", "600", "--write")

    assert ended.returncode == 130
    assert ended.stderr.endswith("watchd: ended; nothing was written\n")
    assert (root / "config.yaml").read_bytes() == before


def test_killed_it_leaves_no_process_either(root: Path) -> None:
    ended = ended_by(signal.SIGKILL, "tune", root, "--seconds", "600")

    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "u2nte"], 69, "did you mean u2net"),
        (["-c", "nowhere.yaml"], 78, "nowhere.yaml: cannot be read"),
        (["--seconds", "0"], 2, "--seconds"),
    ],
)
def test_bad_input_ends_in_its_exit_code(root: Path, words: list[str], code: int, said: str) -> None:
    done = watchd("tune", root, *words)

    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_cpu_that_may_not_be_used_is_an_error_that_lists_the_usable_ones(root: Path) -> None:
    (root / "config.yaml").write_text("watch:\n- root: .\nbinding: '8191'\n")

    done = watchd("tune", root)

    assert done.returncode == 78
    assert "we may not use CPU 8191" in done.stderr


def test_no_file_to_write_into_is_told_at_once(tmp_path: Path) -> None:
    done = watchd("tune", tmp_path / "other", "--write")

    assert done.returncode == 78
    assert "watchd init" in done.stderr
