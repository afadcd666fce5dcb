"""Windows of the week, by the wall clock, in which so many workers and no more are at work."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN

Span = tuple[int, int]
"""From the one to before the other: minutes since Monday, 00:00."""


@dataclass(frozen=True, slots=True)
class Hours:
    """From `begin` to before `end`, in minutes of the day, on `days` (Monday is 0) and, where it does not end
    after it begins, over midnight. Whatever a wall clock skips or shows twice is skipped or counts twice.
    """

    days: frozenset[int]
    begin: int
    end: int
    workers: int

    def covers(self, minute: int) -> bool:
        """Whether this minute of the week is in it."""
        return any(begin <= minute < end for begin, end in self.spans())

    def spans(self) -> Iterator[Span]:
        """One for each of its days; what goes on after the end of Sunday begins the week."""
        length = (self.end - self.begin) % DAY_MIN or DAY_MIN
        for day in sorted(self.days):
            begin = day * DAY_MIN + self.begin
            yield begin, min(begin + length, WEEK_MIN)
            if begin + length > WEEK_MIN:
                yield 0, begin + length - WEEK_MIN

    def overlaps(self, other: "Hours") -> bool:
        return any(one[0] < two[1] and two[0] < one[1] for one in self.spans() for two in other.spans())


def workers_at(minute: int, schedule: Iterable[Hours]) -> int | None:
    """How many may work in this minute of the week; None says that no window covers it."""
    return next((hours.workers for hours in schedule if hours.covers(minute)), None)
