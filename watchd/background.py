"""A named thread that stops on an event, shows that it gets on, and reports its own crash."""

import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

OnCrash = Callable[[str, BaseException], None]


class Grace:
    """One deadline that many joins share; it starts to run when it is first asked."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._deadline: float | None = None

    def allow(self, seconds: float) -> None:
        """Another length; one that has begun to run stays as it is."""
        self._seconds = seconds

    def left_s(self) -> float:
        if self._deadline is None:
            self._deadline = self._clock() + self._seconds
        return max(0.0, self._deadline - self._clock())


class Pulse:
    """By when a thread will be heard of again: it promises, and others see whether it keeps that."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = math.inf

    def promise(self, within_s: float) -> None:
        self._due = self._clock() + within_s

    def rest(self) -> None:
        """Nothing is promised: it has ended, or waits for what may never come."""
        self._due = math.inf

    @property
    def late(self) -> bool:
        return self._clock() > self._due


class Background:
    """Runs `body(stopping)` on a thread of its own while entered; the body returns once `stopping` is set.

    Leaving sets the event, calls `wake` (for a body that blocks on something else) and joins within
    the grace. A body that raises is reported to `on_crash` from its own thread and is not restarted.
    A body that must not hang promises so by its `pulse`.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[threading.Event], None],
        on_crash: OnCrash,
        grace: Grace,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.pulse = Pulse(clock)
        self.stopping = threading.Event()
        self._body = body
        self._on_crash = on_crash
        self._grace = grace
        self._wake = wake
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.ask_to_stop()
        self._thread.join(self._grace.left_s())

    def ask_to_stop(self) -> None:
        """Sets the event without waiting; leaving joins."""
        self.stopping.set()
        self._wake()

    def join(self, seconds: float) -> None:
        """Waits beyond the grace, for a body that is about to return."""
        self._thread.join(seconds)

    @property
    def name(self) -> str:
        return self._thread.name

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._body(self.stopping)
        except Exception as error:  # noqa: BLE001 - a dead thread must never be silent
            self._on_crash(self._thread.name, error)
        finally:
            self.pulse.rest()
