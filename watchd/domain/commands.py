"""What can be asked of the daemon through its mailbox."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stop:
    """Drain and end. `cause` is a signal's name, or what else asked for it."""

    cause: str


@dataclass(frozen=True, slots=True)
class Exhausted:
    """`--once`: everything that was there has its outcome; `left` names what did not come to rest."""

    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Crashed:
    """A thread that should live has died."""

    thread: str
    error: BaseException


Command = Stop | Exhausted | Crashed
