"""Redis dies, freezes and comes back under load: nobody waits for it, and afterwards nothing is missing."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from fakes import Crashes, wait_until
from redises import RedisServer, redis_server

from watchd.background import Grace
from watchd.store.redisclaims import RedisClaims
from watchd.store.rediscounters import RedisCounters
from watchd.store.redisfollower import RedisFollower
from watchd.store.redislink import RedisLink
from watchd.store.redisshare import RedisShare

SPACE = "u2net-3f9c1a7be2d0"
MASK = bytes(range(256)) * 60
AWAY, BACK = "redis is away, the cache goes on with files", "redis is back"
WORKERS = 8


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["unix", "tcp"])
def url(server: RedisServer, request: pytest.FixtureRequest) -> str:
    return getattr(server, request.param)


class Host:
    """One daemon's part in Redis, as its workers use it."""

    def __init__(self, url: str, crashes: Crashes) -> None:
        self.link = RedisLink(url)
        self.share = RedisShare(self.link, SPACE, 60)
        self.claims = RedisClaims(self.link, SPACE, 60)
        self.counters = RedisCounters(self.link, SPACE)
        self.learnt: set[str] = set()
        self.follower = RedisFollower(self.link, [(SPACE, self.learnt.add)], crashes, Grace(5))
        self.turns = 0
        self.longest_s = 0.0
        self._turns_guard = threading.Lock()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """With workers that do without a pause what each job does."""
        ending = threading.Event()
        troubles: list[BaseException] = []

        def work(worker: int) -> None:
            try:
                while not ending.is_set():
                    began = time.monotonic()
                    self._job(f"{worker}-{self.turns}")
                    with self._turns_guard:
                        self.turns += 1
                        self.longest_s = max(self.longest_s, time.monotonic() - began)
            except BaseException as error:
                troubles.append(error)
                raise

        workers = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
        with ExitStack() as life:
            life.enter_context(self.link)
            life.enter_context(self.follower)
            for worker in workers:
                worker.start()
            try:
                yield
            finally:
                ending.set()
                for worker in workers:
                    worker.join()
        assert troubles == []

    def busy(self, jobs: int = 200) -> None:
        """Returns after that many more jobs."""
        enough = self.turns + jobs
        wait_until(lambda: self.turns >= enough, within_s=20)

    def _job(self, name: str) -> None:
        token = self.claims.acquire(name)
        assert token is not None, "a key of its own is never refused"
        assert self.claims.holds(name, token)
        assert self.share.get(f"no-{name}") is None
        self.share.put(name, MASK)
        self.counters.count("miss")
        self.claims.release(name, token)


@pytest.fixture
def host(url: str, crashes: Crashes) -> Host:
    return Host(url, crashes)


def test_redis_that_dies_and_comes_back_costs_no_job_and_is_told_once(
    server: RedisServer, host: Host, crashes: Crashes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    with host.at_work():
        host.busy()
        server.kill()
        wait_until(lambda: not host.link.there)
        host.busy(5000)
        host.counters.flush()
        server.start()
        wait_until(lambda: host.link.there, within_s=10)
        host.busy()
        with RedisLink(server.unix) as elsewhere:
            RedisShare(elsewhere, SPACE, 60).put("from-elsewhere", MASK)
        wait_until(lambda: "from-elsewhere" in host.learnt)
        there = host.share.get("from-elsewhere")

    assert [record.message for record in caplog.records] == [AWAY, BACK]
    assert there == MASK
    assert host.longest_s < 5
    assert crashes.seen == []


def test_claims_and_counts_of_the_outage_reach_the_redis_that_comes_after_it(
    server: RedisServer, host: Host, crashes: Crashes
) -> None:
    with host.link, host.follower, RedisLink(server.unix) as other_link:
        server.kill()
        token = host.claims.acquire("key")
        assert token is not None
        host.counters.count("miss", 42)
        host.counters.flush()
        server.start()
        wait_until(lambda: host.link.there, within_s=10)
        host.claims.refresh()
        host.counters.flush()
        other = RedisClaims(other_link, SPACE, 60)
        refused = other.acquire("key")
        counted = RedisCounters(other_link, SPACE).counters()
        host.claims.release("key", token)

        assert refused is None
        assert other.acquire("key") is not None
        assert counted == {"miss": 42}
    assert crashes.seen == []


def test_redis_that_freezes_costs_each_worker_one_short_wait(
    server: RedisServer, host: Host, crashes: Crashes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    with host.at_work():
        host.busy()
        server.freeze()
        wait_until(lambda: not host.link.there)
        host.busy(5000)
        server.thaw()
        wait_until(lambda: host.link.there, within_s=10)
        host.busy()

    assert [record.message for record in caplog.records] == [AWAY, BACK]
    assert host.longest_s < 5
    assert crashes.seen == []


def test_daemon_that_starts_before_redis_finds_it_and_all_that_was_told_meanwhile(
    server: RedisServer, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.kill()

    with host.link, host.follower:
        at_start = host.link.there
        server.start()
        with RedisLink(server.unix) as elsewhere:
            RedisShare(elsewhere, SPACE, 60).put("early", MASK)
        wait_until(lambda: "early" in host.learnt, within_s=10)

    assert not at_start
    assert [record.message for record in caplog.records] == [AWAY, BACK]


def test_names_are_not_missed_where_redis_has_come_back_with_an_older_clock(
    server: RedisServer, host: Host
) -> None:
    def told(entry: str, name: str) -> Callable[[], bool]:
        with RedisLink(server.unix) as elsewhere:
            elsewhere.ask(("XADD", f"wd:{SPACE}:new", entry, "name", name))
        return lambda: name in host.learnt

    with host.link, host.follower:
        wait_until(told("9000-0", "before"))
        server.kill()
        wait_until(lambda: not host.link.there)
        server.start()
        wait_until(told("7000-0", "after"), within_s=10)


@pytest.mark.alone
def test_leaving_while_redis_is_away_does_not_wait_for_it(server: RedisServer, host: Host) -> None:
    with host.link:
        with host.follower:
            server.kill()
            wait_until(lambda: not host.link.there)
            began = time.monotonic()
        took_s = time.monotonic() - began

    assert not host.follower.alive
    assert took_s < 1
