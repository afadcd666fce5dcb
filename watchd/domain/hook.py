"""Who is told of what happens in a watch folder: a program that is run, or an address that is written to."""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

CREDENTIALS = "$CREDENTIALS_DIRECTORY/"
"""What the path of a secret begins with that systemd's LoadCredential= has put there."""


@dataclass(frozen=True, slots=True)
class CommandHook:
    """`argv` is run as it is, through no shell."""

    argv: tuple[str, ...]
    timeout_s: float = 30.0

    def __str__(self) -> str:
        return self.argv[0]


@dataclass(frozen=True, slots=True)
class WebHook:
    """`secret` is the path of the file that signs what is sent; with `details` the receiver gets to know
    full paths and error traces, too.
    """

    url: str = field(repr=False)  # it often is a secret itself
    timeout_s: float = 10.0
    attempts: int = 5
    secret: str = ""
    details: bool = False

    def __str__(self) -> str:
        return place_of(self.url)


Hook = CommandHook | WebHook


class Told(StrEnum):
    """What came of one event for one hook, once all attempts are made."""

    TOLD = "told"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Hooks:
    """Those of one watch folder. `rest_s` is how long it must be at rest for its batch to be done."""

    on_delivered: tuple[Hook, ...] = ()
    on_failed: tuple[Hook, ...] = ()
    on_batch_done: tuple[Hook, ...] = ()
    rest_s: float = 10.0


def place_of(url: str) -> str:
    """As much of a URL as may be shown: what stands behind the host is often a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def check_url(url: str) -> str | None:
    """What is wrong with it, None: nothing. Says nothing of what it holds."""
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError:
        return "has no usable host or port"
    if parts.scheme not in ("https", "http"):
        return "is neither https nor http"
    if not parts.hostname or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        return "names no host, or holds what must be written as %XX"
    if "@" in parts.netloc:
        return "holds a user or a password, which is not sent"
    return None
