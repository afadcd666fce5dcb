"""The network: an encoder down to 1/32, the whole picture's say, a decoder up to 1/2."""

import torch
import torch.nn.functional as F  # noqa: N812 -- as everyone knows it
from torch import Tensor, nn

from train.encoder import WIDTHS, Encoder

DECODER = (16, 32, 64, 96)
"""Channels of the decoder at 1/2, … 1/16."""


class Network(nn.Module):
    """N×3×S×S, normalised as for ImageNet, S a multiple of 32. Answers logits N×1×S×S.

    While training it answers three coarser maps as well, at 1/4, 1/8 and 1/16.
    """

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.context = Context(WIDTHS[-1], DECODER[-1])
        coarser = (*DECODER[1:], DECODER[-1])
        self.decoder = nn.ModuleList(
            Merge(below, side, width)
            for below, side, width in reversed(list(zip(coarser, WIDTHS[:-1], DECODER, strict=True)))
        )
        self.coarse_heads = nn.ModuleList(nn.Conv2d(width, 1, 1) for width in DECODER[1:])
        self.head = nn.Conv2d(DECODER[0], 1, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor | list[Tensor]:
        maps = self.encoder(pictures)
        decoded = [self.context(maps.pop())]
        for merge in self.decoder:
            decoded.append(merge(decoded[-1], maps.pop()))
        mask = doubled(self.head(decoded.pop()))
        if not self.training:
            return mask
        return [mask, *(head(decoded.pop()) for head in self.coarse_heads)]


class Context(nn.Module):
    """What a point is among its surroundings: itself, a dilated look around, and the picture's mean."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.mean = nn.Conv2d(width, out, 1)
        self.point = convolution(width, out, 1)
        self.around = convolution(out, out, dilation=2)
        self.joined = convolution(3 * out, out, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = F.relu(self.mean(x.mean((2, 3), keepdim=True))).expand(-1, -1, x.shape[2], x.shape[3])
        point = self.point(x)
        return self.joined(torch.cat([point, self.around(point), mean], 1))


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


def convolution(channels: int, out: int, size: int = 3, *, dilation: int = 1) -> nn.Sequential:
    padding = dilation * (size // 2)
    filters = nn.Conv2d(channels, out, size, padding=padding, dilation=dilation, bias=False)
    return nn.Sequential(filters, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def doubled(map_: Tensor) -> Tensor:
    return F.interpolate(map_, scale_factor=2, mode="bilinear", align_corners=False)
