"""The feeder's mailbox: what was seen, what is to be scanned, which jobs ended; one entry per path."""

import threading
from dataclasses import dataclass, field
from enum import IntEnum

from watchd.domain.events import Event, JobEnded

_MOST_SCANS = 256  # beyond it, one scan of the whole folder is cheaper


class Hint(IntEnum):
    """What was seen of a path; it says when to look, and is trusted for nothing else."""

    TOUCHED = 0  # someone is writing
    SEEN = 1  # it is there
    ARRIVED = 2  # closed after writing, or renamed into place


@dataclass(slots=True)
class Batch:
    """What came in since the last take; paths are by watch folder, with their strongest hint."""

    files: dict[tuple[str, str], Hint] = field(default_factory=dict)
    scans: set[tuple[str, str]] = field(default_factory=set)
    ended: list[JobEnded] = field(default_factory=list)
    returned: int = 0  # jobs that were given back, and so will not end


class Sightings:
    """Any thread may put; one thread takes. Putting never blocks on more than a few lines and never raises.

    Beyond `capacity` paths it forgets them and asks for a scan of the folder instead.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._batch_guard = threading.Lock()
        self._batch = Batch()
        self._something = threading.Event()

    def put(self, folder: str, relative: str, hint: Hint) -> None:
        with self._batch_guard:
            key = (folder, relative)
            if key in self._batch.files or len(self._batch.files) < self._capacity:
                self._batch.files[key] = max(hint, self._batch.files.get(key, hint))
            else:
                self._batch.scans.add((folder, ""))
        self._something.set()

    def put_back(self, folder: str, relative: str) -> None:
        """The file of a job that nobody has begun, and that was given back."""
        with self._batch_guard:
            self._batch.returned += 1
        self.put(folder, relative, Hint.ARRIVED)

    def ask_scan(self, folder: str, below: str = "") -> None:
        """Asks the feeder to walk the folder (or what lies at `below`) for what nobody told it of."""
        with self._batch_guard:
            if len(self._batch.scans) < _MOST_SCANS:
                self._batch.scans.add((folder, below))
            else:
                self._batch.scans.add((folder, ""))
        self._something.set()

    def listen(self, event: Event) -> None:
        """A `Listener`: how jobs end decides what the feeder does next."""
        if isinstance(event, JobEnded):
            with self._batch_guard:
                self._batch.ended.append(event)
            self._something.set()

    def wake(self) -> None:
        """Lets `take` return now, with whatever there is."""
        self._something.set()

    def take(self, timeout_s: float | None) -> Batch:
        """Waits until there is something, or for the time given; never longer."""
        self._something.wait(timeout_s)
        self._something.clear()  # before the batch is taken: who puts from here on sets it again
        with self._batch_guard:
            batch, self._batch = self._batch, Batch()
        return batch
