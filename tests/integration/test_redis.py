import logging
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from fakes import Crashes, free_port, wait_until
from redises import RedisServer, redis_server

from watchd.background import Grace
from watchd.store.redisclaims import RedisClaims
from watchd.store.rediscounters import RedisCounters
from watchd.store.redisfollower import RedisFollower
from watchd.store.redislink import NoAnswer, RedisLink
from watchd.store.redisshare import MAX_MASK_BYTES, RedisShare

SPACE = "u2net-3f9c1a7be2d0"
NAME = f"{'0f' * 32}_640x480_{'ab' * 8}.png"
KEY = "ab" * 8
AWAY = "redis is away, the cache goes on with files"
REFUSES = "redis refuses, the cache goes on with files"
MASK = bytes(range(256)) * 60  # 15 KB, as a mask has


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def link(server: RedisServer) -> Iterator[RedisLink]:
    """To a server that has nothing yet."""
    with RedisLink(server.unix) as link:
        link.ask(("FLUSHALL",))
        yield link


@pytest.fixture
def other(server: RedisServer, link: RedisLink) -> Iterator[RedisLink]:
    """Another host's."""
    with RedisLink(server.tcp) as other:
        yield other


def test_mask_of_one_host_is_read_on_another(link: RedisLink, other: RedisLink) -> None:
    RedisShare(link, SPACE, 60).put(NAME, MASK)

    assert RedisShare(other, SPACE, 60).get(NAME) == MASK
    assert RedisShare(other, SPACE, 60).get(f"x{NAME}") is None
    assert RedisShare(other, "another-space", 60).get(NAME) is None


def test_mask_lives_longer_with_each_use(link: RedisLink) -> None:
    RedisShare(link, SPACE, 60).put(NAME, MASK)
    key = f"wd:{SPACE}:mask:{NAME}"
    (ttl_ms,) = link.ask(("PTTL", key))

    RedisShare(link, SPACE, 3600).get(NAME)

    (longer_ms,) = link.ask(("PTTL", key))
    assert 50_000 < ttl_ms <= 60_000
    assert 3_500_000 < longer_ms <= 3_600_000


def test_mask_is_gone_after_its_time(link: RedisLink) -> None:
    share = RedisShare(link, SPACE, 0.02)

    share.put(NAME, MASK)

    wait_until(lambda: link.ask(("EXISTS", f"wd:{SPACE}:mask:{NAME}")) == [0])
    assert share.get(NAME) is None


def test_value_that_a_stranger_has_put_there_is_a_miss_and_comes_over_cut(link: RedisLink) -> None:
    share = RedisShare(link, SPACE, 60)
    link.ask(("SET", f"wd:{SPACE}:mask:{NAME}", bytes(MAX_MASK_BYTES * 20)))
    link.ask(("RPUSH", f"wd:{SPACE}:mask:list", b"x"))
    link.ask(("CONFIG", "RESETSTAT"))

    assert share.get(NAME) is None
    assert share.get("list") is None
    (info,) = link.ask(("INFO", "stats"))
    sent = next(line for line in info.split() if line.startswith(b"total_net_output_bytes:"))
    assert int(sent.partition(b":")[2]) < 2 * MAX_MASK_BYTES


def test_names_become_known_those_of_before_too(link: RedisLink, other: RedisLink, crashes: Crashes) -> None:
    share = RedisShare(other, SPACE, 60)
    learnt: list[str] = []
    share.put("before", MASK)

    with RedisFollower(link, [(SPACE, learnt.append)], crashes, Grace(5)) as follower:
        wait_until(lambda: learnt == ["before"])
        share.put("now", MASK)
        RedisShare(other, "another-space", 60).put("elsewhere", MASK)
        share.put("then", MASK)
        wait_until(lambda: len(learnt) == 3)

    assert learnt == ["before", "now", "then"]
    assert not follower.alive
    assert crashes.seen == []


def test_many_names_of_before_are_all_read(link: RedisLink, crashes: Crashes) -> None:
    stream = f"wd:{SPACE}:new"
    expected = [str(number) for number in range(3500)]
    link.ask(*(("XADD", stream, "*", "name", name) for name in expected))
    learnt: list[str] = []

    with RedisFollower(link, [(SPACE, learnt.append)], crashes, Grace(5)):
        wait_until(lambda: len(learnt) >= len(expected))

    assert learnt == expected


def test_stream_does_not_grow_for_ever(link: RedisLink) -> None:
    stream = f"wd:{SPACE}:new"
    for _ in range(11):
        link.ask(*[("XADD", stream, "*", "name", "x")] * 10_000)

    RedisShare(link, SPACE, 60).put(NAME, MASK)

    (length,) = link.ask(("XLEN", stream))
    assert 100_000 <= length < 101_000


def test_stream_key_that_is_something_else_costs_nothing_but_news(
    link: RedisLink, crashes: Crashes, caplog: pytest.LogCaptureFixture
) -> None:
    link.ask(("SET", f"wd:{SPACE}:new", b"x"), ("CONFIG", "RESETSTAT"))

    with RedisFollower(link, [(SPACE, lambda name: None)], crashes, Grace(5)):
        wait_until(lambda: caplog.records)
        for _ in range(100):
            link.ask(("PING",))
        (stats,) = link.ask(("INFO", "commandstats"))

    assert b"cmdstat_xread:calls=1," in stats
    assert [record.message for record in caplog.records] == [REFUSES]
    assert crashes.seen == []
    assert link.there


