"""Fits the network to the pairs, step by step; stopped at any step, it goes on as if it had not been.

A step depends on the seed, its number and the state before, and on nothing else.
"""

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from train.augment import augmented, normalised
from train.losses import loss
from train.network import Network
from train.pairs import Pairs
from train.schedule import kept, rate, side
from train.start import begin

_CALIBRATION = 64
"""Pictures on which normalisations are set when an exported network is taken up."""

_ENCODER_SHARE = 0.25
"""Of the learning rate: what has been taught before moves less."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`rate` is the learning rate's peak; pictures are shown at each of `sides` in turn, multiples of 32."""

    steps: int
    batch: int = 24
    seed: int = 0
    rate: float = 1e-3
    sides: tuple[int, ...] = (192, 224, 256)

    def __post_init__(self) -> None:
        if any(side % 32 for side in self.sides):
            raise ValueError(f"the sides of pictures must be multiples of 32: {self.sides}")


class Fit:
    """A network under training. `average`, of the weights of late, is what is meant to be used."""

    def __init__(self, pairs: Pairs, plan: Plan, source: Path | None, device: str) -> None:
        torch.manual_seed(plan.seed)
        self._pairs, self._plan, self._device = pairs, plan, device
        self._network = begin(source, _first(pairs)).to(device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self._network)
        self._optimiser = torch.optim.AdamW(_groups(self._network), lr=0.0)
        self.step = 0

    @property
    def done(self) -> bool:
        return self.step >= self._plan.steps

    def advance(self) -> float:
        """Takes one step, and gives the loss before it."""
        plan = self._plan
        for group in self._optimiser.param_groups:
            group["lr"] = group["share"] * rate(self.step, plan.steps, plan.rate)
        pictures, masks = self._batch(side(self.step, plan.steps, plan.sides))
        self._network.train()
        with torch.autocast(self._device, torch.bfloat16):
            maps = self._network(pictures)
        wrong = loss(maps, masks[:, :1], masks[:, 1:] if self._pairs.teacher is not None else None)
        self._optimiser.zero_grad(set_to_none=True)
        wrong.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), 2.0)
        self._optimiser.step()
        self._take_into_average()
        self.step += 1
        return float(wrong.detach())

    def save(self, path: Path) -> None:
        """All that going on needs. The file appears whole."""
        new = path.with_suffix(".new")
        torch.save(
            {name: part.state_dict() for name, part in self._parts().items()} | {"step": self.step}, new
        )
        os.replace(new, path)

    def resume(self, path: Path) -> None:
        """Goes on from what `save` has written. The plan may have another number of steps by now."""
        saved = torch.load(path, map_location=self._device, weights_only=True)
        for name, part in self._parts().items():
            part.load_state_dict(saved[name])
        self.step = saved["step"]

    def _parts(self) -> dict[str, Any]:
        return {"network": self._network, "average": self.average, "optimiser": self._optimiser}

    def _batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Every picture once in each round, in another order each time."""
        batch, seed = self._plan.batch, self._plan.seed
        in_round = max(len(self._pairs) // batch, 1)
        number, place = divmod(self.step, in_round)
        order = np.random.default_rng((seed, 0, number)).permutation(len(self._pairs))
        which = np.sort(order[place * batch : (place + 1) * batch])  # sorted: the disk's order
        pictures, masks = self._pairs.some(which)
        pictures, masks = augmented(pictures, masks, size, np.random.default_rng((seed, 1, self.step)))
        return pictures.to(self._device), masks.to(self._device)

    def _take_into_average(self) -> None:
        part = kept(self.step)
        with torch.no_grad():
            averages, values = self.average.state_dict().values(), self._network.state_dict().values()
            for average, value in zip(averages, values, strict=True):
                if average.is_floating_point():
                    average.lerp_(value, 1 - part)
                else:
                    average.copy_(value)


def _first(pairs: Pairs) -> Tensor:
    pictures, _ = pairs.some(np.arange(min(_CALIBRATION, len(pairs))))
    return normalised(pictures.float() / 255)


def _groups(network: Network) -> list[dict[str, Any]]:
    """Only filters decay: a normalisation's scale that does so moves the whole map."""
    begun = {id(value) for value in network.encoder.parameters()}
    groups = []
    for share, of in ((_ENCODER_SHARE, True), (1.0, False)):
        values = [p for p in network.parameters() if p.requires_grad and (id(p) in begun) is of]
        for decay, filters in ((1e-2, True), (0.0, False)):
            params = [p for p in values if (p.ndim > 1) is filters]
            groups.append({"params": params, "weight_decay": decay, "share": share})
    return groups
