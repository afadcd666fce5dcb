"""Which watch folders have come to rest after some work: a pure state machine."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from watchd.domain.events import Event, JobBegun, JobEnded
from watchd.domain.outcome import Delivered, is_final
from watchd.domain.profile import WatchFolder


@dataclass(slots=True)
class Batch:
    """What has come to an end in one watch folder since it was last at rest."""

    folder: WatchFolder
    began: float
    last: float
    delivered: int = 0
    failed: int = 0

    @property
    def seconds(self) -> float:
        return self.last - self.began


class Batches:
    """Is told every event, and asked at times for the batches that are done; one thread at a time."""

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}
        self._in_flight: Counter[str] = Counter()

    def tell(self, event: Event, now: float) -> None:
        match event:
            case JobBegun(job):
                self._in_flight[job.folder.name] += 1
            case JobEnded(job, outcome, seconds):
                self._in_flight[job.folder.name] -= 1
                if is_final(outcome):
                    batch = self._batches.setdefault(job.folder.name, Batch(job.folder, now - seconds, now))
                    batch.folder, batch.last = job.folder, now
                    if isinstance(outcome, Delivered):
                        batch.delivered += 1
                    else:
                        batch.failed += 1
            case _:
                pass

    def take_done(self, now: float, busy: Callable[[str], bool]) -> Iterator[Batch]:
        """Each is given once. `busy` says whether there is still something to come from a folder."""
        for name, batch in list(self._batches.items()):
            rested = now - batch.last >= batch.folder.hooks.rest_s
            if rested and not self._in_flight[name] and not busy(name):
                yield self._batches.pop(name)

    def take_all(self) -> Iterator[Batch]:
        """The daemon ends, and nothing more will come."""
        while self._batches:
            yield self._batches.popitem()[1]
