import logging
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from watchd.domain.errors import ConfigError
from watchd.store.redislink import NoAnswer, RedisLink


class Stopping:
    """An event that is never set before `turns` are over; remembers how long it was waited for."""

    def __init__(self, turns: int) -> None:
        self.waits: list[float] = []
        self._turns = turns

    def wait(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return len(self.waits) > self._turns


@pytest.fixture
def nowhere(tmp_path: Path) -> str:
    return f"unix://:secret@{tmp_path}/none.sock"


def test_server_that_is_away_is_told_once_and_without_its_password(
    nowhere: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with RedisLink(nowhere) as link:
        for _ in range(3):
            with pytest.raises(NoAnswer):
                link.ask(("PING",))
        link.reconnect(Stopping(3))

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.message == "redis is away, the cache goes on with files"
    assert "none.sock" in record.reason
    assert "secret" not in str(vars(record))


def test_server_that_is_away_is_not_even_tried(tmp_path: Path, nowhere: str) -> None:
    with RedisLink(nowhere) as link, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/none.sock")
        server.listen()
        server.setblocking(False)

        with pytest.raises(NoAnswer):
            link.ask(("PING",))

        with pytest.raises(BlockingIOError):
            server.accept()


def test_server_that_stays_away_is_asked_ever_more_rarely_down_to_once_a_minute(nowhere: str) -> None:
    stopping = Stopping(8)

    with RedisLink(nowhere) as link:
        link.reconnect(stopping)

    longest = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(stopping.waits) == len(longest)
    assert all(most / 2 <= wait <= most for wait, most in zip(stopping.waits, longest, strict=True))


def test_url_that_cannot_be_meant_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"cache\.redis must be redis://") as caught:
        RedisLink("http://:secret@cache")

    assert "secret" not in str(caught.value)


def test_missing_package_is_a_config_error_that_names_the_extra() -> None:
    program = "import sys; sys.modules['redis'] = None; import watchd.store.redislink"

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    last = run.stderr.splitlines()[-1]
    assert last == "watchd.domain.errors.ConfigError: cache.redis needs an extra: pip install 'watchd[redis]'"
