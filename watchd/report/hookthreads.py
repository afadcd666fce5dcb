"""Tells the hooks of each watch folder what happened, on threads of its own."""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, assert_never

from watchd.background import Background, Grace, OnCrash
from watchd.domain.errors import HookFailed
from watchd.domain.events import BatchDelivered, Event, HookEnded, JobBegun, JobEnded
from watchd.domain.hook import CommandHook, Hook, Hooks, Told, WebHook
from watchd.domain.ports import Listener
from watchd.report.backlog import Backlog, Telling
from watchd.report.batches import Batch, Batches
from watchd.report.hookcommand import run_command
from watchd.report.logs import job_context
from watchd.report.notice import Notice, Occasion, of_batch, of_folder, of_job
from watchd.report.webhook import post

log = logging.getLogger(__name__)

THREADS = 4
_KILL_S = 5.0  # more than a program is asked to end before it is killed
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 60.0


class HookThreads:
    """Entered before the workers and left after them: what they have said by then is told within the grace.

    `busy` says whether there is still something to come from a watch folder; `announce` is told what came
    of each event.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        busy: Callable[[str], bool],
        announce: Listener,
        on_crash: OnCrash,
        grace: Grace,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        backoff_s: Callable[[int], float] | None = None,
    ) -> None:
        self._environ = environ
        self._busy = busy
        self._announce = announce
        self._clock = clock
        self._now = now
        self._backoff_s = backoff_s or _backoff_s
        self._backlog = Backlog()
        self._batches = Batches()
        self._batches_lock = threading.Lock()
        self._given_up = threading.Event()
        self._life = ExitStack()
        self._threads = [
            Background(f"hooks-{number}", self._work, on_crash, grace, wake=self._backlog.close)
            for number in range(1, THREADS + 1)
        ]

    def listen(self, event: Event) -> None:
        """A listener: puts what is to be told into a bounded line, and returns."""
        if isinstance(event, BatchDelivered):
            self._put(event.folder.hooks, of_folder(event, self._now()))
        if not isinstance(event, JobBegun | JobEnded):
            return
        with self._batches_lock:
            self._batches.tell(event, self._clock())
        if isinstance(event, JobEnded) and (notice := of_job(event, self._now())):
            self._put(event.job.folder.hooks, notice)

    def end_batches(self) -> None:
        """To be called every now and then: a watch folder that has come to rest is told of."""
        with self._batches_lock:
            done = list(self._batches.take_done(self._clock(), self._busy))
        self._tell_of(done)

    def __enter__(self) -> Self:
        for thread in self._threads:
            self._life.enter_context(thread)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._batches_lock:
            done = list(self._batches.take_all())
        self._tell_of(done)
        self._life.close()
        self._given_up.set()
        dropped = self._backlog.give_up()
        if dropped:
            log.warning("hooks not told before the end", extra={"dropped": len(dropped)})
        self._ended(dropped, Told.DROPPED)
        late = Grace(_KILL_S)
        for thread in self._threads:
            thread.join(late.left_s())

    def _tell_of(self, batches: list[Batch]) -> None:
        for batch in batches:
            self._put(batch.folder.hooks, of_batch(batch, self._now()))

    def _put(self, hooks: Hooks, notice: Notice) -> None:
        for hook in hooks_for(hooks, notice.occasion):
            if (dropped := self._backlog.put(hook, notice)) is not None:
                self._ended([dropped], Told.DROPPED)

    def _work(self, _: threading.Event) -> None:
        while (telling := self._backlog.take()) is not None:
            with job_context(telling.notice.id):
                self._tell(telling)

    def _tell(self, telling: Telling) -> None:
        try:
            tell(telling.hook, telling.notice, self._environ, self._given_up.is_set)
        except HookFailed as error:
            self._failed(telling, error)
        else:
            self._ended([telling], Told.TOLD)
            self._backlog.done(telling)

    def _failed(self, telling: Telling, error: HookFailed) -> None:
        """Another try, if that may help and there is time for it."""
        facts = {"hook": str(telling.hook), "event": telling.notice.occasion, "reason": str(error)}
        if error.again and telling.attempt < _attempts(telling.hook) and not self._backlog.closed:
            wait_s = max(error.wait_s, self._backoff_s(telling.attempt))
            log.debug("hook failed, to be tried again", extra=facts | {"retry_after_s": round(wait_s, 1)})
            self._backlog.again(telling, wait_s)
            return
        dropped = self._backlog.give_up(telling.hook) if self._backlog.closed else ()
        more = {"output": error.output, "attempts": telling.attempt, "dropped": len(dropped)}
        log.warning("hook failed", extra=facts | {key: value for key, value in more.items() if value})
        self._ended([telling], Told.TIMED_OUT if error.late else Told.FAILED)
        self._ended(dropped, Told.DROPPED)
        self._backlog.done(telling)

    def _ended(self, tellings: Iterable[Telling], told: Told) -> None:
        for telling in tellings:
            self._announce(HookEnded(telling.notice.folder, told))


def tell(hook: Hook, notice: Notice, environ: Mapping[str, str], given_up: Callable[[], bool]) -> None:
    """One try; blocks. HookFailed if it did not succeed."""
    match hook:
        case CommandHook():
            run_command(hook, notice, environ, given_up)
        case WebHook():
            post(hook, notice, environ)
        case _:
            assert_never(hook)


def hooks_for(hooks: Hooks, occasion: Occasion) -> tuple[Hook, ...]:
    match occasion:
        case Occasion.DELIVERED:
            return hooks.on_delivered
        case Occasion.FAILED:
            return hooks.on_failed
        case Occasion.BATCH_DONE:
            return hooks.on_batch_done
        case _:
            assert_never(occasion)


def _attempts(hook: Hook) -> int:
    """A program is run once: nobody knows what half of it has done."""
    return hook.attempts if isinstance(hook, WebHook) else 1


def _backoff_s(attempt: int) -> float:
    """1 s after the first attempt, twice as long after each further one, more or less a half."""
    return min(_FIRST_WAIT_S * 2.0 ** (attempt - 1), _LONGEST_WAIT_S) * random.uniform(0.5, 1.5)
