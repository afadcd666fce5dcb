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

    @property
    def closed(self) -> bool:
        return self._closed

    def __len__(self) -> int:
        return len(self._jobs)

    def resize(self, size: int) -> None:
        """Jobs that are too many now stay; there is room again once they are done."""
        with self._jobs_changed:
            had_room = self.has_room()
            self._size = size
            has_room = self.has_room()
        if has_room and not had_room:
            self._on_room()

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

    def take(self, dismissed: Callable[[], bool] = lambda: False) -> Job | None:
        """The oldest job; waits for one. None says that the queue is closed and nothing more will come, or
        that the taker is `dismissed`, which `wake` lets it ask.
        """
        with self._jobs_changed:
            while not self._jobs and not self._closed and not dismissed():
                self._jobs_changed.wait()
            if dismissed():
                self._jobs_changed.notify()  # the job of which it was told is another taker's
                return None
            if not self._jobs:
                return None
            had_room = self.has_room()
            job = self._jobs.popleft()
            has_room = self.has_room()
        if has_room and not had_room:
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
            unbegun = list(self._jobs)
            self._jobs.clear()
            self._jobs_changed.notify_all()
        return unbegun
