"""Fitting: it learns, it can be repeated, and it can be stopped."""

from pathlib import Path

import pytest
import torch
from train.fit import Fit, Plan
from train.pairs import Pairs, load


@pytest.fixture
def pairs(packed: Path) -> Pairs:
    return load(packed)


def fit(pairs: Pairs, steps: int = 4, seed: int = 1) -> Fit:
    return Fit(pairs, Plan(steps, 3, seed), None, "cpu")


def weights(fit: Fit) -> list[torch.Tensor]:
    return list(fit.average.state_dict().values())


def same(first: Fit, second: Fit) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def test_steps_lower_the_loss(pairs: Pairs) -> None:
    run = fit(pairs, steps=60)

    losses = [run.advance() for _ in range(20)]

    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_same_seed_gives_the_same_weights(pairs: Pairs) -> None:
    first, second, other = fit(pairs), fit(pairs), fit(pairs, seed=2)
    for run in (first, second, other):
        run.advance()
        run.advance()

    assert same(first, second)
    assert not same(first, other)


def test_fit_that_was_stopped_ends_as_one_that_was_not(pairs: Pairs, tmp_path: Path) -> None:
    straight, stopped = fit(pairs), fit(pairs)
    while not straight.done:
        straight.advance()
    for _ in range(2):
        stopped.advance()
    stopped.save(tmp_path / "state")

    resumed = fit(pairs, seed=1)
    resumed.resume(tmp_path / "state")
    while not resumed.done:
        resumed.advance()

    assert resumed.step == straight.step == 4
    assert same(resumed, straight)
    assert not same(resumed, stopped)
