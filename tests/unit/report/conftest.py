"""Events to report of."""

from collections.abc import Callable

import pytest
from fakes import job

from watchd.domain.events import JobEnded
from watchd.domain.outcome import Outcome
from watchd.domain.profile import WatchFolder


@pytest.fixture
def ended(folder: WatchFolder) -> Callable[..., JobEnded]:
    """Makes the end of a job: `ended(Skipped("gone"), "a.jpg")`."""

    def make(outcome: Outcome, relative: str = "a.jpg", seconds: float = 0.25) -> JobEnded:
        return JobEnded(job(folder, relative), outcome, seconds)

    return make
