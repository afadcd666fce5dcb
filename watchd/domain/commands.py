"""What can be asked of the daemon through its mailbox."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stop:
    """Drain and end. `cause` is a signal's name, or what else asked for it."""

    cause: str


@dataclass(frozen=True, slots=True)
class Reload:
    """Read the configuration again."""


@dataclass(frozen=True, slots=True)
class Reread:
    """The configuration has been read again; `adopt` is quick, and to be called on the main thread."""

    adopt: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Exhausted:
    """`--once`: everything that was there has its outcome; `left` says why what is left did not settle."""

    left: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Crashed:
    """A thread that should live has died."""

    thread: str
    error: BaseException


Ending = Stop | Exhausted | Crashed
"""What the daemon ends with."""

Command = Ending | Reload | Reread
