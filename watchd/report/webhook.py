"""A hook that is an address: one POST, with a deadline for the whole of it."""

import base64
import http.client
import logging
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Mapping
from contextlib import closing, suppress
from http import HTTPStatus
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from watchd import __version__
from watchd.domain.errors import HookFailed
from watchd.domain.hook import WebHook
from watchd.report.escape import escape
from watchd.report.notice import Notice
from watchd.report.signature import read_secret, signature

log = logging.getLogger(__name__)

_LONGEST_WAIT_S = 60
_MOST_BYTES = 500  # of an answer
_FOR_A_WHILE = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


def post(hook: WebHook, notice: Notice, environ: Mapping[str, str]) -> None:
    """Blocks until the receiver has answered, or its time is over. HookFailed for all but success."""
    body = notice.body(details=hook.details)
    headers = _headers(hook, notice.id, body, environ)
    connection, target, for_proxy = _route(hook)
    with closing(connection), _Deadline(hook.timeout_s) as deadline:
        try:
            connection.connect()
            deadline.watch(connection.sock)
            connection.request("POST", target, body, headers | for_proxy)
            with connection.getresponse() as answer:
                said = escape(answer.read1(_MOST_BYTES).decode("utf-8", "replace").strip())
            if deadline.is_over:  # http.client takes a header that was cut off for a whole one
                raise TimeoutError
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            late = deadline.is_over or isinstance(error, TimeoutError)
            reason = f"no answer within {hook.timeout_s:g} s (timeout)" if late else _words(error)
            again = not isinstance(error, ssl.SSLCertVerificationError)
            raise HookFailed(reason, again=again, late=late) from error
    if answer.status not in range(200, 300):
        raise _refusal(answer, said)
    log.debug("receiver has answered", extra={"hook": str(hook), "output": said})


class _Deadline:
    """Shuts a connection when the time is over: a socket's own timeout is for each wait, and a receiver
    that sends a byte now and then would never run into it.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.name = "webhook-deadline"
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def watch(self, connection: socket.socket) -> None:
        self._watched.append(connection)
        if self.is_over:
            self._shut(connection)

    def _end(self) -> None:
        self.is_over = True
        for connection in self._watched:
            self._shut(connection)

    @staticmethod
    def _shut(connection: socket.socket) -> None:
        with suppress(OSError):  # closed by now
            socket.socket.shutdown(connection, socket.SHUT_RDWR)  # TLS's own is for one thread only


def _headers(hook: WebHook, identity: str, body: bytes, environ: Mapping[str, str]) -> dict[str, str]:
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"watchd/{__version__}",
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
    }
    if hook.secret:
        secret = read_secret(hook.secret, environ)
        headers["webhook-signature"] = signature(secret, identity, timestamp, body)
    return headers


def _route(hook: WebHook) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """A connection that is still to be made, what to ask it for, and what only a proxy is told."""
    url = urlsplit(hook.url)
    proxy = _proxy_for(url)
    target = urlunsplit(("", "", url.path or "/", url.query, ""))
    to = proxy or url
    host = to.hostname or ""
    for_proxy = _authorization(proxy) if proxy else {}
    if url.scheme == "http":
        plain = http.client.HTTPConnection(host, to.port, timeout=hook.timeout_s)
        return plain, hook.url if proxy else target, for_proxy
    context = ssl.create_default_context()
    secure = http.client.HTTPSConnection(host, to.port, timeout=hook.timeout_s, context=context)
    if proxy:
        secure.set_tunnel(url.hostname or "", url.port, for_proxy)
    return secure, target, {}


def _proxy_for(url: SplitResult) -> SplitResult | None:
    """The one that the environment names, as for downloads."""
    named = urllib.request.getproxies().get(url.scheme)
    if not named or urllib.request.proxy_bypass(url.netloc):
        return None
    return urlsplit(named if "//" in named else f"//{named}")


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(credentials.encode()).decode('ascii')}"}


def _refusal(answer: http.client.HTTPResponse, said: str) -> HookFailed:
    if answer.status in range(300, 400):
        return HookFailed(
            f"answered {answer.status}: a redirect, which is not followed; give the new address"
        )
    after = answer.headers.get("Retry-After", "")
    return HookFailed(
        f"answered {answer.status}",
        output=said,
        again=answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _FOR_A_WHILE,
        wait_s=min(int(after), _LONGEST_WAIT_S) if after.isascii() and after.isdigit() else 0.0,
    )


def _words(error: Exception) -> str:
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or str(error)
    return escape(text) or type(error).__name__
