"""How many workers there are just now: as planned, as the hour says, and as the machine can spare."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from watchd.domain.events import WorkersChanged
from watchd.domain.hours import DAY_MIN, Hours, workers_at
from watchd.domain.ports import Listener
from watchd.imaging.load import Load
from watchd.work.adapt import Adapter, Work

LOOK_EVERY_S = 0.5
QUIET = "quiet hours"


@dataclass(frozen=True, slots=True)
class Rules:
    """`cpus` has one entry for each worker of the plan, `cores_each` is what one takes."""

    cpus: tuple[int | None, ...]
    cores_each: float = 1.0
    adaptive: bool = False
    polite: bool = False
    schedule: tuple[Hours, ...] = ()

    @property
    def of_adapting(self) -> tuple[object, ...]:
        return len(self.cpus), self.cores_each, self.adaptive, self.polite


class Staffing:
    """Tells a pool its size. `follow` and `turn` may be called on any thread that is not pinned, and `turn`
    each LOOK_EVERY_S or so.
    """

    def __init__(
        self,
        *,
        resize: Callable[[tuple[int | None, ...], bool], None],
        read_load: Callable[[float], Load | None],
        work: Callable[[], Work],
        announce: Listener,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], time.struct_time] = time.localtime,
    ) -> None:
        self._resize = resize
        self._read_load = read_load
        self._work = work
        self._announce = announce
        self._clock = clock
        self._wall = wall
        self._rules_guard = threading.Lock()
        self._rules = Rules(())
        self._adapter = Adapter(0, 1.0, polite=False)
        self._at_work = -1
        self._told: WorkersChanged | None = None

    def follow(self, rules: Rules) -> None:
        """From now on; what was found out about the machine stays where it still holds."""
        with self._rules_guard:
            before, self._rules = self._rules, rules
            if rules.of_adapting != before.of_adapting:
                self._adapter = Adapter(len(rules.cpus), rules.cores_each, rules.polite)
            self._at_work = -1  # the CPUs may be others
            news = self._staff()
        if news is not None:
            self._announce(news)

    def turn(self) -> None:
        with self._rules_guard:
            news = self._staff()
        if news is not None:
            self._announce(news)

    def _staff(self) -> WorkersChanged | None:
        """What is to be announced."""
        rules = self._rules
        planned = len(rules.cpus)
        allowed = workers_at(_minute(self._wall()), rules.schedule)
        most = planned if allowed is None else min(planned, allowed)
        at_work = self._adapted(most) if rules.adaptive else most
        if at_work != self._at_work:
            self._at_work = at_work
            self._resize(rules.cpus[:at_work], rules.polite)
        return self._news(planned, most)

    def _adapted(self, most: int) -> int:
        now = self._clock()
        load = self._read_load(now)
        if load is None:
            return min(most, self._adapter.workers)
        return self._adapter.decide(now, load, self._work(), most)

    def _news(self, planned: int, most: int) -> WorkersChanged | None:
        """Whoever has a turn is not told of: nothing has changed for good."""
        workers = min(most, self._adapter.workers) if self._rules.adaptive else most
        reason = self._adapter.reason if workers < most else QUIET if most < planned else ""
        told, self._told = self._told, WorkersChanged(workers, planned, reason)
        return self._told if self._told != told else None


def _minute(wall: time.struct_time) -> int:
    """Of the week."""
    return wall.tm_wday * DAY_MIN + wall.tm_hour * 60 + wall.tm_min
