"""Who may be at work at the same time: many together, or one suspect alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Airspace:
    """Any thread. Who wants to be alone waits for the others to land, and lets nobody pass meanwhile."""

    def __init__(self) -> None:
        self._flying_changed = threading.Condition()
        self._flying = 0
        self._alone_wanted = 0
        self._alone = False

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._flying_changed:
            self._flying_changed.wait_for(lambda: not self._alone and not self._alone_wanted)
            self._flying += 1
        try:
            yield
        finally:
            with self._flying_changed:
                self._flying -= 1
                self._flying_changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._flying_changed:
            self._alone_wanted += 1
            self._flying_changed.wait_for(lambda: not self._alone and not self._flying)
            self._alone_wanted -= 1
            self._alone = True
        try:
            yield
        finally:
            with self._flying_changed:
                self._alone = False
                self._flying_changed.notify_all()
