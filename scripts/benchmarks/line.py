"""The line of one watch folder on the real disk, handed one job after the other."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from place import BenchError

from watchd.caching import Caches
from watchd.config.schema import Config
from watchd.domain.events import Event, JobEnded
from watchd.domain.job import Job, JobId, SourceFile, Stamp
from watchd.domain.outcome import Delivered
from watchd.domain.reuse import Tier
from watchd.imaging.decode import open_picture
from watchd.imaging.segment import Segmenter
from watchd.store.flight import Flight
from watchd.store.places import Places, prepare
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.processor import Limits, Processor

_LIMITS = Limits(max_pixels=200_000_000, max_bytes=1 << 30, attempts=3)


class Line:
    """What `watchd run` has between its queue and its listeners; `cache` is that section of the config."""

    def __init__(self, root: Path, segmenter: Segmenter, **cache: object) -> None:
        config = Config.model_validate({"watch": [{"root": str(root)}], "cache": cache})
        (self.folder,) = config.watch_folders()
        prepare(self.folder)
        self.recall = Caches(config).recall(self.folder, self.folder.profile, segmenter)
        self._places = Places.of(self.folder, config.lease)
        self._processor = Processor(
            places=self._places,
            attempts=Attempts(Flight()),
            open_picture=open_picture,
            recall=lambda _: self.recall,
            budget=PixelBudget(4 << 30),
            limits=_LIMITS,
            announce=self._note,
        )
        self._ended: dict[str, JobEnded] = {}
        self._dropped = 0

    def drop(self, photos: Sequence[Path]) -> list[str]:
        """Puts a copy of each into the inbox, on the disk, and gives the names."""
        names = []
        for photo in photos:
            self._dropped += 1
            names.append(f"{self._dropped:05}{photo.suffix}")
            (self.folder.inbox / names[-1]).write_bytes(photo.read_bytes())
        os.sync()  # else the first job's fsync would write what has been dropped
        return names

    def work_on(self, names: Sequence[str], tier: Tier) -> list[float]:
        """How many seconds each job took, from its beginning to its end; all came out of that tier."""
        for name in names:
            self._handle(name)
        return [self._seconds(name, tier) for name in names]

    def per_second(self, names: Sequence[str], tier: Tier, workers: int) -> float:
        """Jobs a second, with what it takes to claim them."""
        begun = time.perf_counter()
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(self._handle, names))
        taken_s = time.perf_counter() - begun
        for name in names:
            self._seconds(name, tier)
        return len(names) / taken_s

    def cutout(self, name: str) -> Path:
        return (self.folder.outbox / name).with_suffix(".png")

    def _handle(self, name: str) -> None:
        source = SourceFile(name, Stamp.of(os.lstat(self.folder.inbox / name)))
        token = self._places.claims.acquire(source.key)
        if token is None:
            raise BenchError(f"{name} is claimed already")
        self._processor.handle(Job(JobId(source.key[:8]), self.folder, source, token))

    def _note(self, event: Event) -> None:
        if isinstance(event, JobEnded):
            self._ended[event.job.source.relative] = event

    def _seconds(self, name: str, tier: Tier) -> float:
        ended = self._ended.pop(name)
        if not isinstance(ended.outcome, Delivered) or ended.outcome.reuse.tier is not tier:
            raise BenchError(f"{name} was to be delivered with cache={tier}, not {ended.outcome}")
        return ended.seconds
