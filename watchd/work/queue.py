"""The bounded queue of jobs between the feeder and the workers, fair between watch folders."""

import collections
import threading
from collections.abc import Callable

from watchd.domain.job import Job
from watchd.domain.profile import WatchFolder


class JobQueue:
    """Holds at most `size` jobs, or one more for each folder that has no other waiting; the spool is the
    inbox, so a refused job loses nothing.

    `on_room` is called, outside of the lock, whenever there is room again where there was none.
    """

    def __init__(self, size: int, on_room: Callable[[], None]) -> None:
        self._size = size
        self._on_room = on_room
        # Of each folder in its order; the folder stands first whose turn is next.
        self._jobs: dict[WatchFolder, collections.deque[Job]] = {}
        self._count = 0
        self._jobs_changed = threading.Condition()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def __len__(self) -> int:
        return self._count

    def resize(self, size: int) -> None:
        """Jobs that are too many now stay; there is room again once they are done."""
        with self._jobs_changed:
            was_full = self._full
            self._size = size
            has_room = was_full and not self._full
        if has_room:
            self._on_room()

    def has_room(self, folder: WatchFolder) -> bool:
        return not self._closed and (not self._full or folder not in self._jobs)

    def offer(self, job: Job) -> bool:
        """Takes the job, or refuses it at once when full or closed."""
        with self._jobs_changed:
            if not self.has_room(job.folder):
                return False
            self._jobs.setdefault(job.folder, collections.deque()).append(job)
            self._count += 1
            self._jobs_changed.notify()
            return True

    def take(self, dismissed: Callable[[], bool] = lambda: False) -> Job | None:
        """The oldest job of the folder whose turn it is; waits for one. None says that the queue is closed
        and nothing more will come, or that the taker is `dismissed`, which `wake` lets it ask.
        """
        with self._jobs_changed:
            while not self._jobs and not self._closed and not dismissed():
                self._jobs_changed.wait()
            if dismissed():
                self._jobs_changed.notify()  # the job of which it was told is another taker's
                return None
            if not self._jobs:
                return None
            was_full = self._full
            job = self._next()
            has_room = was_full and (not self._full or job.folder not in self._jobs)
        if has_room:
            self._on_room()
        return job

    def wake(self) -> None:
        """Lets everyone who waits ask whether he is dismissed."""
        with self._jobs_changed:
            self._jobs_changed.notify_all()

    def close(self) -> list[Job]:
        """Refuses everything from now on, wakes who waits, and returns the jobs that nobody has begun."""
        with self._jobs_changed:
            self._closed = True
            unbegun = [job for jobs in self._jobs.values() for job in jobs]
            self._jobs.clear()
            self._count = 0
            self._jobs_changed.notify_all()
        return unbegun

    @property
    def _full(self) -> bool:
        return self._count >= self._size

    def _next(self) -> Job:
        """Of the folders with the highest priority the first, which then stands behind all others."""
        folder = max(self._jobs, key=lambda folder: folder.priority)
        jobs = self._jobs.pop(folder)
        job = jobs.popleft()
        self._count -= 1
        if jobs:
            self._jobs[folder] = jobs
        return job
