"""A timer thread: each chore at its own interval, one after the other."""

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
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
        self,
        name: str,
        chores: Sequence[Chore],
        on_crash: OnCrash,
        grace: Grace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name, self._work, on_crash, grace)
        self._chores = chores
        self._clock = clock

    def _work(self, stopping: threading.Event) -> None:
        for chore in self._chores:
            if chore.at_start:
                self._do(chore)
        due = {chore.name: self._clock() + _jittered(chore.every_s) for chore in self._chores}
        while not stopping.wait(max(0.0, min(due.values(), default=60.0) - self._clock())):
            for chore in self._chores:
                if due[chore.name] <= self._clock():
                    self._do(chore)
                    due[chore.name] = self._clock() + _jittered(chore.every_s)

    def _do(self, chore: Chore) -> None:
        try:
            chore.do()
        except OSError as error:
            log.warning("chore failed", extra={"chore": chore.name, "reason": str(error)})


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)
