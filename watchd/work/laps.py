"""How long each stage of one job takes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from watchd.domain.stages import Stage, Timed


class Laps:
    """A stopwatch for one job, on one thread. A stage that is inside of another takes its time from it."""

    def __init__(self, before: Mapping[Stage, float], clock: Callable[[], float] = time.monotonic) -> None:
        """`before` are the seconds of the stages that are over already."""
        self.seconds = dict(before)
        self._clock = clock
        self._running: list[Stage] = []
        self._since = 0.0

    @contextmanager
    def time(self, stage: Stage) -> Iterator[None]:
        """While entered the time is that stage's, in all as often as it is entered."""
        self._turn()
        self._running.append(stage)
        try:
            yield
        finally:
            self._turn()
            self._running.pop()

    def of(self, stage: Stage) -> Timed:
        return partial(self.time, stage)

    def _turn(self) -> None:
        """What went by since the last turn is given to the innermost stage that is running."""
        now = self._clock()
        if self._running:
            stage = self._running[-1]
            self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now
