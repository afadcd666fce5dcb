"""Plan, hour and machine together: the size that a pool is told."""

import time
from dataclasses import replace

import pytest
from fakes import RecordingListener

from watchd.domain.events import WorkersChanged
from watchd.domain.hours import Hours
from watchd.imaging.load import Load
from watchd.work.adapt import CPU, Work
from watchd.work.staffing import QUIET, Rules, Staffing

CPUS = (0, 2, 4, 6)
EVENING = Hours(frozenset(range(7)), 18 * 60, 22 * 60, 1)
NIGHT = Hours(frozenset(range(7)), 22 * 60, 6 * 60, 0)


class Bench:
    """A staffing whose clocks and loads the test sets; `sizes` is what the pool was told."""

    def __init__(self) -> None:
        self.sizes: list[tuple[tuple[int | None, ...], bool]] = []
        self.load: Load | None = Load(4.0, contended=False)
        self.now = 1000.0
        self.wall = "2026-01-31 12:00"
        self.listener = RecordingListener()
        self.work = Work(waiting=9, busy=2)
        self.staffing = Staffing(
            resize=lambda cpus, polite: self.sizes.append((cpus, polite)),
            read_load=lambda now: self.load,
            work=lambda: self.work,
            announce=self.listener,
            clock=lambda: self.now,
            wall=lambda: time.strptime(self.wall, "%Y-%m-%d %H:%M"),
        )

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.now += 0.5
            self.staffing.turn()

    @property
    def told(self) -> WorkersChanged:
        event: WorkersChanged = self.listener.events[-1]
        return event


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_without_any_rule_all_work_and_are_told_of_once(bench):
    bench.staffing.follow(Rules(CPUS))
    bench.turns(10)

    assert bench.sizes == [(CPUS, False)]
    assert bench.listener.events == [WorkersChanged(4, 4)]


def test_quiet_hours_begin_and_end_by_the_wall_clock(bench):
    bench.staffing.follow(Rules(CPUS, schedule=(EVENING, NIGHT)))
    for bench.wall in ("2026-01-31 17:59", "2026-01-31 18:00", "2026-01-31 22:00", "2026-02-01 06:00"):
        bench.turns(2)

    assert [len(cpus) for cpus, _ in bench.sizes] == [4, 1, 0, 4]
    assert bench.listener.events == [
        WorkersChanged(4, 4),
        WorkersChanged(1, 4, QUIET),
        WorkersChanged(0, 4, QUIET),
        WorkersChanged(4, 4),
    ]


@pytest.mark.parametrize(
    ("walls", "sizes"),
    [
        (("01:59", "03:00", "03:01"), [4]),  # in spring the clock skips the window
        (("01:59", "02:00", "02:59", "02:00", "02:59", "03:00"), [4, 1, 4]),  # in autumn it shows it twice
    ],
)
def test_a_clock_that_is_set_forth_or_back_skips_or_repeats_the_window(bench, walls, sizes):
    window = Hours(frozenset(range(7)), 2 * 60, 3 * 60, 1)
    bench.staffing.follow(Rules(CPUS, schedule=(window,)))
    for clock in walls:
        bench.wall = f"2026-03-29 {clock}"
        bench.turns(1)

    assert [len(cpus) for cpus, _ in bench.sizes] == sizes


def test_quiet_hours_never_ask_for_more_than_is_planned(bench):
    bench.staffing.follow(Rules((None,), schedule=(replace(EVENING, begin=0, end=24 * 60, workers=3),)))

    assert bench.sizes == [((None,), False)]
    assert bench.listener.events == [WorkersChanged(1, 1)]


def test_others_take_workers_away_those_left_keep_their_cpus_and_the_reason_is_told(bench):
    bench.staffing.follow(Rules(CPUS, adaptive=True))
    bench.load = Load(2.0, contended=True)
    bench.turns(3)

    assert bench.sizes == [(CPUS, False), ((0, 2), False)]
    assert bench.told == WorkersChanged(2, 4, CPU)


def test_without_adaptive_others_take_nobody_away(bench):
    bench.staffing.follow(Rules(CPUS, polite=True))
    bench.load = Load(0.0, contended=True)
    bench.turns(100)

    assert bench.sizes == [(CPUS, True)]


def test_the_hour_bounds_what_the_machine_could_spare(bench):
    bench.wall = "2026-01-31 19:00"
    bench.staffing.follow(Rules(CPUS, adaptive=True, schedule=(EVENING,)))
    bench.turns(20)

    assert bench.told == WorkersChanged(1, 4, QUIET)
    bench.wall = "2026-01-31 23:00"
    bench.turns(20)
    assert bench.told == WorkersChanged(4, 4)


def test_at_rest_by_the_hour_nobody_has_a_turn(bench):
    bench.wall = "2026-01-31 23:00"
    bench.staffing.follow(Rules(CPUS, adaptive=True, polite=True, schedule=(NIGHT,)))
    bench.turns(200)

    assert bench.sizes == [((), True)]


def test_a_turn_is_given_and_not_told_of(bench):
    bench.staffing.follow(Rules(CPUS, adaptive=True, polite=True))
    bench.load, bench.work = Load(0.0, contended=True), Work(waiting=9, busy=0)
    bench.turns(60)

    assert [len(cpus) for cpus, _ in bench.sizes] == [4, 0, 1, 0]
    assert [event.workers for event in bench.listener.events] == [4, 0]


def test_other_rules_hold_at_once_and_what_was_found_out_stays_where_it_holds(bench):
    bench.staffing.follow(Rules(CPUS, adaptive=True))
    bench.load = Load(2.0, contended=True)
    bench.turns(3)
    bench.staffing.follow(Rules(CPUS, adaptive=True, schedule=(NIGHT,)))
    same = bench.told
    bench.staffing.follow(Rules(CPUS[:3]))

    assert same == WorkersChanged(2, 4, CPU)
    assert bench.told == WorkersChanged(3, 3)
    assert bench.sizes[-1] == (CPUS[:3], False)


def test_as_long_as_nothing_is_read_all_stays_as_it_is(bench):
    bench.load = None
    bench.staffing.follow(Rules(CPUS, adaptive=True))
    bench.turns(5)

    assert bench.sizes == [(CPUS, False)]
