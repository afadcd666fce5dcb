"""The choice of what runs the networks, as the command answers it."""

import subprocess
import sys
from pathlib import Path

import pytest
from commands import watchd
from fakes import draw, encoded
from tiny_model import build_tiny_model

WITHOUT_OPENVINO = "import sys; sys.modules['openvino'] = None; from watchd.cli import main; main()"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "inbox").mkdir(parents=True)
    (root / "inbox" / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    return root


def without_openvino(*words: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_OPENVINO, *map(str, words)],
        check=False,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        env={"WATCHD_MODELS_ENGINE": "openvino", "PATH": "/usr/bin:/bin"},
    )


def test_variable_chooses_the_engine(root: Path, tmp_path: Path) -> None:
    model = build_tiny_model(tmp_path / "tiny.onnx")

    checked = watchd("check", root, WATCHD_MODELS_ENGINE="openvino")
    done = watchd("run", "--once", root, "--model", model, WATCHD_MODELS_ENGINE="openvino")

    assert "engine: OpenVINO " in checked.stdout
    assert "environment WATCHD_MODELS_ENGINE" in checked.stdout
    assert done.returncode == 0, done.stderr
    assert (root / "outbox" / "a.png").is_file()


@pytest.mark.parametrize("command", [("check",), ("run", "--once")])
def test_missing_extra_is_told_and_costs_no_file(root: Path, command: tuple[str, ...]) -> None:
    done = without_openvino(*command, root, cwd=root.parent)

    assert done.returncode == 69
    assert "pip install 'watchd[openvino]'" in done.stdout + done.stderr
    assert (root / "inbox" / "a.jpg").is_file()


@pytest.mark.parametrize("command", [("check",), ("run", "--once")])
def test_provider_that_is_not_there_is_told_and_costs_no_file(root: Path, command: tuple[str, ...]) -> None:
    done = watchd(*command, root, WATCHD_MODELS_PROVIDERS="migraphx,cpu")

    assert done.returncode == 69
    assert "this ONNX Runtime has no MIGraphXExecutionProvider, only " in done.stdout + done.stderr
    assert (root / "inbox" / "a.jpg").is_file()


def test_precision_that_the_engine_has_not_is_a_config_error(root: Path) -> None:
    (root / "config.yaml").write_text("watch: [root: .]\nprofiles: {default: {precision: bf16}}\n")

    done = watchd("run", "--once", root)

    assert done.returncode == 78
    assert "config.yaml:2: profiles.default.precision: bf16 needs models.engine: openvino" in done.stderr
    assert (root / "inbox" / "a.jpg").is_file()
