"""The encoder sees as the published one does, and what it keeps is kept."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from train.augment import normalised
from train.encoder import WIDTHS, Encoder, published, take_published
from train.fit import Fit, Plan
from train.pairs import load

_BORDER = 4
"""Points at the edge of a map that differ: what is laid around a picture is black or grey."""


@pytest.fixture(scope="module")
def weights() -> Path:
    file = published()
    assert file is not None, "scripts/train/setup brings them"
    return file


def first_map(pictures: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """As the paper has it: filters, then a normalisation, then at most six."""

    def step(x: Tensor, filters: str, norm: str, *, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = weights[f"{filters}.weight"]
        x = F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2, groups=groups)
        mean, var, scale, shift = (
            weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, scale, shift, eps=1e-3)

    x = step((pictures - 0.498) / 0.502, "_conv_stem", "_bn0", stride=2).clamp(0, 6)
    x = step(x, "_blocks.0._depthwise_conv", "_blocks.0._bn1", groups=32).clamp(0, 6)
    return step(x, "_blocks.0._project_conv", "_blocks.0._bn2")


def test_published_weights_see_what_they_saw(weights: Path) -> None:
    encoder = Encoder()
    take_published(encoder, weights)
    pictures = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))

    with torch.no_grad():
        maps = encoder(normalised(pictures))

    inside = (..., slice(_BORDER, -_BORDER), slice(_BORDER, -_BORDER))
    known = first_map(pictures, torch.load(weights, weights_only=True))
    assert [map_.shape[1:] for map_ in maps] == [
        (width, 32 >> level, 32 >> level) for level, width in enumerate(WIDTHS)
    ]
    assert (maps[0] - known)[inside].abs().max() < 1e-4 * known.abs().max()


def test_fit_from_the_published_weights_changes_only_what_is_not_held(packed: Path, weights: Path) -> None:
    run = Fit(load(packed), Plan(10, 2, 0), weights, "cpu")
    before = {name: value.clone() for name, value in run.average.named_parameters()}

    for _ in range(2):
        run.advance()

    moved = {name for name, value in run.average.named_parameters() if not torch.equal(value, before[name])}
    assert not any(
        name.startswith(("encoder.stem", "encoder.stages.0", "encoder.stages.1")) for name in moved
    )
    assert {"encoder.stages.2.0.body.0.weight", "encoder.stages.2.0.body.4.weight", "head.weight"} <= moved
    assert "encoder.stages.2.0.body.2.weight" not in moved  # depthwise


def test_file_of_other_weights_is_named(tmp_path: Path) -> None:
    torch.save({"_conv_stem.weight": torch.zeros(1)}, tmp_path / "other.pth")

    with pytest.raises(ValueError, match=r"other\.pth does not hold the weights of EfficientNet-lite0"):
        take_published(Encoder(), tmp_path / "other.pth")
