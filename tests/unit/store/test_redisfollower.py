import threading
from collections.abc import Callable

import pytest
from fakes import Crashes
from redises import FakeLink

from watchd.background import Grace
from watchd.store.redisfollower import RedisFollower
from watchd.store.redislink import Reply

A, B = b"wd:a:new", b"wd:b:new"


class EndingLink(FakeLink):
    """Ends the following instead of waiting for Redis to come back; `outages` are survived before."""

    def __init__(self, *replies: list[Reply]) -> None:
        super().__init__(*replies)
        self.outages: list[list[Reply]] = []

    def reconnect(self, stopping: threading.Event) -> None:
        if self.outages:
            self._replies.append(self.outages.pop(0))
        else:
            stopping.set()


def follow(link: EndingLink, *spaces: tuple[str, Callable[[str], None]]) -> None:
    crashes = Crashes()
    with RedisFollower(link, spaces, crashes, Grace(5)) as follower:
        assert follower.stopping.wait(5)
    assert crashes.seen == []


def entry(number: int, name: bytes) -> Reply:
    return [b"%d-0" % number, [b"name", name]]


def test_names_of_each_space_are_told_to_those_who_asked_for_it() -> None:
    link = EndingLink([[[A, [entry(1, b"one"), entry(2, b"two")]], [B, [entry(3, b"three")]]]])
    first: list[str] = []
    again: list[str] = []
    other: list[str] = []

    follow(link, ("a", first.append), ("b", other.append), ("a", again.append))

    assert first == again == ["one", "two"]
    assert other == ["three"]


def test_streams_are_read_from_the_start_and_then_from_the_last_entry() -> None:
    link = EndingLink([[[A, [entry(1, b"one"), entry(2, b"two")]]]], [None], [[[B, [entry(3, b"three")]]]])

    follow(link, ("a", lambda name: None), ("b", lambda name: None))

    since = [commands[0][-2:] for commands in link.asked]
    assert since == [(b"0", b"0"), (b"2-0", b"0"), (b"2-0", b"0"), (b"2-0", b"3-0")]


def test_redis_that_was_away_is_read_from_the_start_again() -> None:
    link = EndingLink([[[A, [entry(7, b"one")]]]])
    link.outages = [[[[A, [entry(1, b"new")]]]]]
    learnt: list[str] = []

    follow(link, ("a", learnt.append))

    since = [commands[0][-1] for commands in link.asked]
    assert since == [b"0", b"7-0", b"0", b"1-0"]
    assert learnt == ["one", "new"]


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        [b"name"],
        [b"name", None],
        [b"other", b"bad"],
        [b"name", b"bad", b"more", b"x"],
        [b"name", b"x" * 256],
        [b"name", b"\xff"],
    ],
)
def test_strange_entry_is_passed_over(fields: Reply) -> None:
    link = EndingLink([[[A, [[b"1-0", fields], entry(2, b"good")]]]])
    learnt: list[str] = []

    follow(link, ("a", learnt.append))

    assert learnt == ["good"]
    assert link.asked[-1][0][-1] == b"2-0"


def test_space_that_comes_later_is_read_from_its_start_beside_the_others() -> None:
    learnt: list[str] = []
    link = EndingLink([[[A, [entry(5, b"one")]]]], [[[B, [entry(2, b"two")]]]])
    crashes = Crashes()
    follower = RedisFollower(link, (), crashes, Grace(5))

    def learn(name: str) -> None:
        learnt.append(name)
        if name == "one":
            follower.follow("b", learn)

    follower.follow("a", learn)
    with follower:
        assert follower.stopping.wait(5)

    assert crashes.seen == []
    assert learnt == ["one", "two"]
    assert [commands[0][-1] for commands in link.asked][:2] == [b"0", b"0"]
