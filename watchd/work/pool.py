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
        self._workers = [
            Background(f"worker-{number}", self._body(cpu), on_crash, grace)
            for number, cpu in enumerate(cpus, 1)
        ]
        self._life = ExitStack()

    def __enter__(self) -> Self:
        for worker in self._workers:
            self._life.enter_context(worker)
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
        self._life.close()

    @property
    def busy_at_exit(self) -> int:
        """Workers that are still at a job: after leaving, those that the grace was too short for."""
        return sum(worker.alive for worker in self._workers)

    def _body(self, cpu: int | None) -> Callable[[threading.Event], None]:
        def work(stopping: threading.Event) -> None:
            if cpu is not None:
                _pin(cpu)
            while not stopping.is_set() and (job := self._queue.take()) is not None:
                self._handle(job)

        return work


def _pin(cpu: int) -> None:
    """Pins the calling thread only. A cpuset that has shrunk meanwhile costs the pinning, not the work."""
    try:
        os.sched_setaffinity(0, {cpu})
    except OSError as error:
        log.warning("worker is not pinned", extra={"cpu": cpu, "reason": error.strerror})
