"""Decides how many workers the machine can spare: a pure state machine, told the time and what was read."""

import math
from dataclasses import dataclass

from watchd.imaging.load import Load

DOWN_AFTER_S = 0.35
UP_AFTER_S = 1.5
LONGEST_UP_AFTER_S = 30.0
_TOO_EARLY_S = 10.0
_TURN_EVERY_S = 20.0
_TURN_SHARE = 0.05

# Of a worker's cores so much must be there for it to stay, and to come: noise between the two moves nobody.
_TO_STAY, _TO_COME = 0.6, 0.75

_STALLS = 0.1  # of the time
_SHORT, _TIGHT = 0.05, 0.1  # of the memory

CPU, MEMORY = "others need the CPU", "memory runs short"


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to be done: jobs that wait, and jobs that workers have."""

    waiting: int
    busy: int


class Adapter:
    """Goes down once others have needed a worker's cores for DOWN_AFTER_S, and up once these have been idle
    for UP_AFTER_S, or up to LONGEST_UP_AFTER_S where it went up too early before.

    Least is one worker; with `polite` none. Then what waits has a turn now and again: one worker, for no more
    than a twentieth of the time.
    """

    def __init__(self, most: int, cores_each: float, polite: bool) -> None:
        self.workers, self.reason = most, ""
        self._cores_each = cores_each
        self._polite = polite
        self._direction, self._since, self._wish = 0, 0.0, most
        self._up_after_s, self._went_up, self._rises = UP_AFTER_S, 0.0, False
        self._turn_began = self._next_turn = 0.0

    def decide(self, now: float, load: Load, work: Work, most: int) -> int:
        """How many may work from now on: `workers`, or one more that has its turn."""
        before = self.workers = min(self.workers, most)
        wish, reason = self._wished(load, work, most)
        self._follow(now, wish)
        if self.workers < before:
            self.reason, self._turn_began = reason, now
        elif self.workers >= most:
            self.reason = ""
        return self.workers or self._turn(now, work, most)

    def _wished(self, load: Load, work: Work, most: int) -> tuple[int, str]:
        least = min(most, 0 if self._polite else 1)
        for_us = load.spare_cores / self._cores_each
        if load.memory_stalls > _STALLS or load.memory_available < _SHORT:
            return max(least, self.workers - 1), MEMORY
        stay, come = math.floor(for_us + 1 - _TO_STAY), math.floor(for_us + 1 - _TO_COME)
        if stay < self.workers and self._in_the_way(load, work):
            return max(least, stay), CPU
        if come > self.workers and load.memory_available >= _TIGHT:
            return min(most, come), ""
        return self.workers, ""

    def _in_the_way(self, load: Load, work: Work) -> bool:
        """Who is polite leaves before anybody has to wait."""
        return bool(work.waiting or work.busy) and (load.contended or self._polite)

    def _follow(self, now: float, wish: int) -> None:
        direction = (wish > self.workers) - (wish < self.workers)
        if direction != self._direction:
            self._direction, self._since, self._wish = direction, now, wish
        # Of all that was wished for meanwhile the least change.
        self._wish = max(self._wish, wish) if direction < 0 else min(self._wish, wish)
        if direction and now - self._since >= (DOWN_AFTER_S if direction < 0 else self._up_after_s):
            self._move(now, self._wish)

    def _move(self, now: float, workers: int) -> None:
        if workers > self.workers:
            self._went_up, self._rises = now, True
        elif self._rises:
            too_early = now - self._went_up < _TOO_EARLY_S
            self._up_after_s = min(2 * self._up_after_s, LONGEST_UP_AFTER_S) if too_early else UP_AFTER_S
            self._rises = False
        self.workers, self._direction, self._next_turn = workers, 0, now + _TURN_EVERY_S

    def _turn(self, now: float, work: Work, most: int) -> int:
        """A job that has begun in its turn goes on to its end, and the next turn is the later for it."""
        if work.busy:
            self._next_turn = now + max(_TURN_EVERY_S, (now - self._turn_began) / _TURN_SHARE)
        if not (work.waiting and most) or now < self._next_turn:
            return 0
        self._turn_began, self._next_turn = now, now + _TURN_EVERY_S
        return 1