def test_claim_has_one_owner_among_all_hosts(link: RedisLink, other: RedisLink) -> None:
    first, second = RedisClaims(link, SPACE, 60), RedisClaims(other, SPACE, 60)

    token = first.acquire(KEY)
    refused = second.acquire(KEY)

    assert token is not None
    assert refused is None
    assert first.holds(KEY, token)
    assert not second.holds(KEY, token)
    first.release(KEY, token)
    assert second.acquire(KEY) is not None


def test_claim_whose_lease_has_run_out_is_taken_over_and_its_old_owner_cannot_release_it(
    link: RedisLink, other: RedisLink
) -> None:
    slow, heir = RedisClaims(link, SPACE, 0.02), RedisClaims(other, SPACE, 60)
    old = slow.acquire(KEY)
    assert old is not None

    wait_until(lambda: link.ask(("EXISTS", f"wd:{SPACE}:claim:{KEY}")) == [0])
    new = heir.acquire(KEY)

    assert new is not None
    assert not slow.holds(KEY, old)
    slow.refresh()
    slow.release(KEY, old)
    assert heir.holds(KEY, new)
    assert link.ask(("GET", f"wd:{SPACE}:claim:{KEY}")) == [new.encode()]


def test_refresh_renews_a_lease_and_tells_a_new_redis_what_is_held(link: RedisLink, other: RedisLink) -> None:
    claims = RedisClaims(link, SPACE, 60)
    token = claims.acquire(KEY)
    assert token is not None
    name = f"wd:{SPACE}:claim:{KEY}"

    link.ask(("PEXPIRE", name, 5_000))
    claims.refresh()
    (renewed_ms,) = link.ask(("PTTL", name))
    link.ask(("FLUSHALL",))
    held_meanwhile = claims.holds(KEY, token)
    claims.refresh()

    assert renewed_ms > 50_000
    assert held_meanwhile
    assert RedisClaims(other, SPACE, 60).acquire(KEY) is None


def test_counts_of_all_hosts_add_up(link: RedisLink, other: RedisLink) -> None:
    here, there = RedisCounters(link, SPACE), RedisCounters(other, SPACE)
    here.count("miss", 2)
    there.count("miss", 40)
    there.count("hit_exact")

    here.flush()
    there.flush()

    assert here.counters() == {"miss": 42, "hit_exact": 1}


def test_count_that_redis_refuses_makes_no_other_count_twice(link: RedisLink) -> None:
    link.ask(("HSET", f"wd:{SPACE}:counters", "hit", b"x"))
    counters = RedisCounters(link, SPACE)
    counters.count("miss", 2)
    counters.count("hit", 3)

    counters.flush()
    counters.flush()

    assert counters.counters() == {"miss": 2}


def test_redis_without_room_is_told_once_and_still_read(
    server: RedisServer, link: RedisLink, caplog: pytest.LogCaptureFixture
) -> None:
    share = RedisShare(link, SPACE, 60)
    share.put(NAME, MASK)
    link.ask(("CONFIG", "SET", "maxmemory", "1"))

    try:
        share.put("second", MASK)
        share.put("third", MASK)
        token = RedisClaims(link, SPACE, 60).acquire(KEY)
        kept = share.get(NAME)
    finally:
        link.ask(("CONFIG", "SET", "maxmemory", "0"))

    (record,) = caplog.records
    assert "maxmemory" in record.reason
    assert len(record.reason) < 200  # the command is not in it
    assert kept == MASK
    assert token is not None


def test_password_is_used_and_a_wrong_one_is_away_and_never_told(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with redis_server(tmp_path_factory.mktemp("redis"), "--requirepass", "s3cr@t") as server:
        place = f"127.0.0.1:{server.port}"

        with RedisLink(f"redis://:s3cr%40t@{place}/3") as right:
            replies = right.ask(("PING",))
        with RedisLink(f"redis://:wr0ng@{place}") as wrong:
            wrong_there = wrong.there
        with RedisLink(f"redis://{place}") as none:
            none_there = none.there

    assert replies == [b"PONG"]
    assert not wrong_there
    assert not none_there
    ours = [record.message for record in caplog.records if record.name.startswith("watchd")]
    assert ours == [AWAY, AWAY]
    told = str([vars(record) for record in caplog.records])
    assert not any(secret in told for secret in ("s3cr", "wr0ng"))


def test_link_over_tls_trusts_only_whom_it_is_told_to(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("redis")
    key, certificate = place / "key.pem", place / "certificate.pem"
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    whose = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*make, *whose, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", certificate, "--tls-key-file", key]

    with redis_server(place, *tls, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"):
        with RedisLink(f"rediss://localhost:{port}/0?ssl_ca_certs={certificate}") as told:
            told_there = told.there
        with RedisLink(f"rediss://localhost:{port}/0") as untold:
            untold_there = untold.there

    assert told_there
    assert not untold_there


@pytest.mark.parametrize("greeting", [b"HTTP/1.1 400\r\n", b":x\r\n", b"$-7\r\n", b"*x\r\n", b"", bytes(9)])
def test_what_answers_and_is_no_redis_counts_as_away(
    greeting: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    class Stranger(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(greeting)

    with socketserver.TCPServer(("127.0.0.1", 0), Stranger) as server:
        url = f"redis://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.handle_request)
        thread.start()

        with ExitStack() as life:
            life.callback(thread.join)
            link = life.enter_context(RedisLink(url))
            with pytest.raises(NoAnswer):
                link.ask(("PING",))

    assert [record.message for record in caplog.records] == [AWAY]


def test_what_takes_connections_and_says_nothing_counts_as_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        began = time.monotonic()

        with RedisLink(f"redis://127.0.0.1:{port}") as link:
            there = link.there

    assert not there
    assert time.monotonic() - began < 5
