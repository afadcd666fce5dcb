import threading
from functools import partial

import pytest
from fakes import Crashes, wait_until

from watchd.background import Grace
from watchd.work.janitor import Chore, Janitor


def janitor_of(chores: list[Chore], crashes: Crashes) -> Janitor:
    janitor = Janitor("janitor", crashes, Grace(5))
    janitor.keep(chores)
    return janitor


def test_chores_are_done_again_and_again_each_at_its_own_pace(crashes: Crashes) -> None:
    often: list[int] = []
    seldom: list[int] = []
    chores = [Chore("often", 0.01, lambda: often.append(1)), Chore("seldom", 3600, lambda: seldom.append(1))]

    with janitor_of(chores, crashes) as janitor:
        wait_until(lambda: len(often) >= 5)

    assert seldom == []
    assert crashes.seen == []
    assert not janitor.alive


def test_chore_that_the_disk_refuses_is_tried_again(
    crashes: Crashes, caplog: pytest.LogCaptureFixture
) -> None:
    turns: list[int] = []

    def sweep() -> None:
        turns.append(1)
        raise OSError(28, "No space left on device")

    with janitor_of([Chore("sweep", 0.01, sweep)], crashes):
        wait_until(lambda: len(turns) >= 3)

    assert crashes.seen == []
    assert {record.chore for record in caplog.records} == {"sweep"}  # type: ignore[attr-defined]


def test_chore_with_a_bug_is_a_crash_and_never_silent(crashes: Crashes) -> None:
    def bug() -> None:
        raise ValueError("bug")

    with janitor_of([Chore("bug", 0.01, bug)], crashes):
        assert crashes.told.wait(5)

    assert [(name, str(error)) for name, error in crashes.seen] == [("janitor", "bug")]


def test_chore_that_takes_long_does_not_starve_the_others(crashes: Crashes) -> None:
    other = threading.Event()
    slow = threading.Event()
    chores = [Chore("slow", 0.01, lambda: slow.wait(0.05)), Chore("other", 0.01, other.set)]

    with janitor_of(chores, crashes):
        assert other.wait(5)


def test_chore_of_the_start_is_done_at_once_and_then_at_its_pace(crashes: Crashes) -> None:
    done = threading.Event()
    later: list[int] = []
    chores = [
        Chore("start", 3600, done.set, at_start=True),
        Chore("later", 3600, lambda: later.append(1)),
    ]

    with janitor_of(chores, crashes):
        assert done.wait(5)

    assert later == []


def test_janitor_without_chores_waits_and_stops(crashes: Crashes) -> None:
    with janitor_of([], crashes) as janitor:
        alive = janitor.alive

    assert alive
    assert not janitor.alive


def test_chores_may_be_exchanged_and_those_that_stay_keep_their_turn(crashes: Crashes) -> None:
    begun: list[str] = []
    stays, leaves, comes = (
        Chore(name, 3600, partial(begun.append, name), at_start=True) for name in ("stays", "leaves", "comes")
    )
    with janitor_of([stays, leaves], crashes) as janitor:
        wait_until(lambda: len(begun) == 2)
        janitor.keep([comes, stays])
        wait_until(lambda: len(begun) == 3)

    assert begun == ["stays", "leaves", "comes"]


def test_chore_that_is_not_kept_is_not_done_again(crashes: Crashes) -> None:
    old, new = [], threading.Event()
    with janitor_of([Chore("old", 0.01, lambda: old.append(1))], crashes) as janitor:
        wait_until(lambda: old)
        janitor.keep([Chore("new", 0.01, new.set)])
        assert new.wait(5)
        before = len(old)
        new.clear()
        assert new.wait(5)

        assert len(old) == before
