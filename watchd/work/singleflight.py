"""The same picture dropped many times at once is worked on once: the others wait and find it done."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from watchd.domain.ports import Claims

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.1

Waiting = Callable[[], AbstractContextManager[None]]


class SingleFlight:
    """Any thread. With `claims`, which may change at any time, also among all processes and hosts that share
    what is remembered.

    The worst that can go wrong is that something is worked on twice: where a claim cannot be had for a
    reason of the disk, or is waited for longer than `patience_s`, the work goes on without.
    """

    def __init__(self, claims: Claims | None = None, patience_s: float = 120.0) -> None:
        self.claims = claims
        self._patience_s = patience_s
        self._pause = threading.Event()  # that nobody sets
        self._flights_guard = threading.Lock()
        self._flights: dict[str, tuple[threading.Lock, int]] = {}

    @contextlib.contextmanager
    def only(self, key: str, waiting: Waiting = contextlib.nullcontext) -> Iterator[bool]:
        """While entered nobody else has entered for that key. Gives whether there was someone to wait for.

        `waiting` is entered for as long as that takes.
        """
        lock = self._join(key)
        waited = not lock.acquire(blocking=False)
        if waited:
            with waiting():
                lock.acquire()
        try:
            with self._claimed(key, waiting) as waited_for_others:
                yield waited or waited_for_others
        finally:
            lock.release()
            self._leave(key)

    def _join(self, key: str) -> threading.Lock:
        with self._flights_guard:
            lock, users = self._flights.get(key, (threading.Lock(), 0))
            self._flights[key] = lock, users + 1
            return lock

    def _leave(self, key: str) -> None:
        with self._flights_guard:
            lock, users = self._flights.pop(key)
            if users > 1:
                self._flights[key] = lock, users - 1

    @contextlib.contextmanager
    def _claimed(self, key: str, waiting: Waiting) -> Iterator[bool]:
        claims = self.claims
        if claims is None:
            yield False
            return
        token, waited = self._acquire(claims, key, waiting)
        try:
            yield waited
        finally:
            if token is not None:
                with contextlib.suppress(OSError):  # its lease ends it
                    claims.release(key, token)

    def _acquire(self, claims: Claims, key: str, waiting: Waiting) -> tuple[str | None, bool]:
        """A token, or None where the work goes on without; and whether somebody else had it before."""
        tries = max(1, round(self._patience_s / _LOOK_EVERY_S))
        for number in range(tries):
            try:
                token = claims.acquire(key)
            except OSError as error:
                log.debug("no claim in the cache", extra={"reason": str(error)})
                return None, number > 0
            if token is not None:
                return token, number > 0
            with waiting():
                self._pause.wait(_LOOK_EVERY_S)
        return None, True
