"""Pictures as nobody took them: cut, mirrored, turned, and in other light, so that no two look alike."""

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(1, 3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(1, 3, 1, 1)

WHOLE = 0.25
"""How often a picture stays uncut: the network will be shown whole ones."""
SMALLEST_CUT = 0.55
"""The side of the smallest cut, of the picture's."""
TURNED = 0.3
"""How often a picture is turned, or moved further away."""


def augmented(pictures: Tensor, masks: Tensor, side: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """N×3×H×W and N×C×H×W bytes, to as many of side × side: normalised, and in 0..1."""
    cuts = [_cut(rng, pictures.shape[-1]) for _ in pictures]
    x = torch.cat([_resized(picture, cut, side) for picture, cut in zip(pictures, cuts, strict=True)])
    y = torch.cat([_resized(mask, cut, side) for mask, cut in zip(masks, cuts, strict=True)])
    both = torch.cat([x, y], 1).float().div_(255)
    turned = torch.from_numpy(rng.random(len(both)) < TURNED)
    if turned.any():
        both[turned] = _turned(both[turned], rng)
    return normalised(_relit(both[:, :3], rng)), both[:, 3:].contiguous()


def normalised(pictures: Tensor) -> Tensor:
    """As the network wants them: `pictures` are in 0..1."""
    return ((pictures - MEAN) / STD).contiguous(memory_format=torch.channels_last)


Cut = tuple[int, int, int, int, bool]
"""Top, left, height, width, mirrored."""


def _cut(rng: np.random.Generator, side: int) -> Cut:
    mirrored = bool(rng.random() < 0.5)
    if rng.random() < WHOLE:
        return 0, 0, side, side, mirrored
    size = rng.uniform(SMALLEST_CUT, 1)
    stretch = math.exp(rng.uniform(-0.2, 0.2))
    height, width = (min(side, round(side * size * by)) for by in (stretch, 1 / stretch))
    return int(rng.integers(side - height + 1)), int(rng.integers(side - width + 1)), height, width, mirrored


def _resized(planes: Tensor, cut: Cut, side: int) -> Tensor:
    top, left, height, width, mirrored = cut
    part = planes[None, :, top : top + height, left : left + width]
    part = part.contiguous(memory_format=torch.channels_last)
    part = F.interpolate(part, size=(side, side), mode="bilinear", antialias=True)
    return part.flip(3) if mirrored else part


def _turned(both: Tensor, rng: np.random.Generator) -> Tensor:
    """By up to 20 degrees and up to a third further away; what then lacks at the edges is mirrored in."""
    angle = rng.uniform(-math.radians(20), math.radians(20), len(both))
    away = rng.uniform(0.9, 1.35, len(both))
    cos, sin = away * np.cos(angle), away * np.sin(angle)
    zero = np.zeros_like(cos)
    theta = np.stack([np.stack([cos, -sin, zero], 1), np.stack([sin, cos, zero], 1)], 1)
    grid = F.affine_grid(torch.from_numpy(theta).float(), list(both.shape), align_corners=False)
    return F.grid_sample(both, grid, padding_mode="reflection", align_corners=False)


def _relit(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Softer or sharper, brighter or darker, of another tint and saturation, and grained."""
    count = len(pictures)

    def each(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (count, channels, 1, 1)).astype(np.float32))

    soft = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = pictures + (pictures - soft) * each(-0.8, 0.8)
    x = x * each(0.6, 1.4) * torch.where(each(0, 1) < 0.5, each(0.75, 1.25, 3), 1.0)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * torch.where(each(0, 1) < 0.1, 0.0, each(0.3, 1.5))
    grain = rng.standard_normal(x.shape[1:], dtype=np.float32)
    return (x + torch.from_numpy(grain) * each(0, 0.03)).clamp(0, 1)
