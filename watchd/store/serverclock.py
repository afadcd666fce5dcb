"""The file server's clock, by which leases are judged, and when it is not to be trusted."""

import os
import threading
import time
from collections.abc import Callable

from watchd.tree import Tree

_FILE = "clock"  # touched to read the time
_JUMP = 0.25  # of a lease: a living owner refreshes about as often


class ServerClock:
    """Any thread. All daemons of a share see the same time, whatever the clocks of their hosts say.

    After a jump every claim looks a day old, or a day ahead, until its owner has refreshed it: so nobody
    is judged for one lease after it.
    """

    def __init__(
        self, sidecar: Tree, lease_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._tree = sidecar
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._ahead_guard = threading.Lock()
        # By how much it was ahead of our monotonic clock when it was last read: at least, and at most.
        self._ahead: tuple[float, float] | None = None
        self._judges_from = 0.0

    def expired(self, mtime: float, leases: float = 1.0) -> bool:
        """Whether what was last refreshed then is that many leases old (or ahead, where the clock was set
        back). False, too, if nobody can tell now."""
        now = self.now()
        with self._ahead_guard:
            return abs(now - mtime) > leases * self._lease_s and self._monotonic() >= self._judges_from

    def now(self) -> float:
        with os.fdopen(self._tree.open(_FILE, os.O_WRONLY | os.O_CREAT), "wb") as file:
            begun = self._monotonic()
            os.utime(file.fileno())
            now = os.fstat(file.fileno()).st_mtime
            done = self._monotonic()
        with self._ahead_guard:
            before, self._ahead = self._ahead, (now - done, now - begun)
            if before is not None and _apart(before, self._ahead) > _JUMP * self._lease_s:
                self._judges_from = done + self._lease_s
        return now


def _apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    """How far two spans are from each other; a share that answers slowly makes a span long, and no jump."""
    return max(one[0] - other[1], other[0] - one[1])
