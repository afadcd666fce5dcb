"""The HTTP server that Prometheus reads from."""

import logging
import socket
import threading
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any, Self

from watchd.background import Background, Grace, OnCrash
from watchd.domain.address import Address
from watchd.domain.errors import ConfigError

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_MOST_AT_ONCE = 8


class ScrapeServer(Background):
    """Answers while entered. Each scrape has a thread of its own, and no part of the daemon waits for it.

    Entering raises ConfigError if the address cannot be had.
    """

    def __init__(
        self,
        address: Address,
        handler: type[BaseHTTPRequestHandler],
        on_crash: OnCrash,
        grace: Grace,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        super().__init__("metrics", self._serve, on_crash, grace, wake=self._shut_down)
        self._address = address
        self._handler = type("Impatient", (handler,), {"timeout": patience_s})
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        try:
            self._server = _Server(self._address, self._handler)
        except OSError as error:
            reason = f"{self._address} cannot be used: {error.strerror}"
            raise ConfigError(f"metrics: {reason}; choose another port, or none") from error
        return super().__enter__()

    def _serve(self, _stopping: threading.Event) -> None:
        assert self._server is not None
        with self._server:
            self._server.serve_forever()

    def _shut_down(self) -> None:
        if self._server is not None:
            self._server.shutdown()


class _Server(ThreadingMixIn, TCPServer):
    """Beyond a few at once, who connects is sent away: those that say nothing must not pile up."""

    daemon_threads = True
    allow_reuse_address = True  # of a daemon that has just ended

    def __init__(self, address: Address, handler: Any) -> None:
        self._free = threading.BoundedSemaphore(_MOST_AT_ONCE)
        place = (address.host, address.port)
        self.address_family = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)[0][0]
        super().__init__(place, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, *_: object) -> None:
        """Whoever has asked went away before the answer came."""
        log.debug("scrape ended early")
