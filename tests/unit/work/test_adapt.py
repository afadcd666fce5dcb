"""How many workers the machine can spare, by a clock that the tests move."""

import random

import pytest

from watchd.imaging.load import Load
from watchd.work.adapt import CPU, LONGEST_UP_AFTER_S, MEMORY, UP_AFTER_S, Adapter, Work

EVERY_S = 0.5
DEEP = Work(waiting=50, busy=2)


class Bench:
    """An adapter that is asked every half second."""

    def __init__(self, most: int = 4, cores_each: float = 1.0, polite: bool = False) -> None:
        self.most = most
        self.adapter = Adapter(most, cores_each, polite)
        self.now = 1000.0
        self.allowed = most
        self.history: list[int] = []

    def sees(self, spare: float, seconds: float, work: Work = DEEP, **changes: object) -> int:
        """The workers that are told after it has seen this for so long."""
        for _ in range(round(seconds / EVERY_S)):
            self.now += EVERY_S
            load = Load(**{"spare_cores": spare, "contended": True, **changes})
            self.allowed = self.adapter.decide(self.now, load, work, self.most)
            self.history.append(self.adapter.workers)
        return self.adapter.workers

    @property
    def changes(self) -> int:
        return sum(one != other for one, other in zip(self.history, self.history[1:], strict=False))


def test_with_nobody_else_all_work():
    bench = Bench()

    assert bench.sees(4.0, 60) == 4
    assert bench.changes == 0
    assert bench.adapter.reason == ""


def test_it_goes_down_once_others_have_needed_the_cpu_for_a_moment():
    bench = Bench()

    first = bench.sees(2.0, EVERY_S)
    then = bench.sees(2.0, EVERY_S)

    assert (first, then) == (4, 2)
    assert bench.adapter.reason == CPU


def test_what_lasts_for_one_look_changes_nothing():
    bench = Bench()

    for _ in range(20):
        bench.sees(1.0, EVERY_S)
        bench.sees(4.0, EVERY_S)

    assert bench.changes == 0


def test_of_what_it_saw_while_it_waited_the_least_change_counts():
    bench = Bench()

    bench.sees(0.0, EVERY_S)

    assert bench.sees(3.0, EVERY_S) == 3


def test_it_comes_back_within_three_seconds_with_all_at_once():
    bench = Bench(polite=True)
    bench.sees(0.0, 30)

    assert bench.sees(4.0, UP_AFTER_S - EVERY_S) == 0
    assert bench.sees(4.0, 2 * EVERY_S) == 4
    assert bench.adapter.reason == ""


def test_at_least_one_works_and_with_polite_none_must():
    assert Bench().sees(0.0, 60) == 1
    assert Bench(polite=True).sees(0.0, 60) == 0


def test_load_of_others_that_keeps_nobody_waiting_moves_only_who_is_polite():
    assert Bench().sees(2.0, 60, contended=False) == 4
    assert Bench(polite=True).sees(2.0, 60, contended=False) == 2


def test_while_there_is_nothing_to_do_nothing_goes_down():
    bench = Bench(polite=True)

    assert bench.sees(0.0, 60, work=Work(0, 0)) == 4


def test_a_worker_that_takes_many_cores_goes_and_comes_with_all_of_them():
    bench = Bench(most=2, cores_each=4.0)

    assert bench.sees(5.0, 2) == 1
    assert bench.sees(6.0, 10) == 1
    assert bench.sees(7.5, 10) == 2


def test_noise_between_staying_and_coming_moves_nobody():
    chance = random.Random(1)
    high, low = Bench(), Bench()
    low.sees(3.0, 5)

    for _ in range(500):
        spare = chance.uniform(3.62, 3.73)
        high.sees(spare, EVERY_S)
        low.sees(spare, EVERY_S)

    assert (high.history[-1], low.history[-1]) == (4, 3)
    assert high.changes == 0


def test_while_memory_is_short_workers_go_one_after_another_down_to_one():
    bench = Bench()

    bench.sees(4.0, 4, memory_stalls=0.5)

    assert bench.adapter.reason == MEMORY
    assert {one - other for one, other in zip(bench.history, bench.history[1:], strict=False)} == {0, 1}
    assert bench.sees(4.0, 20, memory_stalls=0.5) == 1


