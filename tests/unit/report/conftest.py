"""Events to report of."""

from collections.abc import Callable, Mapping

import pytest
from fakes import job

from watchd.domain.events import JobEnded
from watchd.domain.outcome import Outcome
from watchd.domain.profile import WatchFolder
from watchd.domain.stages import Stage


@pytest.fixture
def ended(folder: WatchFolder) -> Callable[..., JobEnded]:
    """Makes the end of a job: `ended(Skipped("gone"), "a.jpg")`."""

    def make(
        outcome: Outcome,
        relative: str = "a.jpg",
        seconds: float = 0.25,
        stages: Mapping[Stage, float] | None = None,
    ) -> JobEnded:
        return JobEnded(job(folder, relative), outcome, seconds, stages or {})

    return make
