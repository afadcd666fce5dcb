"""A timer thread: each chore at its own interval, one after the other."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from watchd.background import Background, Grace, OnCrash

log = logging.getLogger(__name__)

_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Chore:
    """Something done every `every_s` seconds, more or less a fifth; also at the start if asked for."""

    name: str
    every_s: float
    do: Callable[[], object]
    at_start: bool = False


class Janitor(Background):
    """Runs while entered. A chore that fails for a reason of the disk is tried again at its next turn."""

    def __init__(
        self, name: str, on_crash: OnCrash, grace: Grace, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._news = threading.Event()
        super().__init__(name, self._work, on_crash, grace, wake=self._news.set)
        self._chores: tuple[Chore, ...] = ()
        self._clock = clock

    def keep(self, chores: Iterable[Chore]) -> None:
        """From now on these chores and no others; one that it had before keeps its turn. Any thread."""
        self._chores = tuple(chores)
        self._news.set()

    def _work(self, stopping: threading.Event) -> None:
        due: dict[Chore, float] = {}
        while not stopping.is_set():
            self._news.clear()
            due = {chore: due.get(chore, self._first(chore)) for chore in self._chores}
            for chore in due:
                if due[chore] <= self._clock():
                    self._do(chore)
                    due[chore] = self._clock() + _jittered(chore.every_s)
            self._news.wait(max(0.0, min(due.values()) - self._clock()) if due else None)

    def _first(self, chore: Chore) -> float:
        return self._clock() + (0.0 if chore.at_start else _jittered(chore.every_s))

    def _do(self, chore: Chore) -> None:
        try:
            chore.do()
        except OSError as error:
            log.warning("chore failed", extra={"chore": chore.name, "reason": str(error)})


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)
