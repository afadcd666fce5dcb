"""Which sighted files have come to rest: a state machine without files, threads or a clock of its own."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from watchd.domain.job import Arrival, Stamp
from watchd.intake.complete import Wholeness
from watchd.intake.ranking import Rank
from watchd.intake.sightings import Hint

_SOONEST_LOOK_S = 0.1
_LATEST_LOOK_S = 5.0


class Rest(Enum):
    SETTLED = auto()
    WAITING = auto()
    NEVER = auto()  # unfinished and unchanged for so long that nobody will finish it


@dataclass(slots=True)
class _Waiting:
    followed_since: float
    quiet_since: float  # may be before it was followed, if so much is known
    due: float = 0.0
    look_due: float = 0.0  # when the look was due that it was taken for
    stamp: Stamp | None = None
    longest_gap_s: float = 0.0
    news: bool = False  # it has arrived since it was last looked at
    arrived: bool = False  # it has arrived, and not changed since
    warned: bool = False


class Settler:
    """Follows the files of one inbox from their first sighting until they settle or vanish.

    Every `now` is seconds of a monotonic clock. A file settles once it is quiet for `settle_s`, or for
    twice the longest pause its writer has made; at once if it proves to be whole and its writer gone.
    `rank` tells which of those goes first whose time has come.
    """

    def __init__(
        self,
        settle_s: float,
        timeout_s: float,
        capacity: int,
        rank: Callable[[str, Stamp | None], Rank] = lambda relative, _: (0, relative),
    ) -> None:
        self._settle_s = settle_s
        self._timeout_s = timeout_s
        self._capacity = capacity
        self._rank = rank
        self._waiting: dict[str, _Waiting] = {}
        # Heaps; an entry counts if it has its file's due time.
        self._agenda: list[tuple[float, str]] = []
        self._ripe: list[tuple[Rank, float, str]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, relative: str) -> bool:
        return relative in self._waiting

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self._capacity

    def sight(
        self, relative: str, hint: Hint, now: float, quiet_s: float = 0.0, stamp: Stamp | None = None
    ) -> None:
        """Starts to follow a file, or notes that something happened to it.

        `quiet_s` is how long it is known to have been at rest already, `stamp` what it looks like.
        """
        file = self._waiting.get(relative)
        if file is None:
            file = self._waiting[relative] = _Waiting(now, quiet_since=now - quiet_s, stamp=stamp)
            self.postpone(relative, now + (self._settle_s if hint is Hint.TOUCHED else 0.0))
        if hint is Hint.ARRIVED:
            file.news = True
            if file.due > now:
                self.postpone(relative, now)

    def take_due(self, now: float) -> str | None:
        """The first of the files whose time has come; whoever takes it judges, postpones or forgets it."""
        while self._agenda and self._agenda[0][0] <= now:
            due, relative = heapq.heappop(self._agenda)
            if self._counts(due, relative):
                rank = self._rank(relative, self._waiting[relative].stamp)
                heapq.heappush(self._ripe, (rank, due, relative))
        while self._ripe:
            _, due, relative = heapq.heappop(self._ripe)
            if self._counts(due, relative):
                self._waiting[relative].look_due = due
                return relative
        return None

    def next_due(self) -> float | None:
        while self._ripe and not self._counts(*self._ripe[0][1:]):
            heapq.heappop(self._ripe)
        if self._ripe:
            return self._ripe[0][1]
        while self._agenda and not self._counts(*self._agenda[0]):
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    def forget(self, relative: str) -> None:
        self._waiting.pop(relative, None)

    def postpone(self, relative: str, until: float) -> None:
        """Keeps the file, and looks at it again at that time."""
        self._waiting[relative].due = until
        heapq.heappush(self._agenda, (until, relative))

    def put_off(self, relative: str, until: float) -> None:
        """Postpones a file that has settled; from then on it counts as newly sighted."""
        self._waiting[relative].followed_since = until
        self.postpone(relative, until)

    def arrival(self, relative: str) -> Arrival:
        """Of a file that was found at rest: it might have been taken since that look was due."""
        file = self._waiting[relative]
        return Arrival(min(file.followed_since, file.look_due), file.look_due)

    def judge(self, relative: str, stamp: Stamp, wholeness: Wholeness, now: float) -> Rest:
        """Whether the file, seen just now like this, has come to rest; if not, when to look again is set."""
        file = self._waiting[relative]
        if file.stamp not in (None, stamp):
            pause_s = now - max(file.quiet_since, file.followed_since)
            file.longest_gap_s = max(file.longest_gap_s, pause_s)
            file.quiet_since = now
            file.arrived = False
        file.arrived = file.arrived or file.news
        file.stamp, file.news = stamp, False
        quiet_s = now - file.quiet_since
        needed_s = self._needed_s(file, wholeness)
        if quiet_s >= needed_s:
            return Rest.NEVER if wholeness is Wholeness.UNFINISHED else Rest.SETTLED
        self.postpone(
            relative, now + min(max(quiet_s / 2, _SOONEST_LOOK_S), _LATEST_LOOK_S, needed_s - quiet_s)
        )
        return Rest.WAITING

    def overdue(self, relative: str, now: float) -> bool:
        """True once per file: it has been quiet for half of the time-out and still does not settle."""
        file = self._waiting[relative]
        late = not file.warned and now - file.quiet_since >= self._timeout_s / 2
        file.warned = file.warned or late
        return late

    def _counts(self, due: float, relative: str) -> bool:
        file = self._waiting.get(relative)
        return file is not None and file.due == due

    def _needed_s(self, file: _Waiting, wholeness: Wholeness) -> float:
        """How long the file must be quiet to settle, or to be given up."""
        if wholeness is Wholeness.PROVEN or (wholeness is Wholeness.ENDED and file.arrived):
            return 0.0
        if wholeness is Wholeness.BUSY:
            return float("inf")
        if wholeness in (Wholeness.DOUBTFUL, Wholeness.UNFINISHED):
            return self._timeout_s
        return min(max(self._settle_s, 2 * file.longest_gap_s), self._timeout_s)
