"""Runs that wait for each other."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from watchd.imaging.arrays import Batch, Map
from watchd.imaging.inturn import InTurn

BATCH: Batch = np.zeros((1, 3, 8, 8), np.float32)


class FakeNetwork:
    """Says whether another run was inside at the same time."""

    side, channels_last, flavour = 8, False, "fake"

    def __init__(self) -> None:
        self.met: list[bool] = []
        self._both = threading.Barrier(2)

    def run(self, batch: Batch) -> Map:
        try:
            self._both.wait(timeout=0.3)
            self.met.append(True)
        except threading.BrokenBarrierError:
            self.met.append(False)
        return batch[:, :1]

    def try_out(self, side: int) -> None:
        raise AssertionError(side)


@pytest.mark.parametrize("in_turn", [False, True])
def test_two_runs_at_once_meet_only_without_a_turn(in_turn: bool) -> None:
    fake = FakeNetwork()
    network = InTurn(fake) if in_turn else fake

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(network.run, [BATCH, BATCH]))

    assert fake.met == [not in_turn] * 2
    assert [answer.shape for answer in answers] == [(1, 1, 8, 8)] * 2


def test_it_says_of_itself_what_the_network_says() -> None:
    network = InTurn(FakeNetwork())

    assert (network.side, network.channels_last, network.flavour) == (8, False, "fake")
    with pytest.raises(AssertionError, match="24"):
        network.try_out(24)
