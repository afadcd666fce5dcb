"""A network whose runs wait for each other, where its engine cannot do two at once."""

import threading

from watchd.imaging.arrays import Batch, Map
from watchd.imaging.loading import LoadedNetwork


class InTurn:
    """Any thread. What it is asked it asks `network`."""

    def __init__(self, network: LoadedNetwork) -> None:
        self.side, self.channels_last, self.flavour = network.side, network.channels_last, network.flavour
        self.try_out = network.try_out
        self._network = network
        self._turn = threading.Lock()

    def run(self, batch: Batch) -> Map:
        with self._turn:
            return self._network.run(batch)
