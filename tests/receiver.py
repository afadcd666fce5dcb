"""A real server on this machine that hooks POST to, and its bad habits."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Habit = Callable[["Receiver", BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """What has come, and how it is answered: by each habit in turn, by the last one from then on."""

    address: str = ""
    habits: list[Habit] = field(default_factory=lambda: [answers(200)])
    posts: list[Post] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook") -> str:
        return f"{self.address}{path}"

    def heed(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.posts.append(Post(handler.path, headers, body))
        habit = self.habits[0] if len(self.habits) == 1 else self.habits.pop(0)
        handler.close_connection = True
        with suppress(OSError):  # whoever asked has left
            habit(self, handler)


def answers(status: int, body: bytes = b"", **headers: str) -> Habit:
    def habit(_: Receiver, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return habit


def never_answers(receiver: Receiver, _: BaseHTTPRequestHandler) -> None:
    receiver.over.wait()


def hangs_up(_: Receiver, handler: BaseHTTPRequestHandler) -> None:
    handler.connection.close()


def never_ends(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """Its answer, that is."""
    handler.send_response(200)
    handler.end_headers()
    while not receiver.over.is_set():
        handler.wfile.write(b"x" * 65536)


def drips(receiver: Receiver, handler: BaseHTTPRequestHandler) -> None:
    """A byte of its header now and then, so that no single wait is long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not receiver.over.wait(0.02):
        handler.wfile.write(b"x")


@contextmanager
def receiving(context: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.heed(self)

        def do_CONNECT(self) -> None:
            receiver.heed(self)

        def log_message(self, *_: object) -> None:
            """Keeps the test's output clean."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that breaks off is part of the test."""

    with Server(("127.0.0.1", 0), Handler) as listening:
        if context is not None:
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
        receiver.address = f"{'https' if context else 'http'}://localhost:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            listening.shutdown()
            thread.join()
