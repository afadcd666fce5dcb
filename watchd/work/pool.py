"""N worker threads, each pinned to its own CPU, that drain the queue."""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from watchd.background import Background, Grace, OnCrash
from watchd.domain.job import Job
from watchd.work.queue import JobQueue

log = logging.getLogger(__name__)


class WorkerPool:
    """Works while entered. Leaving closes the queue, gives back what nobody has begun, and lets the jobs
    that have begun finish within the grace.

    `cpus` has one entry a worker: the CPU it is pinned to, or None.
    """

    def __init__(
        self,
        *,
        handle: Callable[[Job], None],
        give_back: Callable[[Job], None],
        queue: JobQueue,
        cpus: Sequence[int | None],
        on_crash: OnCrash,
        grace: Grace,
    ) -> None:
        self._handle = handle
        self._give_back = give_back
        self._queue = queue
        self._cpus = tuple(cpus)
        self._on_crash = on_crash
        self._grace = grace
        self._polite = False
        self._entered = False
        self._workers_guard = threading.Lock()
        self._workers: dict[_Post, Background] = {}

    def __enter__(self) -> Self:
        self._entered = True
        self.resize(self._cpus, self._polite)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for job in self._queue.close():
            try:
                self._give_back(job)
            except OSError as trouble:  # the lease runs out by itself
                facts = {"job": job.id, "path": job.source.relative, "reason": str(trouble)}
                log.warning("job not given back", extra=facts)
        with self._workers_guard:
            self._entered = False
            workers = tuple(self._workers.values())
        with ExitStack() as leaving:
            for worker in workers:
                leaving.push(worker)

    def resize(self, cpus: Sequence[int | None], polite: bool = False) -> None:
        """From now on so many workers, pinned so. One that is too many finishes its job and goes, one that is
        pinned elsewhere moves before its next job. To be called on a thread that is not pinned itself.

        `polite` ones let others on the CPU first. No thread can take that back, so those that are not give
        way to new ones.
        """
        with self._workers_guard:
            self._cpus, self._polite = tuple(cpus), polite
            for number in range(1, len(cpus) + 1) if self._entered else ():
                post = number, polite
                if post not in self._workers:
                    worker = Background(f"worker-{number}", self._body(post), self._on_crash, self._grace)
                    self._workers[post] = worker.__enter__()
        self._queue.wake()

    @property
    def busy_at_exit(self) -> int:
        """Workers that are still at a job: after leaving, those that the grace was too short for."""
        return sum(worker.alive for worker in self._workers.values())

    def _body(self, post: "_Post") -> Callable[[threading.Event], None]:
        number, polite = post

        def work(stopping: threading.Event) -> None:
            pinned = None
            if polite:
                _be_nice()
            while not stopping.is_set():
                job = self._queue.take(dismissed=lambda: self._too_many(post))
                if job is None and (self._queue.closed or self._leaves(post)):
                    return
                if job is not None:
                    pinned = self._pinned(number, pinned)
                    self._handle(job)

        return work

    def _too_many(self, post: "_Post") -> bool:
        number, polite = post
        return number > len(self._cpus) or polite != self._polite

    def _leaves(self, post: "_Post") -> bool:
        """Whether it is still too many; if so, it is none of the workers from now on."""
        with self._workers_guard:
            leaves = self._too_many(post)
            if leaves:
                del self._workers[post]
        return leaves

    def _pinned(self, number: int, now: int | None) -> int | None:
        """The CPU that the calling worker runs on from now on."""
        cpus = self._cpus
        wanted = cpus[number - 1] if number <= len(cpus) else now
        if wanted != now:
            _pin(wanted)
        return wanted


_Post = tuple[int, bool]
"""The number of a worker, and whether it is polite."""


def _be_nice() -> None:
    """The calling thread only. At 10 others get nine tenths of a CPU that both want. At 19 a job that has
    begun might not end within limits.job_timeout, and whoever waits for Python's lock would wait with it.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))


_NICE = 10


def _pin(cpu: int | None) -> None:
    """Pins the calling thread only. A cpuset that has shrunk meanwhile costs the pinning, not the work."""
    try:
        # The main thread is not pinned.
        os.sched_setaffinity(0, os.sched_getaffinity(os.getpid()) if cpu is None else {cpu})
    except OSError as error:
        log.warning("worker is not pinned", extra={"cpu": cpu, "reason": error.strerror})
