"""The file answers as the network does, and the network can be had back from the file."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from tiny_model import build_tiny_model
from train.__main__ import main
from train.export import SHARPNESS, export
from train.fit import Fit, Plan
from train.line import segmenter
from train.network import Network
from train.pairs import load
from train.score import score
from train.start import begin

from watchd.imaging.models import find


@pytest.fixture(scope="module")
def fitted(packed: Path) -> Network:
    run = Fit(load(packed), Plan(12, 3, 0), None, "cpu")
    for _ in range(8):
        run.advance()
    return run.average.eval()


@pytest.fixture(scope="module")
def file(fitted: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exported") / "network.onnx"
    export(fitted, file)
    return file


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.tensor(np.random.default_rng(0).standard_normal((2, 3, 320, 320), dtype=np.float32))


def answers(network: Network, pictures: torch.Tensor) -> np.ndarray:
    with torch.no_grad():
        return torch.sigmoid(SHARPNESS * network.eval()(pictures)).numpy()


def file_answers(file: Path, pictures: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(["mask"], {"image": one[None].numpy()})[0] for one in pictures])


def test_file_answers_as_the_network_does(fitted: Network, file: Path, pictures: torch.Tensor) -> None:
    assert np.abs(file_answers(file, pictures) - answers(fitted, pictures)).max() < 1e-3
    assert file.stat().st_size <= 6_000_000


def test_file_is_one_that_watchd_takes(file: Path) -> None:
    segment = segmenter(str(file))

    mask = segment(segment.shrink(Image.new("RGB", (500, 400), "grey")))

    assert mask.shape == (320, 320)


def test_network_that_is_taken_up_again_answers_as_before(
    file: Path, packed: Path, pictures: torch.Tensor
) -> None:
    builtin = find("builtin", {}).path
    for known in (file, builtin):
        network = begin(known, load(packed).some(np.arange(4))[0].float() / 255)

        assert np.abs(answers(network, pictures) - file_answers(known, pictures)).max() < 1e-3


def test_network_of_other_layers_is_not_taken_up(tmp_path: Path, pictures: torch.Tensor) -> None:
    tiny = build_tiny_model(tmp_path / "tiny.onnx")

    with pytest.raises(ValueError, match=r"tiny\.onnx has other layers than this network: 0 convolutions"):
        begin(tiny, pictures)


def test_file_that_is_no_network_is_named(tmp_path: Path, pictures: torch.Tensor) -> None:
    (tmp_path / "text.onnx").write_text("not a network")

    with pytest.raises(ValueError, match=r"text\.onnx is not an ONNX file"):
        begin(tmp_path / "text.onnx", pictures)


def test_score_is_that_of_the_masks(pairs_folder: Path, tmp_path: Path) -> None:
    bright = build_tiny_model(tmp_path / "bright.onnx", side=320)

    found = score(str(bright), pairs_folder)

    assert found.photos == 6
    assert found.f_beta > 0.99
    assert 0 < found.mae < 0.2


def test_folder_without_masks_is_named(pairs_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "images").symlink_to(pairs_folder / "images")

    with pytest.raises(ValueError, match="none of images/ has a mask"):
        score("builtin", tmp_path)


def test_all_steps_by_their_commands(
    pairs_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, state, network = (str(tmp_path / name) for name in ("packed", "state", "network.onnx"))

    def run(*words: str) -> int:
        monkeypatch.setattr("sys.argv", ["train", *words])
        return main()

    codes = [
        run("pack", str(pairs_folder), packed),
        run("fit", packed, state, "--steps", "1", "--batch", "2", "--threads", "1"),
        run("fit", packed, state, "--steps", "2", "--batch", "2", "--threads", "1"),
        run("export", state, network),
        run("score", network, str(pairs_folder)),
    ]

    assert codes == [0] * 5
    assert "6 photographs: max F-beta" in capsys.readouterr().out
    assert run("score", network, str(tmp_path)) == 1
