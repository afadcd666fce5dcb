import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from fakes import FakeClaims, wait_until

from watchd.work.singleflight import SingleFlight

KEY = "a" * 32


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_second_of_one_key_waits_for_the_first() -> None:
    flights, inside, order = SingleFlight(), threading.Event(), []

    def second() -> None:
        with flights.only(KEY, waiting) as waited:
            order.append(f"second, {waited}")

    @contextmanager
    def waiting():
        inside.set()
        yield

    with flights.only(KEY) as waited:
        thread = in_thread(second)
        assert inside.wait(5)
        order.append(f"first, {waited}")
    thread.join(5)

    assert order == ["first, False", "second, True"]


def test_other_keys_do_not_wait() -> None:
    flights = SingleFlight()

    with flights.only(KEY), flights.only("b" * 32) as waited:
        assert not waited


def test_key_that_nobody_works_on_takes_no_memory() -> None:
    flights = SingleFlight()

    with pytest.raises(ZeroDivisionError), flights.only(KEY):
        raise ZeroDivisionError

    assert flights._flights == {}
    with flights.only(KEY) as waited:
        assert not waited


def test_claim_is_held_meanwhile_and_released(claims: FakeClaims) -> None:
    with SingleFlight(claims).only(KEY):
        assert claims.held
        assert claims.acquire(KEY) is None

    assert claims.released == [KEY]


def test_what_another_process_works_on_is_waited_for(claims: FakeClaims) -> None:
    token = claims.acquire(KEY)
    assert token is not None
    waits = 0

    @contextmanager
    def waiting():
        nonlocal waits
        waits += 1
        yield
        if waits == 2:
            claims.release(KEY, token)

    with SingleFlight(claims).only(KEY, waiting) as waited:
        assert waited
        assert waits == 2


def test_patience_ends_and_the_work_goes_on_without(claims: FakeClaims) -> None:
    claims.acquire(KEY)

    with SingleFlight(claims, patience_s=0.1).only(KEY) as waited:
        assert waited

    assert claims.released == []


def test_disk_that_gives_no_claim_stops_nobody(claims: FakeClaims) -> None:
    claims.trouble = OSError(5, "no disk")

    with SingleFlight(claims).only(KEY) as waited:
        assert not waited


def test_claim_that_cannot_be_released_is_left_to_its_lease(claims: FakeClaims) -> None:
    with SingleFlight(claims).only(KEY):
        claims.trouble = OSError(5, "no disk")

    claims.trouble = None
    assert claims.acquire(KEY) is None


def test_many_threads_enter_one_at_a_time() -> None:
    flights, inside, most, done = SingleFlight(), 0, 0, []

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with flights.only(KEY):
                inside += 1
                most = max(most, inside)
                inside -= 1
        done.append(True)

    threads = [in_thread(work) for _ in range(8)]
    wait_until(lambda: len(done) == 8, within_s=30)
    for thread in threads:
        thread.join()

    assert most == 1
    assert flights._flights == {}
