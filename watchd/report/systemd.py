"""Telling systemd, by the sd_notify protocol, what the daemon is doing, and that it gets on."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from watchd.domain.events import Event, StateChanged
from watchd.report.escape import escape
from watchd.report.status import Status

log = logging.getLogger(__name__)

_RELOAD_WITHIN_S = 300.0
_AFTER_THE_DRAIN_S = 30.0
_ASK_EVERY_S = 5.0
_LONGEST_STATUS = 1000  # systemd reads 4096 bytes of a datagram, and a character may take four


def notify(message: str, environ: Mapping[str, str]) -> bool:
    """Sends one datagram, such as `READY=1`, to NOTIFY_SOCKET; whether nothing is left to be told.

    Does nothing where that is not set. A socket that is gone is no error: systemd makes it anew when it
    is executed anew.
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in {"/", "@"}:
        return True
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # an abstract socket, which has no file
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)
            sender.sendto(message.encode("utf-8", "backslashreplace"), address)
    except OSError as error:
        log.debug("systemd could not be told", extra={"reason": str(error)})
        return False
    return True


class Supervision:
    """A listener to changes of state; `turn` is to be called each second or so. Main thread only.

    The watchdog is pinged only while `hanging` names nobody. `drain_s` may be replaced at any time.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        status: Callable[[], Status],
        hanging: Callable[[], Sequence[str]],
        drain_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environ = environ
        self._status = status
        self._hanging = hanging
        self.drain_s = drain_s
        self._clock = clock
        self._ping_every_s = _ping_every_s(environ)
        self._ping_at = 0.0
        self._stuck: Sequence[str] = ()
        self._owed: tuple[str, ...] = ()  # what could not be told, and must not be left out
        self._told = ""
        self._reachable = True

    def __call__(self, event: Event) -> None:
        if isinstance(event, StateChanged):
            self._owed = self._news(event.state)
            # The time that a reload gets counts for the watchdog, too, until the next ping.
            self._ping_at = 0.0
            self._tell()

    def turn(self) -> None:
        self._ping()
        self._tell()

    def _news(self, state: str) -> tuple[str, ...]:
        """What a state means to systemd. Who asks for time gets it from the moment of the message on."""
        match state:
            case "running":
                return ("READY=1",)
            case "reloading":
                # The time tells an answer to this request from one to an earlier request.
                now_us = time.monotonic_ns() // 1000
                return ("RELOADING=1", f"MONOTONIC_USEC={now_us}", _more_time(_RELOAD_WITHIN_S))
            case "draining":
                return ("STOPPING=1", _more_time(self.drain_s + _AFTER_THE_DRAIN_S))
            case _:
                return ()

    def _tell(self) -> None:
        status = _in_words(self._status(), self._stuck)
        if (self._owed or status != self._told) and self._sent(*self._owed, f"STATUS={status}"):
            self._owed, self._told = (), status

    def _ping(self) -> None:
        now = self._clock()
        if self._ping_every_s is None or now < self._ping_at:
            return
        stuck = self._hanging()
        if stuck and not self._stuck:
            log.critical("no progress, so the watchdog of systemd is not told of any", extra={"who": stuck})
        self._stuck = stuck
        if not stuck and self._sent("WATCHDOG=1"):
            self._ping_at = now + self._ping_every_s

    def _sent(self, *assignments: str) -> bool:
        reached = notify("\n".join(assignments), self._environ)
        if self._reachable and not reached:
            log.warning("systemd cannot be told anything, trying again", extra={"told": assignments[0]})
        self._reachable = reached
        return reached


class Patience:
    """Asks systemd for more time while something is under way that may be long: at most each few seconds,
    whenever it is called, since who calls it gets on.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        doing: str,
        within_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._environ = environ
        self._message = f"{_more_time(within_s)}\nSTATUS={escape(doing)}"
        self._clock = clock
        self._ask_at = -1.0

    def __call__(self) -> None:
        if self._clock() >= self._ask_at:
            self._ask_at = self._clock() + _ASK_EVERY_S
            notify(self._message, self._environ)


def _ping_every_s(environ: Mapping[str, str]) -> float | None:
    """Half of what systemd allows; None where no watchdog waits, or waits for another process."""
    allowed_us = environ.get("WATCHDOG_USEC", "")
    if not allowed_us.isdecimal() or environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(allowed_us) / 2e6


def _more_time(seconds: float) -> str:
    return f"EXTEND_TIMEOUT_USEC={round(seconds * 1e6)}"


def _in_words(status: Status, stuck: Sequence[str]) -> str:
    return "; ".join(map(escape, _clauses(status, stuck)))[:_LONGEST_STATUS]


def _clauses(status: Status, stuck: Sequence[str]) -> Iterator[str]:
    counts = status.counts
    failed = counts.get("failed", 0) + counts.get("rejected", 0)
    yield status.state
    if status.config_error:
        yield f"config not reloaded: {status.config_error}"
    if stuck:
        yield f"no progress: {', '.join(stuck)}"
    yield f"queue {status.queue_depth}, in work {status.in_flight}"
    yield f"done {counts.get('delivered', 0)}, failed {failed}"
    for name, reason in status.folders.items():
        if reason:
            yield f"{name} is paused: {reason}"
