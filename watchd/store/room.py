"""Whether the cache may write: not on a disk that is nearly full, and not again after a write that failed."""

import logging
import os
from collections.abc import Callable

from watchd.tree import Tree

log = logging.getLogger(__name__)

_KEEP_FREE = 0.05  # of the file system: the cutouts need it more


def free_share(folder: int) -> float:
    """Which part of the file system is free for us, 0..1; 1 where it does not tell its size."""
    stat = os.statvfs(folder)
    return stat.f_bavail / stat.f_blocks if stat.f_blocks else 1.0


class Room:
    """Any thread. One for a cache folder: masks and outputs stop and go on together."""

    def __init__(self, tree: Tree, free: Callable[[int], float] = free_share) -> None:
        self._tree = tree
        self._free = free
        self._stopped = False

    @property
    def stopped(self) -> bool:
        return self._stopped

    def enough(self) -> bool:
        """Whether to write at all; what turns it down is logged once, and holds until `look` finds room."""
        if not self._stopped and self._nearly_full():
            self.stop("less than 5 % of the disk is free")
        return not self._stopped

    def stop(self, reason: str) -> None:
        if not self._stopped:
            self._stopped = True
            log.warning("cache stops writing", extra={"path": str(self._tree.root), "reason": reason})

    def look(self) -> None:
        """After a sweep: writes are tried again if there is room."""
        if self._stopped and not self._nearly_full():
            self._stopped = False
            log.info("cache writes again", extra={"path": str(self._tree.root)})

    def _nearly_full(self) -> bool:
        """Of a folder that cannot be asked the next write will tell, which makes it if need be."""
        try:
            with self._tree.folder() as handle:
                return self._free(handle) < _KEEP_FREE
        except OSError:
            return False
