"""The end of the notify protocol that systemd holds: a datagram socket, and what came to it."""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes import wait_until


class Systemd:
    """Holds NOTIFY_SOCKET; `messages` are all so far, each as its assignments."""

    def __init__(self, receiver: socket.socket, name: str) -> None:
        self._receiver = receiver
        self._messages: list[dict[str, str]] = []
        self.environ = {"NOTIFY_SOCKET": name}

    @property
    def messages(self) -> list[dict[str, str]]:
        while True:
            try:
                text = self._receiver.recv(65536).decode("utf-8")
            except BlockingIOError:
                return list(self._messages)
            self._messages.append(dict(line.split("=", 1) for line in text.split("\n")))

    def told(self, key: str) -> list[str]:
        """Every value of that assignment."""
        return [message[key] for message in self.messages if key in message]

    def order(self) -> list[str]:
        """What changed the state, in turn: READY, RELOADING, STOPPING."""
        states = ("READY", "RELOADING", "STOPPING")
        return [key for message in self.messages for key in message if key in states]

    def wait_for(self, met: Callable[["Systemd"], object], within_s: float = 20.0) -> None:
        wait_until(lambda: met(self), within_s)


@contextmanager
def listening(path: Path | None = None) -> Iterator[Systemd]:
    """At a path, or without one at an abstract name, of which no file is."""
    name = str(path) if path else f"@watchd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name if path else f"\0{name[1:]}")
        receiver.setblocking(False)
        try:
            yield Systemd(receiver, name)
        finally:
            if path:
                path.unlink()
