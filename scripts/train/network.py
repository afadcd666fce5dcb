"""The network: a dense residual encoder down to 1/32, the whole picture's say, a decoder up to 1/2."""

import torch
import torch.nn.functional as F  # noqa: N812 -- as everyone knows it
from torch import Tensor, nn

WIDTHS = (16, 32, 64, 128, 192)
"""Channels at 1/2, 1/4, … 1/32 of the side."""
BLOCKS = (1, 2, 3, 2)
"""Residual blocks at 1/4, … 1/32."""
DECODER = (20, 40, 48, 64)
"""Channels of the decoder at 1/2, … 1/16."""


class Network(nn.Module):
    """N×3×S×S, normalised as for ImageNet, S a multiple of 32. Answers logits N×1×S×S.

    While training it answers three coarser maps as well, at 1/4, 1/8 and 1/16.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = convolution(3, WIDTHS[0], stride=2)
        self.stages = nn.ModuleList(
            nn.Sequential(convolution(below, width, stride=2), *(Residual(width) for _ in range(blocks)))
            for below, width, blocks in zip(WIDTHS[:-1], WIDTHS[1:], BLOCKS, strict=True)
        )
        self.context = Context(WIDTHS[-1], DECODER[-1])
        coarser = (*DECODER[1:], DECODER[-1])
        self.decoder = nn.ModuleList(
            Merge(below, side, width)
            for below, side, width in reversed(list(zip(coarser, WIDTHS[:-1], DECODER, strict=True)))
        )
        self.coarse_heads = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in DECODER[1:])
        self.head = nn.Conv2d(DECODER[0], 1, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor | list[Tensor]:
        maps = [self.stem(pictures)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        decoded = [self.context(maps.pop())]
        for merge in self.decoder:
            decoded.append(merge(decoded[-1], maps.pop()))
        mask = doubled(self.head(decoded.pop()))
        if not self.training:
            return mask
        return [mask, *(head(decoded.pop()) for head in self.coarse_heads)]


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = convolution(width, width)
        self.second = convolution(width, width, active=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class Context(nn.Module):
    """What a point is among its surroundings: itself, a dilated look around, and the picture's mean."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.mean = nn.Conv2d(width, out, 1)
        self.point = convolution(width, out, 1)
        self.around = convolution(width, out, dilation=2)
        self.joined = convolution(3 * out, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = F.relu(self.mean(x.mean((2, 3), keepdim=True))).expand(-1, -1, x.shape[2], x.shape[3])
        return self.joined(torch.cat([self.point(x), self.around(x), mean], 1))


class Merge(nn.Module):
    """The coarser map enlarged, plus the encoder's of this size."""

    def __init__(self, coarser: int, beside: int, width: int) -> None:
        super().__init__()
        same = coarser == width
        self.above = nn.Identity() if same else convolution(coarser, width, 1)
        self.beside = convolution(beside, width, 1)
        self.joined = convolution(width, width)

    def forward(self, coarser: Tensor, beside: Tensor) -> Tensor:
        return self.joined(self.above(doubled(coarser)) + self.beside(beside))


def convolution(
    channels: int, out: int, size: int = 3, *, stride: int = 1, dilation: int = 1, active: bool = True
) -> nn.Sequential:
    padding = dilation * (size // 2)
    layers = [
        nn.Conv2d(channels, out, size, stride, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(out),
    ]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if active else nn.Sequential(*layers)


def doubled(map_: Tensor) -> Tensor:
    return F.interpolate(map_, scale_factor=2, mode="bilinear", align_corners=False)
