from redises import FakeLink

from watchd.store.redisshare import MAX_MASK_BYTES, RedisShare

NAME = f"{'0f' * 32}_640x480_{'ab' * 8}.png"
KEY = f"wd:u2net-123:mask:{NAME}"


def share(link: FakeLink, ttl_s: float = 3600) -> RedisShare:
    return RedisShare(link, "u2net-123", ttl_s)


def test_mask_is_read_in_one_turn_that_makes_it_live_longer() -> None:
    link = FakeLink([b"mask", 1])

    data = share(link).get(NAME)

    assert data == b"mask"
    assert link.asked == [(("GETRANGE", KEY, 0, MAX_MASK_BYTES), ("PEXPIRE", KEY, 3_600_000))]


def test_unknown_mask_is_a_miss() -> None:
    assert share(FakeLink([b"", 0])).get(NAME) is None


def test_value_over_the_limit_is_a_miss_and_not_even_asked_for_whole() -> None:
    largest, over = b"x" * MAX_MASK_BYTES, b"x" * (MAX_MASK_BYTES + 1)

    assert share(FakeLink([largest, 1])).get(NAME) == largest
    assert share(FakeLink([over, 1])).get(NAME) is None


def test_bytes_are_there_before_their_name_is_told() -> None:
    link = FakeLink([b"OK", b"1-0"])

    share(link).put(NAME, b"mask")

    ((first, known, then),) = link.asked
    assert first == ("SET", KEY, b"mask", "PX", 3_600_000)
    assert known == ("SET", f"wd:u2net-123:name:{'ab' * 8}", NAME, "PX", 3_600_000)
    assert then == ("XADD", "wd:u2net-123:new", "MAXLEN", "~", 100_000, "*", "name", NAME)


def test_name_of_a_picture_s_mask_is_known_at_once() -> None:
    assert share(FakeLink([NAME.encode()])).find("ab" * 8) == NAME
    assert share(FakeLink([b""])).find("ab" * 8) is None
    assert share(FakeLink()).find("ab" * 8) is None


def test_mask_over_the_limit_stays_here() -> None:
    link = FakeLink([b"OK", b"1-0"])

    share(link).put(NAME, b"x" * (MAX_MASK_BYTES + 1))

    assert link.asked == []


def test_no_ttl_is_no_expiry() -> None:
    link = FakeLink([b"OK", b"1-0"], [b"mask"])
    forever = share(link, ttl_s=0)

    forever.put(NAME, b"mask")
    data = forever.get(NAME)

    assert data == b"mask"
    assert link.asked[0][0] == ("SET", KEY, b"mask")
    assert link.asked[1] == (("GETRANGE", KEY, 0, MAX_MASK_BYTES),)


def test_away_is_a_miss_and_a_put_that_does_nothing() -> None:
    away = share(FakeLink())

    away.put(NAME, b"mask")

    assert away.get(NAME) is None
