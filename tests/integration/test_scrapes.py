"""The HTTP server that Prometheus reads from, at a port of this machine."""

import errno
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler

import pytest
from fakes import Crashes, free_port, wait_until

from watchd.background import Grace
from watchd.domain.address import Address
from watchd.domain.errors import ConfigError
from watchd.report.scrapes import ScrapeServer


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"watchd_workers 2\n")

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def address() -> Address:
    return Address("127.0.0.1", free_port())


@pytest.fixture
def server(address: Address, crashes: Crashes) -> Iterator[ScrapeServer]:
    with ScrapeServer(address, Answer, crashes, Grace(10), patience_s=0.5) as server:
        yield server
    assert not server.alive
    assert not crashes.seen


def scrape(address: Address) -> bytes:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        text: bytes = answer.read()
        return text


def test_scrape_is_answered(server: ScrapeServer, address: Address) -> None:
    assert scrape(address) == b"watchd_workers 2\n"


def test_scraper_that_says_nothing_keeps_nobody_waiting_and_is_sent_away(
    server: ScrapeServer, address: Address
) -> None:
    with socket.create_connection((address.host, address.port)) as silent:
        assert scrape(address) == b"watchd_workers 2\n"

        silent.settimeout(10)
        assert silent.recv(1) == b""


def test_many_that_say_nothing_do_not_pile_up(address: Address, crashes: Crashes) -> None:
    with ScrapeServer(address, Answer, crashes, Grace(10), patience_s=60.0), ExitStack() as crowd:
        silent = [
            crowd.enter_context(socket.create_connection((address.host, address.port))) for _ in range(40)
        ]

        wait_until(lambda: sum(map(_sent_away, silent)) == 32, within_s=20)
        for each in silent:
            each.close()
        wait_until(lambda: _answers(address), within_s=20)


def _sent_away(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def _answers(address: Address) -> bool:
    try:
        return scrape(address) == b"watchd_workers 2\n"
    except OSError:
        return False


def test_who_hangs_up_at_once_is_no_news(
    server: ScrapeServer, address: Address, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(20):
        with socket.create_connection((address.host, address.port)) as rude:
            rude.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an end

    assert scrape(address) == b"watchd_workers 2\n"
    assert capfd.readouterr().err == ""


def test_port_that_is_taken_is_named_with_its_key(
    server: ScrapeServer, address: Address, crashes: Crashes
) -> None:
    second = ScrapeServer(address, Answer, crashes, Grace(10))

    with pytest.raises(ConfigError, match=f"^metrics: {address} cannot be used: Address already in use; "):
        second.__enter__()


def test_address_that_this_machine_has_not_is_an_error(crashes: Crashes) -> None:
    server = ScrapeServer(Address("192.0.2.1", 9108), Answer, crashes, Grace(10))

    with pytest.raises(ConfigError, match=r"^metrics: 192.0.2.1:9108 cannot be used: "):
        server.__enter__()


def test_port_is_free_again_at_once(address: Address, crashes: Crashes) -> None:
    for _ in range(2):
        with ScrapeServer(address, Answer, crashes, Grace(10)):
            scrape(address)

    with pytest.raises(OSError) as refused:  # noqa: PT011 - its number is asked for
        socket.create_connection((address.host, address.port))
    assert refused.value.errno == errno.ECONNREFUSED
