"""Windows of the week."""

import pytest

from watchd.domain.hours import DAY_MIN, Hours, workers_at

OFFICE = Hours(frozenset(range(5)), 8 * 60, 18 * 60, 1)
NIGHT = Hours(frozenset({4, 6}), 22 * 60, 6 * 60, 0)


def at(day: int, hour: int, minute: int = 0) -> int:
    return day * DAY_MIN + hour * 60 + minute


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (at(0, 7, 59), False),
        (at(0, 8), True),
        (at(4, 17, 59), True),
        (at(4, 18), False),
        (at(5, 12), False),
    ],
)
def test_a_window_begins_with_its_first_minute_and_ends_before_its_last(moment, inside):
    assert OFFICE.covers(moment) is inside


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        (at(4, 22), True),
        (at(5, 5, 59), True),
        (at(5, 6), False),
        (at(5, 23), False),
        (at(6, 23), True),
        (at(0, 0), True),
        (at(0, 6), False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins(moment, inside):
    assert NIGHT.covers(moment) is inside


def test_whole_day_is_every_minute_of_it():
    sunday = Hours(frozenset({6}), 0, 24 * 60, 0)

    assert [minute for minute in range(7 * DAY_MIN) if sunday.covers(minute)] == list(
        range(6 * DAY_MIN, 7 * DAY_MIN)
    )


def test_the_window_that_covers_the_minute_says_how_many_work():
    schedule = (OFFICE, NIGHT)

    assert workers_at(at(1, 9), schedule) == 1
    assert workers_at(at(5, 1), schedule) == 0
    assert workers_at(at(1, 19), schedule) is None


@pytest.mark.parametrize(
    ("other", "overlap"),
    [
        (Hours(frozenset({4}), 17 * 60, 19 * 60, 2), True),
        (Hours(frozenset({4}), 18 * 60, 22 * 60, 2), False),
        (Hours(frozenset({6}), 20 * 60, 9 * 60, 2), True),
        (Hours(frozenset({6}), 20 * 60, 8 * 60, 2), False),
    ],
)
def test_windows_that_share_a_minute_overlap_also_over_the_end_of_the_week(other, overlap):
    assert OFFICE.overlaps(other) is overlap
    assert other.overlaps(OFFICE) is overlap
