from redises import FakeLink

from watchd.store.rediscounters import RedisCounters

KEY = "wd:u2net-123:counters"


def test_counts_are_added_up_here_and_told_at_once() -> None:
    link = FakeLink([1, 1])
    counters = RedisCounters(link, "u2net-123")
    for field, by in (("miss", 1), ("hit", 2), ("miss", 3)):
        counters.count(field, by)
    asked_before = list(link.asked)

    counters.flush()
    counters.flush()

    assert asked_before == []
    assert link.asked == [(("HINCRBY", KEY, "miss", 4), ("HINCRBY", KEY, "hit", 2))]


def test_what_could_not_be_told_is_kept_for_the_next_time() -> None:
    link = FakeLink()
    counters = RedisCounters(link, "u2net-123")
    counters.count("miss", 4)

    counters.flush()
    counters.count("miss")
    counters.flush()

    assert link.asked[-1] == (("HINCRBY", KEY, "miss", 5),)


def test_what_is_no_number_is_left_out() -> None:
    link = FakeLink([[b"miss", b"7", b"low", b"-2", b"odd", b"x", b"long", b"9" * 5000, b"\xff", b"1"]])

    counted = RedisCounters(link, "u2net-123").counters()

    assert counted == {"miss": 7, "low": -2, "\ufffd": 1}


def test_away_nothing_is_known() -> None:
    assert RedisCounters(FakeLink(), "u2net-123").counters() == {}
