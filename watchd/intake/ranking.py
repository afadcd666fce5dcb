"""Which of the files that wait is taken first."""

from watchd.domain.job import Stamp
from watchd.domain.profile import Order
from watchd.tree import Tree

Rank = tuple[int, str]
"""The least one goes first."""


class Ranking:
    """The order of one inbox."""

    def __init__(self, order: Order, tree: Tree) -> None:
        self._order = order
        self._tree = tree

    def __call__(self, relative: str, stamp: Stamp | None) -> Rank:
        """`stamp` is the last one that is known; without it the file is asked, if the order needs that."""
        match self._order:
            case Order.OLDEST:
                return self._changed_ns(relative, stamp), relative
            case Order.NEWEST:
                return -self._changed_ns(relative, stamp), relative
            case Order.NAME:
                return 0, relative

    def _changed_ns(self, relative: str, stamp: Stamp | None) -> int:
        if stamp is not None:
            return stamp.mtime_ns
        try:
            return self._tree.stat(relative).st_mtime_ns
        except OSError:  # the look at it tells what is wrong
            return 0
