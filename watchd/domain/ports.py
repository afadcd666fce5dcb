"""The seams: where a second implementation, or a test's fake, takes the place of ours."""

from collections.abc import Callable
from typing import Protocol

from watchd.domain.events import Event
from watchd.domain.job import Job

Submit = Callable[[Job], bool]
"""Offers a job; False means that it was refused and the caller keeps it. Never blocks."""

Listener = Callable[[Event], None]
"""Is told what happened; called on the thread where it happened, and must return at once."""


class Claims(Protocol):
    """Who works on what, among all daemons that watch a folder."""

    def acquire(self, key: str) -> str | None:
        """A token if the source is now ours, None while someone (we, too) has it."""

    def holds(self, key: str, token: str) -> bool:
        """Whether the claim is still ours; asked right before a delivery."""

    def release(self, key: str, token: str) -> None: ...

    def refresh(self) -> None:
        """Renews the lease of everything that is held; called well within the lease."""

    def sweep(self) -> None:
        """Removes what nobody holds any more."""
