"""Counts attempts before they are made, and asks after a crash who is to blame for it."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from watchd.domain.errors import ClaimLost
from watchd.domain.job import Job
from watchd.store.flight import Flight
from watchd.store.places import Places
from watchd.store.receipts import Receipt
from watchd.work.airspace import Airspace


class Attempts:
    """Every attempt of this process passes here. Any thread.

    A file whose last attempt ended with the process is a suspect: its next attempt is made alone, so that
    another crash tells the guilty from those that only were there. Only a crash that it was alone in
    counts against a file, so a power cut or the kill of a busy daemon fails nobody.
    """

    def __init__(self, flight: Flight, clock: Callable[[], float] = time.monotonic) -> None:
        self._flight = flight
        self._clock = clock
        self._airspace = Airspace()
        self._under_way_guard = threading.Lock()
        self._under_way: dict[str, tuple[Job, float]] = {}

    @contextmanager
    def under_way(self, job: Job) -> Iterator[None]:
        """While entered the job's time runs: around all that is done for it, for anything may hang."""
        self._note(job, self._clock())
        try:
            yield
        finally:
            with self._under_way_guard:
                del self._under_way[job.token]

    @property
    def busy(self) -> int:
        """How many jobs are under way."""
        return len(self._under_way)

    @contextmanager
    def begin(self, job: Job, places: Places) -> Iterator[Receipt]:
        """The receipt of this attempt, on disk in the job's `places`. Waits where a suspect must be alone.

        ClaimLost: the source was taken over, and so was its receipt. OSError: no disk.
        """
        folder, key = job.folder, job.source.key
        if not places.claims.holds(key, job.token):
            raise ClaimLost(f"{job.source.relative} was taken over by another daemon")
        before = places.receipts.read(job.source.relative)
        begun = before is not None and before.state == "begun"
        suspect = before is not None and begun and before.flight != self._flight.name
        blamed = before is not None and suspect and self._flight.blamed(folder, before.flight, key)
        if before is not None and suspect:
            places.clear_after(before)
        entry = self._airspace.alone if suspect else self._airspace.together
        with self._in_turn(job, entry()), self._flight.of(folder, key):
            # One that this very process began has ended, though no receipt could be written of it.
            forgiven = begun and not blamed
            yield places.receipts.begin(job.source, job.token, self._flight.name, forgiven)

    @contextmanager
    def waiting(self, job: Job) -> Iterator[None]:
        """While entered the job waits for others, and its time does not run."""
        self._note(job, math.inf)
        try:
            yield
        finally:
            self._note(job, self._clock())

    def longest(self) -> tuple[Job, float] | None:
        """The job that is under way longest, and for how many seconds."""
        with self._under_way_guard:
            job, since = min(self._under_way.values(), key=lambda each: each[1], default=(None, math.inf))
        return None if job is None or since == math.inf else (job, self._clock() - since)

    def accuse(self, job: Job) -> None:
        """This process is about to be ended because of that job alone; its next attempt will count it."""
        self._flight.accuse(job.folder, job.source.key)

    @contextmanager
    def _in_turn(self, job: Job, entry: AbstractContextManager[None]) -> Iterator[None]:
        self._note(job, math.inf)
        with entry:
            self._note(job, self._clock())
            yield

    def _note(self, job: Job, since: float) -> None:
        with self._under_way_guard:
            self._under_way[job.token] = job, since
