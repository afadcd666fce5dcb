from redises import FakeLink

from watchd.store.redisclaims import RedisClaims

KEY = "ab" * 8


def claims(link: FakeLink) -> RedisClaims:
    return RedisClaims(link, "u2net-123", lease_s=60)


def test_free_key_is_taken_with_a_lease() -> None:
    link = FakeLink([b"OK"])

    token = claims(link).acquire(KEY)

    assert token is not None
    assert link.asked == [(("SET", f"wd:u2net-123:claim:{KEY}", token, "NX", "PX", 60_000),)]


def test_key_that_another_host_has_is_refused_and_asked_for_again_later() -> None:
    here = claims(FakeLink([None], [b"OK"]))

    first, later = here.acquire(KEY), here.acquire(KEY)

    assert first is None
    assert later is not None


def test_key_that_this_process_has_is_refused_without_asking() -> None:
    link = FakeLink([b"OK"])
    here = claims(link)
    here.acquire(KEY)

    assert here.acquire(KEY) is None
    assert len(link.asked) == 1


def test_away_everything_is_ours_but_what_this_process_has_already() -> None:
    here = claims(FakeLink())

    token = here.acquire(KEY)

    assert token is not None
    assert here.holds(KEY, token)
    assert here.acquire(KEY) is None
    here.release(KEY, token)
    assert not here.holds(KEY, token)
    assert here.acquire(KEY) not in (None, token)


def test_claim_that_another_host_has_taken_over_is_no_longer_held() -> None:
    here = claims(FakeLink([b"OK"], [b"another's"], [None]))
    token = here.acquire(KEY)
    assert token is not None

    taken, nobodys = here.holds(KEY, token), here.holds(KEY, token)

    assert not taken
    assert nobodys


def test_release_with_a_token_of_before_changes_nothing() -> None:
    link = FakeLink([b"OK"], [1], [b"OK"])
    here = claims(link)
    old = here.acquire(KEY)
    assert old is not None
    here.release(KEY, old)
    new = here.acquire(KEY)
    assert new is not None

    here.release(KEY, old)

    assert here.acquire(KEY) is None
    assert len(link.asked) == 3


def test_only_what_is_held_is_refreshed() -> None:
    link = FakeLink([b"OK"], [None], [b"OK"], [1])
    here = claims(link)
    kept, gone = here.acquire(KEY), here.acquire("cd" * 8)
    done = here.acquire("ef" * 8)
    assert done is not None
    here.release("ef" * 8, done)
    link.asked.clear()

    here.refresh()

    ((command,),) = link.asked
    assert gone is None
    assert command[3:] == (f"wd:u2net-123:claim:{KEY}", kept, 60_000)


def test_refresh_tells_nothing_of_a_claim_that_redis_has_not_granted_yet() -> None:
    link = FakeLink([None])
    here = claims(link)
    link.meanwhile = here.refresh

    token = here.acquire(KEY)

    assert token is None
    assert len(link.asked) == 1
