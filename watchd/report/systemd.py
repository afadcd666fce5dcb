"""Telling systemd, by the sd_notify protocol, what the daemon is doing."""

import logging
import socket
from collections.abc import Mapping

from watchd.domain.events import Event, FolderPaused, FolderResumed, StateChanged
from watchd.domain.ports import Listener
from watchd.report.escape import escape

log = logging.getLogger(__name__)


def notify(message: str, environ: Mapping[str, str]) -> None:
    """Sends one datagram, such as `READY=1`, to NOTIFY_SOCKET; does nothing where that is not set."""
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in {"/", "@"}:
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"  # an abstract socket, which has no file
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(1.0)
            sender.sendto(message.encode("utf-8", "backslashreplace"), address)
    except OSError as error:
        log.warning("systemd could not be told", extra={"reason": str(error)})


def systemd_listener(environ: Mapping[str, str]) -> Listener:
    """Tells systemd of each state: READY=1 once running, STOPPING=1 once draining."""
    news = {"running": "READY=1", "draining": "STOPPING=1"}

    def tell(event: Event) -> None:
        match event:
            case StateChanged(state):
                notify("\n".join(filter(None, [news.get(state), f"STATUS={escape(state)}"])), environ)
            case FolderPaused(folder, reason):
                notify(f"STATUS={escape(folder)} is paused: {escape(reason)}", environ)
            case FolderResumed():
                notify("STATUS=running", environ)
            case _:
                pass

    return tell
