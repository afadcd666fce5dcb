import threading
from contextlib import ExitStack

import pytest
from fakes import wait_until

from watchd.work.budget import PixelBudget


class Waiter:
    """Reserves on a thread of its own, and holds until it is told to let go."""

    def __init__(self, budget: PixelBudget, needed: int) -> None:
        self.has = threading.Event()
        self.let_go = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(budget, needed))

    def __enter__(self) -> "Waiter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go.set()
        self._thread.join(5)

    def _run(self, budget: PixelBudget, needed: int) -> None:
        with budget.reserve(needed):
            self.has.set()
            self.let_go.wait(10)


def standing_in_line(budget: PixelBudget, count: int) -> None:
    wait_until(lambda: len(budget._line) == count)


def test_reservation_is_held_while_entered() -> None:
    budget = PixelBudget(100)

    with budget.reserve(60), budget.reserve(40):
        inside = budget.in_flight

    assert (inside, budget.in_flight) == (100, 0)


def test_reservation_ends_with_an_error_too() -> None:
    budget = PixelBudget(100)

    with pytest.raises(ValueError, match="broken"), budget.reserve(60):
        raise ValueError("broken")

    assert budget.in_flight == 0


def test_picture_waits_until_there_is_room() -> None:
    budget = PixelBudget(100)

    with Waiter(budget, 70) as first:
        assert first.has.wait(5)
        with Waiter(budget, 40) as second:
            standing_in_line(budget, 1)
            waited = not second.has.is_set()
            first.let_go.set()
            assert second.has.wait(5)

    assert waited
    assert budget.in_flight == 0


def test_picture_larger_than_the_budget_is_let_in_alone() -> None:
    budget = PixelBudget(100)

    with Waiter(budget, 1) as small:
        assert small.has.wait(5)
        with Waiter(budget, 10**12) as giant:
            standing_in_line(budget, 1)
            waited = not giant.has.is_set()
            small.let_go.set()
            assert giant.has.wait(5)
            with Waiter(budget, 1) as next_one:
                standing_in_line(budget, 1)
                alone = not next_one.has.is_set()
                giant.let_go.set()
                assert next_one.has.wait(5)

    assert waited
    assert alone


def test_large_picture_is_not_passed_by_small_ones() -> None:
    budget = PixelBudget(100)

    with ExitStack() as stack:
        first = stack.enter_context(Waiter(budget, 50))
        assert first.has.wait(5)
        large = stack.enter_context(Waiter(budget, 80))
        standing_in_line(budget, 1)
        small = stack.enter_context(Waiter(budget, 10))
        standing_in_line(budget, 2)
        passed = small.has.is_set()
        first.let_go.set()
        assert large.has.wait(5)
        assert small.has.wait(5)

    assert not passed


def test_no_more_than_the_budget_is_ever_in_flight() -> None:
    budget, peak = PixelBudget(100), []

    def work(needed: int) -> None:
        for _ in range(100):
            with budget.reserve(needed):
                peak.append(budget.in_flight)

    threads = [threading.Thread(target=work, args=(needed,)) for needed in (10, 35, 60, 100, 99)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert max(peak) <= 100
    assert budget.in_flight == 0
    assert len(peak) == 500


def test_budget_that_grows_lets_in_who_waits_and_one_that_shrinks_holds_nobody_for_ever() -> None:
    budget = PixelBudget(100)

    with Waiter(budget, 80) as first, Waiter(budget, 80) as second:
        wait_until(lambda: first.has.is_set() != second.has.is_set())
        budget.resize(200)
        assert first.has.wait(5)
        assert second.has.wait(5)
        with Waiter(budget, 90) as third:
            standing_in_line(budget, 1)
            budget.resize(50)
            first.let_go.set()
            second.let_go.set()
            assert third.has.wait(5)
            alone = budget.in_flight

    assert (alone, budget.in_flight) == (50, 0)
