"""How a job ended: exactly one of five."""

from dataclasses import dataclass, field

from watchd.domain.reuse import Reuse


@dataclass(frozen=True, slots=True)
class Delivered:
    """The cutout is in the outbox, whole; `output` is its path below the outbox.

    `original` is where the original is now: its path below originals, or below the inbox if it stays
    there; empty if it is nowhere.
    """

    output: str
    model: str = ""
    notes: tuple[str, ...] = ()
    reuse: Reuse = field(default_factory=Reuse)
    original: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """There was nothing to do, or not yet: gone, changed, taken by another daemon."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The surroundings were the trouble; the file stays in the inbox and costs no attempt."""

    reason: str
    retry_after_s: float


@dataclass(frozen=True, slots=True)
class Rejected:
    """The file was the trouble, for good: it is in failed/ with a report beside it.

    `original` is its path there, or below the inbox if originals stay.
    """

    reason: str
    advice: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """The fault is ours. `final` says whether the attempts are used up and the file is in failed/, at
    `original`.
    """

    reason: str
    traceback: str = field(default="", repr=False)
    final: bool = False
    retry_after_s: float = 0.0
    original: str = ""


Outcome = Delivered | Skipped | Deferred | Rejected | Failed


def is_final(outcome: Outcome) -> bool:
    """Whether nothing more is to be done about the file."""
    match outcome:
        case Delivered() | Rejected():
            return True
        case Failed():
            return outcome.final
        case _:
            return False


def word(outcome: Outcome) -> str:
    """The outcome's name as logs, receipts, status and metrics write it."""
    return type(outcome).__name__.lower()
