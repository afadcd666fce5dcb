"""Lines of what is to be told: bounded, in order, and none held up by another."""

import threading
from datetime import UTC, datetime

import pytest
from fakes import ManualClock

from watchd.domain.hook import CommandHook
from watchd.report.backlog import Backlog
from watchd.report.notice import Notice, Occasion

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ONE, OTHER = CommandHook(("one",)), CommandHook(("other",))


def notice(number: int) -> Notice:
    return Notice(str(number), Occasion.DELIVERED, "photos", "", {}, {})


@pytest.fixture
def backlog(clock: ManualClock) -> Backlog:
    return Backlog(longest_line=3, clock=clock)


def taken(backlog: Backlog) -> tuple[str, str]:
    telling = backlog.take()
    assert telling is not None
    return str(telling.hook), telling.notice.id


def test_each_hook_is_told_in_order(backlog: Backlog) -> None:
    for number in (1, 2, 3):
        backlog.put(ONE, notice(number))

    for number in ("1", "2", "3"):
        telling = backlog.take()
        assert telling is not None
        assert telling.notice.id == number
        backlog.done(telling)


def test_hook_that_is_being_told_holds_up_itself_and_no_other(backlog: Backlog) -> None:
    for hook in (ONE, ONE, OTHER):
        backlog.put(hook, notice(1))

    assert taken(backlog) == ("one", "1")
    assert taken(backlog) == ("other", "1")


def test_hooks_take_turns(backlog: Backlog) -> None:
    for number in (1, 2):
        for hook in (ONE, OTHER):
            backlog.put(hook, notice(number))

    order = []
    for _ in range(4):
        telling = backlog.take()
        assert telling is not None
        order.append(str(telling.hook))
        backlog.done(telling)

    assert order == ["one", "other", "one", "other"]


def test_another_try_comes_first_in_its_line_but_not_before_its_time(
    backlog: Backlog, clock: ManualClock
) -> None:
    for number in (1, 2):
        backlog.put(ONE, notice(number))
    telling = backlog.take()
    assert telling is not None
    backlog.again(telling, 5.0)
    backlog.put(OTHER, notice(9))

    assert taken(backlog) == ("other", "9")
    clock.advance(5.0)
    again = backlog.take()
    assert again is not None
    assert (again.notice.id, again.attempt) == ("1", 2)


def test_full_line_drops_its_oldest_and_says_so_once_and_how_many_in_the_end(
    backlog: Backlog, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(10):
        backlog.put(ONE, notice(number))
    backlog.put(OTHER, notice(0))

    assert len(backlog) == 4
    ids = []
    backlog.close()
    while telling := backlog.take():
        ids.append(telling.notice.id)
        backlog.done(telling)
    assert sorted(ids) == ["0", "7", "8", "9"]
    assert [record.getMessage() for record in caplog.records] == [
        "a hook falls behind, its oldest events are dropped",
        "a hook has caught up",
    ]
    assert vars(caplog.records[1])["dropped"] == 7


def test_take_waits_for_what_comes(backlog: Backlog) -> None:
    ids: list[str] = []
    thread = threading.Thread(target=lambda: ids.append(taken(backlog)[1]))
    thread.start()

    backlog.put(ONE, notice(1))

    thread.join(20)
    assert ids == ["1"]


def test_closed_line_gives_what_waits_at_once_and_then_nothing(backlog: Backlog) -> None:
    backlog.put(ONE, notice(1))
    telling = backlog.take()
    assert telling is not None
    backlog.again(telling, 1000.0)

    backlog.close()

    assert taken(backlog) == ("one", "1")
    backlog.done(telling)
    assert backlog.take() is None


def test_who_waits_at_a_closed_line_that_is_busy_ends_when_it_is_given_up(backlog: Backlog) -> None:
    for number in (1, 2):
        backlog.put(ONE, notice(number))
    backlog.take()
    backlog.close()
    ended: list[object] = []
    thread = threading.Thread(target=lambda: ended.append(backlog.take()))
    thread.start()

    assert [telling.notice for telling in backlog.give_up()] == [notice(2)]

    thread.join(20)
    assert ended == [None]
