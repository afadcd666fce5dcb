"""How many bytes of pixels may be in flight at once: pictures wait here before they are decoded."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


class PixelBudget:
    """First come, first served, so that a large picture is not passed by small ones for ever.

    A picture that needs more than the whole budget is let in alone.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._taken = 0
        self._line: deque[object] = deque()
        self._taken_changed = threading.Condition()

    def resize(self, max_bytes: int) -> None:
        """What is too much now is given back in its own time."""
        with self._taken_changed:
            self._max_bytes = max_bytes
            self._taken_changed.notify_all()

    @property
    def in_flight(self) -> int:
        return self._taken

    @contextmanager
    def reserve(self, needed: int, waiting: AbstractContextManager[object] | None = None) -> Iterator[None]:
        """Waits, inside of `waiting`, until `needed` bytes are free, and holds them while entered."""
        place = object()
        with waiting or nullcontext(), self._taken_changed:
            self._line.append(place)
            while self._line[0] is not place or self._taken + min(needed, self._max_bytes) > self._max_bytes:
                self._taken_changed.wait()
            self._line.popleft()
            needed = min(needed, self._max_bytes)
            self._taken += needed
            self._taken_changed.notify_all()
        try:
            yield
        finally:
            with self._taken_changed:
                self._taken -= needed
                self._taken_changed.notify_all()
