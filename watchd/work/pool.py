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
        self._entered = False
        self._workers_guard = threading.Lock()
        self._workers: dict[int, Background] = {}

    def __enter__(self) -> Self:
        self._entered = True
        self.resize(self._cpus)
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

    def resize(self, cpus: Sequence[int | None]) -> None:
        """From now on so many workers, pinned so. One that is too many finishes its job and goes, one that is
        pinned elsewhere moves before its next job. To be called on a thread that is not pinned itself.
        """
        with self._workers_guard:
            self._cpus = tuple(cpus)
            for number in range(1, len(cpus) + 1) if self._entered else ():
                if number not in self._workers:
                    worker = Background(f"worker-{number}", self._body(number), self._on_crash, self._grace)
                    self._workers[number] = worker.__enter__()
        self._queue.wake()

    @property
    def busy_at_exit(self) -> int:
        """Workers that are still at a job: after leaving, those that the grace was too short for."""
        return sum(worker.alive for worker in self._workers.values())

    def _body(self, number: int) -> Callable[[threading.Event], None]:
        def work(stopping: threading.Event) -> None:
            pinned = None
            while not stopping.is_set():
                job = self._queue.take(dismissed=lambda: number > len(self._cpus))
                if job is None and (self._queue.closed or self._leaves(number)):
                    return
                if job is not None:
                    pinned = self._pinned(number, pinned)
                    self._handle(job)

        return work

    def _leaves(self, number: int) -> bool:
        """Whether it is still too many; if so, it is none of the workers from now on."""
        with self._workers_guard:
            leaves = number > len(self._cpus)
            if leaves:
                del self._workers[number]
        return leaves

    def _pinned(self, number: int, now: int | None) -> int | None:
        """The CPU that the calling worker runs on from now on."""
        cpus = self._cpus
        wanted = cpus[number - 1] if number <= len(cpus) else now
        if wanted != now:
            _pin(wanted)
        return wanted


def _pin(cpu: int | None) -> None:
    """Pins the calling thread only. A cpuset that has shrunk meanwhile costs the pinning, not the work."""
    try:
        # The main thread is not pinned.
        os.sched_setaffinity(0, os.sched_getaffinity(os.getpid()) if cpu is None else {cpu})
    except OSError as error:
        log.warning("worker is not pinned", extra={"cpu": cpu, "reason": error.strerror})
