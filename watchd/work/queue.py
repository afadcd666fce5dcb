"""The bounded queue of jobs between the feeder and the workers."""

import collections
import threading
from collections.abc import Callable

from watchd.domain.job import Job


class JobQueue:
    """Holds at most `size` jobs; the spool is the inbox, so a refused job loses nothing.

    `on_room` is called, outside of the lock, whenever a full queue has room again.
    """

    def __init__(self, size: int, on_room: Callable[[], None]) -> None:
        self._size = size
        self._on_room = on_room
        self._jobs: collections.deque[Job] = collections.deque()
        self._jobs_changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._jobs)

    def has_room(self) -> bool:
        return not self._closed and len(self._jobs) < self._size

    def offer(self, job: Job) -> bool:
        """Takes the job, or refuses it at once when full or closed."""
        with self._jobs_changed:
            if not self.has_room():
                return False
            self._jobs.append(job)
            self._jobs_changed.notify()
            return True

    def take(self) -> Job | None:
        """The oldest job; waits for one. None says that the queue is closed and nothing more will come."""
        with self._jobs_changed:
            while not self._jobs and not self._closed:
                self._jobs_changed.wait()
            if not self._jobs:
                return None
            was_full = len(self._jobs) >= self._size
            job = self._jobs.popleft()
        if was_full:
            self._on_room()
        return job

    def close(self) -> list[Job]:
        """Refuses everything from now on, wakes who waits, and returns the jobs that nobody has begun."""
        with self._jobs_changed:
            self._closed = True
            unbegun = list(self._jobs)
            self._jobs.clear()
            self._jobs_changed.notify_all()
        return unbegun
