"""Redis for tests: a real one of their own, and a line to none at all."""

import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import free_port, wait_until

from watchd.store.redislink import Command, NoAnswer, Reply


class RedisServer:
    """Keeps nothing over a restart. `place` must be short: the path of a socket has 107 bytes at most."""

    def __init__(self, place: Path, *options: str | Path) -> None:
        self._place = place
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.unix = f"unix://{place}/redis.sock"
        self.tcp = f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--unixsocket", f"{self._place}/redis.sock"]
        command += ["--bind", "127.0.0.1", "--dir", self._place, "--save", "", "--appendonly", "no"]
        with open(self._place / "log", "ab") as log:
            self._process = subprocess.Popen([*command, *self._options], stdout=log, stderr=log)
        wait_until(self._listens, within_s=20)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """It still takes connections, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._place / "log").read_text()
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(f"{self._place}/redis.sock") == 0


@contextmanager
def redis_server(place: Path, *options: str | Path) -> Iterator[RedisServer]:
    """Started; skips the test where there is no such program."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(place, *options)
    try:
        server.start()
        yield server
    finally:
        server.kill()


class FakeLink:
    """Stands for a `RedisLink`. Gives what a test says beforehand; after that, Redis is away."""

    def __init__(self, *replies: list[Reply]) -> None:
        self.asked: list[tuple[Command, ...]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self._replies = list(replies)

    def ask(self, *commands: Command) -> list[Reply]:
        self.asked.append(commands)
        self.meanwhile()
        if not self._replies:
            raise NoAnswer
        return self._replies.pop(0)
