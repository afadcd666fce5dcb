"""What is still to be told: a bounded line for each hook, of which one that is stuck holds up no other."""

import collections
import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from watchd.domain.hook import Hook
from watchd.report.notice import Notice

log = logging.getLogger(__name__)

LONGEST_LINE = 1000


@dataclass(frozen=True, slots=True)
class Telling:
    """One notice for one hook; `attempt` counts from 1."""

    hook: Hook
    notice: Notice
    attempt: int = 1


@dataclass(slots=True)
class _Line:
    waiting: collections.deque[Telling] = field(default_factory=collections.deque)
    busy: bool = False
    not_before: float = 0.0
    dropped: int = 0


class Backlog:
    """Any thread. Of each hook one telling is under way at a time, so its events come in their order."""

    def __init__(self, longest_line: int = LONGEST_LINE, clock: Callable[[], float] = time.monotonic) -> None:
        self._longest_line = longest_line
        self._clock = clock
        self._lines: dict[Hook, _Line] = {}
        self._lines_changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        with self._lines_changed:
            return sum(len(line.waiting) for line in self._lines.values())

    def put(self, hook: Hook, notice: Notice) -> Telling | None:
        """Never blocks: where too much waits, the oldest is dropped and returned; logged once, until all is
        told.
        """
        dropped = None
        with self._lines_changed:
            line = self._lines.setdefault(hook, _Line())
            line.waiting.append(Telling(hook, notice))
            first = False
            if len(line.waiting) > self._longest_line:
                dropped = line.waiting.popleft()
                line.dropped += 1
                first = line.dropped == 1
            self._lines_changed.notify()
        if first:
            log.warning("a hook falls behind, its oldest events are dropped", extra={"hook": str(hook)})
        return dropped

    def take(self) -> Telling | None:
        """The next one that is due, to be followed by `done` or `again`; waits for one. None: closed, and
        nothing is left.
        """
        with self._lines_changed:
            while True:
                now = self._clock()
                for hook, line in self._lines.items():
                    if line.waiting and not line.busy and line.not_before <= now:
                        line.busy = True
                        self._lines[hook] = self._lines.pop(hook)  # behind all others next time
                        return line.waiting.popleft()
                if self._closed and not any(line.waiting for line in self._lines.values()):
                    return None
                self._lines_changed.wait(self._until_next(now))

    def done(self, telling: Telling) -> None:
        self._free(telling.hook)

    def again(self, telling: Telling, wait_s: float) -> None:
        """It comes once more, before all that waits for this hook, and not before `wait_s` are over."""
        with self._lines_changed:
            line = self._lines[telling.hook]
            line.waiting.appendleft(replace(telling, attempt=telling.attempt + 1))
            line.not_before = self._clock() + wait_s
        self._free(telling.hook)

    def close(self) -> None:
        """What waits is still given, at once."""
        with self._lines_changed:
            self._closed = True
            for line in self._lines.values():
                line.not_before = 0.0
            self._lines_changed.notify_all()

    def give_up(self, hook: Hook | None = None) -> Sequence[Telling]:
        """Drops what waits for the hook, or for all, and returns it."""
        with self._lines_changed:
            lines = list(self._lines.values()) if hook is None else [self._lines[hook]]
            dropped = [telling for line in lines for telling in line.waiting]
            for line in lines:
                line.waiting.clear()
            self._lines_changed.notify_all()
        return dropped

    @property
    def closed(self) -> bool:
        return self._closed

    def _until_next(self, now: float) -> float | None:
        waits = [line.not_before - now for line in self._lines.values() if line.waiting and not line.busy]
        return min(waits, default=None)

    def _free(self, hook: Hook) -> None:
        with self._lines_changed:
            line = self._lines[hook]
            line.busy = False
            dropped = 0 if line.waiting else line.dropped
            if not line.waiting:
                del self._lines[hook]
            self._lines_changed.notify_all()
        if dropped:
            log.warning("a hook has caught up", extra={"hook": str(hook), "dropped": dropped})
