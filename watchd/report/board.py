"""Counts events into a status."""

import os
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from statistics import fmean

from watchd.domain.events import (
    ConfigAdopted,
    ConfigRefused,
    Event,
    FolderAdded,
    FolderPaused,
    FolderRemoved,
    FolderResumed,
    JobBegun,
    JobEnded,
    StateChanged,
    WorkersChanged,
)
from watchd.domain.job import JobId
from watchd.domain.outcome import Delivered, Failed, Outcome, Rejected, word
from watchd.domain.reuse import Tier
from watchd.domain.stages import Stage
from watchd.process import started_ticks
from watchd.report.escape import without_surrogates
from watchd.report.status import Recent, Status, Trouble

RATE_WINDOW_S = 60.0
ERRORS_KEPT = 20
RECENT_KEPT = 10
JOBS_MEASURED = 100


class StatusBoard:
    """A listener that any thread may tell, and any thread may ask for a snapshot."""

    def __init__(
        self,
        queue_depth: Callable[[], int],
        *,
        stuck: Callable[[], Iterable[str]] = lambda: (),
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.model = ""
        self._queue_depth = queue_depth
        self._stuck = stuck
        self._clock = clock
        self._now = now
        self._began = clock()
        self._status_lock = threading.Lock()
        self._in_flight: set[JobId] = set()
        self._deliveries: deque[float] = deque()
        self._stages: deque[Mapping[Stage, float]] = deque(maxlen=JOBS_MEASURED)
        self._status = Status(
            state="starting",
            pid=os.getpid(),
            started_ticks=started_ticks(os.getpid()) or 0,
            host=socket.gethostname(),
            since=now(),
            updated=now(),
            model="",
            workers=0,
            folders={},
        )

    def __call__(self, event: Event) -> None:
        with self._status_lock:
            match event:
                case JobBegun(job):
                    self._in_flight.add(job.id)
                case JobEnded():
                    self._ended(event)
                case StateChanged(state):
                    self._status = replace(self._status, state=state)
                case ConfigAdopted():
                    self._status = replace(self._status, config_error="")
                case ConfigRefused(reason):
                    self._status = replace(self._status, config_error=without_surrogates(reason))
                case WorkersChanged(workers, planned, reason):
                    self._status = replace(
                        self._status, workers=workers, planned_workers=planned, workers_reason=reason
                    )
                case FolderPaused(folder) | FolderResumed(folder) if folder not in self._status.folders:
                    pass  # it was removed while its lane was at work
                case FolderPaused(folder, reason, asked):
                    self._folder(folder, reason, asked)
                case FolderAdded(folder) | FolderResumed(folder):
                    self._folder(folder, "", asked=False)
                case FolderRemoved(folder):
                    self._folder(folder, None, asked=False)
                case _:
                    pass

    def snapshot(self) -> Status:
        depth, stuck = self._queue_depth(), tuple(self._stuck())
        with self._status_lock:
            return replace(
                self._status,
                updated=self._now(),
                model=self.model,
                queue_depth=depth,
                stuck=stuck,
                in_flight=len(self._in_flight),
                images_per_second=self._rate(),
                stages=_means(self._stages),
            )

    def _folder(self, name: str, paused: str | None, asked: bool) -> None:
        """Why it is paused; None of one that is watched no more."""
        before = self._status
        folders = {**before.folders, name: paused or ""}
        if paused is None:
            del folders[name]
        others = tuple(each for each in before.asked if each != name)
        self._status = replace(before, folders=folders, asked=(*others, name) if asked else others)

    def _ended(self, event: JobEnded) -> None:
        self._in_flight.discard(event.job.id)
        if isinstance(event.outcome, Delivered):
            self._deliveries.append(self._clock())
            self._forget_old_deliveries()
        self._stages.append(event.stages)
        before = self._status
        self._status = replace(
            before,
            counts=_one_more(before.counts, word(event.outcome)),
            cache=_counted(before.cache, event.outcome),
            recent=(*before.recent, self._recent(event))[-RECENT_KEPT:],
            errors=(*before.errors, *self._troubles(event))[-ERRORS_KEPT:],
        )

    def _recent(self, event: JobEnded) -> Recent:
        return Recent(
            time=self._now(),
            folder=event.job.folder.name,
            path=without_surrogates(event.job.source.relative),
            outcome=word(event.outcome),
            seconds=round(event.seconds, 3),
            cache=event.outcome.reuse.tier.value if isinstance(event.outcome, Delivered) else "",
        )

    def _troubles(self, event: JobEnded) -> Iterable[Trouble]:
        if isinstance(event.outcome, Rejected | Failed):
            yield Trouble(
                time=self._now(),
                folder=event.job.folder.name,
                path=without_surrogates(event.job.source.relative),
                outcome=word(event.outcome),
                reason=without_surrogates(event.outcome.reason),
            )

    def _rate(self) -> float:
        """Images per second over the last minute, or over the life of a younger daemon."""
        self._forget_old_deliveries()
        window_s = min(RATE_WINDOW_S, max(1.0, self._clock() - self._began))
        return round(len(self._deliveries) / window_s, 2)

    def _forget_old_deliveries(self) -> None:
        while self._deliveries and self._deliveries[0] <= self._clock() - RATE_WINDOW_S:
            self._deliveries.popleft()


def _means(jobs: Iterable[Mapping[Stage, float]]) -> dict[str, float]:
    """In the order of the line; of the stages that any of the jobs came to."""
    took = {stage: [job[stage] for job in jobs if stage in job] for stage in Stage}
    return {stage.value: round(fmean(each), 4) for stage, each in took.items() if each}


def _counted(cache: Mapping[str, int], outcome: Outcome) -> Mapping[str, int]:
    match outcome:
        case Delivered(reuse=reuse) if reuse.tier is not Tier.OFF:
            return _one_more(cache, reuse.tier)
        case _:
            return cache


def _one_more(counts: Mapping[str, int], name: str) -> Mapping[str, int]:
    return {**counts, name: counts.get(name, 0) + 1}