def test_memory_that_is_barely_enough_lets_nobody_go_and_nobody_come():
    bench = Bench()

    assert bench.sees(4.0, 10, memory_available=0.07) == 4
    bench.sees(4.0, 1, memory_available=0.03)
    assert bench.sees(4.0, 30, memory_available=0.07) == 3
    assert bench.sees(4.0, 5, memory_available=0.2) == 4


def test_whoever_went_up_too_early_waits_longer_before_the_next_time():
    bench = Bench()
    ups = []
    for _ in range(12):
        bench.sees(1.0, 2)
        begun = bench.now
        while bench.sees(4.0, EVERY_S) == 1:
            pass
        ups.append(bench.now - begun)

    assert ups == sorted(ups)
    assert ups[-1] == pytest.approx(LONGEST_UP_AFTER_S, abs=2 * EVERY_S)


def test_going_down_step_by_step_is_one_way_down():
    bench = Bench(polite=True)
    bench.sees(0.0, 5)
    bench.sees(4.0, 5)
    for spare in (3.0, 2.0, 1.0, 0.0):
        bench.sees(spare, 1)

    assert bench.history[-1] == 0
    assert bench.sees(4.0, 2 * UP_AFTER_S + EVERY_S) == 4


def test_after_a_while_of_peace_it_comes_back_as_soon_as_at_first():
    bench = Bench()
    for _ in range(6):
        bench.sees(1.0, 2)
        bench.sees(4.0, 40)
    bench.sees(1.0, 2)

    assert bench.sees(4.0, UP_AFTER_S + EVERY_S) == 4


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("polite", [False, True])
def test_whatever_it_sees_it_keeps_within_its_bounds_and_does_not_flap(seed, polite):
    chance = random.Random(seed)
    bench = Bench(most=chance.choice([1, 2, 8, 64]), cores_each=chance.choice([0.5, 1.0, 2.0]), polite=polite)
    for _ in range(400):
        bench.sees(
            chance.uniform(-1, bench.most * 2.2),
            chance.choice([0.5, 1.0, 3.0, 8.0]),
            Work(chance.choice([0, 5]), chance.choice([0, 1])),
            memory_stalls=chance.choice([0.0, 0.0, 0.0, 0.5]),
        )
        assert (0 if polite else 1) <= bench.adapter.workers <= bench.allowed <= bench.most or (
            bench.adapter.workers == 0 and bench.allowed <= 1
        )

    ups = sum(one < other for one, other in zip(bench.history, bench.history[1:], strict=False))
    assert ups <= len(bench.history) * EVERY_S / UP_AFTER_S / 2


def test_what_waits_at_rest_has_a_turn_now_and_again():
    bench = Bench(polite=True)
    bench.sees(0.0, 5, Work(waiting=9, busy=0))
    allowed = []
    for _ in range(240):
        bench.sees(0.0, EVERY_S, Work(waiting=9, busy=0))
        allowed.append(bench.allowed)

    assert set(allowed) == {0, 1}
    assert 4 <= sum(allowed) <= 6
    assert set(bench.history[-240:]) == {0}


def test_the_longer_a_turn_was_the_later_is_the_next_one():
    bench = Bench(polite=True)
    bench.sees(0.0, 5)
    while not bench.allowed:
        bench.sees(0.0, EVERY_S, Work(waiting=9, busy=0))
    bench.sees(0.0, 10, Work(waiting=9, busy=1))  # its job goes on to its end

    begun = bench.now
    while not bench.allowed:
        bench.sees(0.0, EVERY_S, Work(waiting=9, busy=0))

    assert bench.now - begun >= 19 * 10


def test_jobs_that_end_as_the_rest_begins_put_the_first_turn_off_for_a_while_only():
    bench = Bench(polite=True)
    bench.sees(0.0, 3)

    begun = bench.now
    while not bench.allowed and bench.now < begun + 300:
        bench.sees(0.0, EVERY_S, Work(waiting=9, busy=0))

    assert 20 <= bench.now - begun <= 60


def test_at_rest_with_nothing_to_do_nobody_has_a_turn():
    bench = Bench(polite=True)
    bench.sees(0.0, 5)
    allowed = [bench.sees(0.0, EVERY_S, Work(0, 0)) or bench.allowed for _ in range(200)]

    assert set(allowed) == {0}


def test_bound_that_falls_holds_at_once():
    bench = Bench()
    bench.most = 2

    assert bench.sees(4.0, EVERY_S) == 2
