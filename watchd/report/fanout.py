"""One event to many listeners."""

import logging
import threading
from collections.abc import Sequence

from watchd.domain.events import Event
from watchd.domain.ports import Listener

log = logging.getLogger(__name__)


class Fanout:
    """Is itself a listener: tells all others in turn, on the thread where it happened."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = tuple(listeners)
        self._broken: set[int] = set()
        self._broken_lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        for number, listener in enumerate(self._listeners):
            try:
                listener(event)
            except Exception:  # a broken listener never harms a job or another listener
                if self._first_time(number):
                    log.exception("listener is broken", extra={"listener": repr(listener)})

    def _first_time(self, number: int) -> bool:
        with self._broken_lock:
            known = number in self._broken
            self._broken.add(number)
        return not known
