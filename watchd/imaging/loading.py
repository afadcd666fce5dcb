"""From a network's file to a segmenter whose network comes and goes, whichever engine runs it."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from watchd.domain.errors import ModelError, TryAgain
from watchd.domain.job import Stamp
from watchd.imaging.models import FoundModel, checksum
from watchd.imaging.resident import ResidentNetwork, Residents
from watchd.imaging.segment import Network, U2netSegmenter

log = logging.getLogger(__name__)


class LoadedNetwork(Network, Protocol):
    """A network as an engine gives it.

    `side` is what the graph takes (None: any). `flavour` says what else than its file decides its answers,
    "" where they are those of fp32: there engines differ by less than a grey level.
    """

    side: int | None
    flavour: str

    def try_out(self, side: int) -> None:
        """One run at that side. ModelError: it cannot."""


N = TypeVar("N", bound=LoadedNetwork)


def segmenter_of(
    found: FoundModel, load: Callable[[], N], residents: Residents[N] | None, warm: bool = False
) -> U2netSegmenter:
    """Loads the model; ModelError as in `load`, or if it cannot run at the side that the table names.

    It stays loaded as long as `residents` have a place for it, and is loaded again when it is to run, by
    what `load` does then. If it shall be `warm` it runs once.
    """
    spec, name, residents = found.spec, str(found), residents or Residents(most=1)
    with ThreadPoolExecutor(1, "weights") as aside:
        reading = aside.submit(_Weights, found.path)  # at the same time: of 176 MB it takes 0.1 s and more
        with residents.using(name, load) as network:
            if warm or network.side is None:
                network.try_out(network.side or spec.side)
            side, channels_last, flavour = network.side or spec.side, network.channels_last, network.flavour
        weights = reading.result()
    resident = ResidentNetwork(residents, name, lambda: _again(weights, load), channels_last)
    return U2netSegmenter(resident, weights.checksum, side, spec.mean, spec.std, spec.activation, flavour)


class _Weights:
    """The file of a network as it was at first: another one would make other masks."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checksum, self._stamp = self._read()

    def unchanged(self) -> bool:
        return Stamp.of(os.stat(self.path)) == self._stamp or self._read()[0] == self.checksum

    def _read(self) -> tuple[str, Stamp]:
        with self.path.open("rb") as file:
            return checksum(file), Stamp.of(os.fstat(file.fileno()))


def _again(weights: _Weights, load: Callable[[], N]) -> N:
    """On a worker's thread. TryAgain: the file is not what it was; OSError: it is gone."""
    if not weights.unchanged():
        raise TryAgain(f"{weights.path} has changed since watchd started: restart watchd")
    begun = time.monotonic()
    try:
        with _unpinned():
            network = load()
    except ModelError as error:
        raise TryAgain(str(error)) from error
    facts = {"network": weights.path, "seconds": round(time.monotonic() - begun, 3)}
    log.info("network loaded again (models.resident)", extra=facts)
    return network


@contextmanager
def _unpinned() -> Iterator[None]:
    """Helper threads that the plan does not pin inherit the affinity of who creates them."""
    own = os.sched_getaffinity(0)
    with suppress(OSError):  # a cpuset that has shrunk meanwhile costs the pinning only
        os.sched_setaffinity(0, os.sched_getaffinity(os.getpid()))
    try:
        yield
    finally:
        with suppress(OSError):
            os.sched_setaffinity(0, own)
