import threading

import pytest
from fakes import Crashes, wait_until

from watchd.background import Grace
from watchd.work.janitor import Chore, Janitor


def test_chores_are_done_again_and_again_each_at_its_own_pace(crashes: Crashes) -> None:
    often: list[int] = []
    seldom: list[int] = []
    chores = [Chore("often", 0.01, lambda: often.append(1)), Chore("seldom", 3600, lambda: seldom.append(1))]

    with Janitor("janitor", chores, crashes, Grace(5)) as janitor:
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

    with Janitor("janitor", [Chore("sweep", 0.01, sweep)], crashes, Grace(5)):
        wait_until(lambda: len(turns) >= 3)

    assert crashes.seen == []
    assert {record.chore for record in caplog.records} == {"sweep"}  # type: ignore[attr-defined]


def test_chore_with_a_bug_is_a_crash_and_never_silent(crashes: Crashes) -> None:
    def bug() -> None:
        raise ValueError("bug")

    with Janitor("janitor", [Chore("bug", 0.01, bug)], crashes, Grace(5)):
        assert crashes.told.wait(5)

    assert [(name, str(error)) for name, error in crashes.seen] == [("janitor", "bug")]


def test_chore_that_takes_long_does_not_starve_the_others(crashes: Crashes) -> None:
    other = threading.Event()
    slow = threading.Event()
    chores = [Chore("slow", 0.01, lambda: slow.wait(0.05)), Chore("other", 0.01, other.set)]

    with Janitor("janitor", chores, crashes, Grace(5)):
        assert other.wait(5)


def test_chore_of_the_start_is_done_at_once_and_then_at_its_pace(crashes: Crashes) -> None:
    done = threading.Event()
    later: list[int] = []
    chores = [
        Chore("start", 3600, done.set, at_start=True),
        Chore("later", 3600, lambda: later.append(1)),
    ]

    with Janitor("janitor", chores, crashes, Grace(5)):
        assert done.wait(5)

    assert later == []


def test_janitor_without_chores_waits_and_stops(crashes: Crashes) -> None:
    with Janitor("janitor", [], crashes, Grace(5)) as janitor:
        alive = janitor.alive

    assert alive
    assert not janitor.alive
