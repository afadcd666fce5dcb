"""Which networks are in memory: each is loaded when it is wanted, and the longest unused makes room."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from watchd.imaging.arrays import Batch, Map
from watchd.imaging.segment import Network

N = TypeVar("N", bound=Network)


class Residents(Generic[N]):
    """Holds at most `most` networks at a time. Any thread.

    A network at work is never taken away, but gets no new work while its place is wanted for another: who
    waits for a place waits for the end of what runs, and for a load. All who wait for one network are
    served by one load.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._places_changed = threading.Condition()
        self._places: dict[str, _Place[N]] = {}  # the longest unused first
        self._wanting: set[str] = set()  # those that have no place, and wait for one
        self._waiting = 0

    @contextmanager
    def using(self, name: str, load: Callable[[], N]) -> Iterator[N]:
        """The network, which stays as long as this is entered. Blocks; raises what `load` raises."""
        place, is_new = self._enter(name)
        try:
            yield self._filled(name, place, load) if is_new else self._awaited(place)
        finally:
            self._leave(place)

    def limit(self, most: int) -> None:
        """From now on so many at most; those at work are taken away when they come to rest."""
        gone: list[_Place[N]] = []  # is freed on return, not under the lock
        with self._places_changed:
            self._most = most
            self._take_away(gone)
            self._places_changed.notify_all()

    def drop(self, name: str) -> None:
        """It leaves memory, once whoever uses it now is done; it is loaded again when it is to run."""
        with self._places_changed:
            place = self._places.pop(name, None)
            self._places_changed.notify_all()
        del place  # not under the lock

    def loaded(self) -> tuple[str, ...]:
        """The longest unused first."""
        with self._places_changed:
            return tuple(name for name, place in self._places.items() if place.network is not None)

    @property
    def waiting(self) -> int:
        """How many threads have to wait, for a place or for a load."""
        return self._waiting

    def _enter(self, name: str) -> "tuple[_Place[N], bool]":
        """A place in which to use it, and whether it is new, and so to be filled."""
        gone: list[_Place[N]] = []  # is freed on return: not under the lock, and before the load
        with self._places_changed:
            while (place := self._places.get(name)) is None or name in self._first_to_go():
                if place is None and self._make_room(name, gone):
                    self._places[name] = place = _Place(users=1)
                    self._places_changed.notify_all()
                    return place, True
                self._wait()
            self._places[name] = self._places.pop(name)
            place.users += 1
            return place, False

    def _wait(self) -> None:
        self._waiting += 1
        self._places_changed.wait()
        self._waiting -= 1

    def _make_room(self, name: str, gone: "list[_Place[N]]") -> bool:
        self._wanting.add(name)
        self._take_away(gone)
        if len(self._places) >= self._most:
            return False
        self._wanting.discard(name)
        return True

    def _take_away(self, gone: "list[_Place[N]]") -> None:
        for other in self._first_to_go():
            if not self._places[other].users:
                gone.append(self._places.pop(other))

    def _first_to_go(self) -> list[str]:
        """Whose places are wanted for others: one that is at rest, or else the first that comes to it."""
        too_few = len(self._wanting) - (self._most - len(self._places))
        loaded = [name for name, place in self._places.items() if place.network is not None]
        loaded.sort(key=lambda name: self._places[name].users > 0)
        return loaded[: max(0, too_few)]

    def _filled(self, name: str, place: "_Place[N]", load: Callable[[], N]) -> N:
        try:
            network = load()
        except BaseException as error:
            with self._places_changed:
                place.error = error
                if self._places.get(name) is place:
                    del self._places[name]
                self._places_changed.notify_all()
            raise
        with self._places_changed:
            place.network = network
            self._places_changed.notify_all()
        return network

    def _awaited(self, place: "_Place[N]") -> N:
        with self._places_changed:
            while place.network is None and place.error is None:
                self._wait()
            if place.network is None:
                raise place.error or AssertionError
            return place.network

    def _leave(self, place: "_Place[N]") -> None:
        with self._places_changed:
            place.users -= 1
            self._places_changed.notify_all()


class ResidentNetwork(Generic[N]):
    """A network that is in memory as long as there is room for it, and comes back when it is to run."""

    def __init__(
        self, residents: Residents[N], name: str, load: Callable[[], N], channels_last: bool
    ) -> None:
        self.channels_last = channels_last
        self._residents = residents
        self._name = name
        self._load = load

    def run(self, batch: Batch) -> Map:
        with self._residents.using(self._name, self._load) as network:
            return network.run(batch)


@dataclass(slots=True)
class _Place(Generic[N]):
    """`network` or `error` once it is loaded, or could not be."""

    users: int
    network: N | None = None
    error: BaseException | None = None
