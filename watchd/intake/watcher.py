"""Sees to it that every change in an inbox becomes a sighting: by events, and by scans since events get lost.

Everything is looked at each second, whatever has died or gone deaf is started anew with a scan, and a scan
on a timer finds what was missed all the same. Where no events can be had, the scans come often instead.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from watchd.background import Background, Grace, OnCrash
from watchd.domain.profile import Detect, WatchFolder
from watchd.intake.mounts import Mount, mount_of
from watchd.intake.observer import Observation, Overflow, tame_watchdog
from watchd.intake.pausing import asked_to_pause
from watchd.intake.sightings import Sightings

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_LONGEST_LOOK_S = 120.0  # it may set a watch on every folder of a large tree
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0
_SLOWEST_POLL = 10  # times poll_s, when nothing happens
_WATCHES_SET_AFTER_S = 10.0


class Watcher(Background):
    """Observes each watch folder by inotify; those whose events cannot be trusted are polled by scans.

    `news(name)` counts what a folder's scans have found, so that polling is fast while things happen.
    """

    def __init__(
        self,
        *,
        sightings: Sightings,
        news: Callable[[str], int],
        on_crash: OnCrash,
        grace: Grace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("watcher", self._supervise, on_crash, grace, clock=clock)
        self._folders: Sequence[WatchFolder] = ()
        self._watches: Sequence[_Watch] = ()
        self._sightings = sightings
        self._news = news
        self._clock = clock

    def __enter__(self) -> "Watcher":
        tame_watchdog()
        self._change_watches()
        return super().__enter__()

    def watch(self, folders: Sequence[WatchFolder]) -> None:
        """From its next look on these folders and no others. Any thread."""
        self._folders = folders

    def _supervise(self, stopping: threading.Event) -> None:
        with Overflow(self._overflowed):
            while not stopping.wait(_LOOK_EVERY_S):
                self._change_watches()
                for watch in self._watches:
                    self.pulse.promise(_LONGEST_LOOK_S)
                    self._look(watch, self._clock())
        for watch in self._watches:
            watch.observation.stop()

    def _change_watches(self) -> None:
        folders, known = self._folders, {watch.folder: watch for watch in self._watches}
        for folder in known.keys() - set(folders):
            known[folder].observation.stop()
        self._watches = [
            known.get(folder) or _Watch(folder, Observation(folder, self._sightings)) for folder in folders
        ]
        for watch in self._watches:
            if watch.folder not in known:
                self.pulse.promise(_LONGEST_LOOK_S)
                self._start(watch, self._clock())

    def _look(self, watch: "_Watch", now: float) -> None:
        ill = watch.illness()
        if not ill:
            self._recovered(watch, now)
        elif watch.observation.deaf or watch.retry_s:  # else the first new start mends it, most likely
            self._tell(watch, ill)
        if ill and now >= watch.retry_at:
            log.debug("started anew", extra={"path": watch.folder.inbox, "reason": ill})
            watch.postpone_retry(now)
            self._start(watch, now)
        if watch.pause_changed():
            self._sightings.wake()  # whoever feeds looks at it, too
        if now >= watch.scan_at:
            watch.observation.test()
            self._ask_scan(watch, now)

    def _start(self, watch: "_Watch", now: float) -> None:
        """Observes anew, and scans at once: what happened in between was told to nobody."""
        try:
            watch.start()
        except OSError as error:
            if not watch.retry_s:
                watch.postpone_retry(now)
            self._tell(watch, str(error))
        self._ask_scan(watch, now)

    def _recovered(self, watch: "_Watch", now: float) -> None:
        if watch.told:
            log.info("events arrive again", extra={"path": watch.folder.inbox})
        if watch.retry_s:
            watch.told, watch.retry_s, watch.retry_at = False, 0.0, 0.0
            watch.scan_at = now + watch.next_interval_s(self._news(watch.folder.name))

    def _tell(self, watch: "_Watch", reason: str) -> None:
        """Once, until it is well again."""
        if not watch.told:
            facts = {"path": watch.folder.inbox, "reason": reason}
            log.warning("no events, scanning instead", extra=facts)
        watch.told = True

    def _ask_scan(self, watch: "_Watch", now: float) -> None:
        self._sightings.ask_scan(watch.folder.name)
        watch.scan_at = now + watch.next_interval_s(self._news(watch.folder.name))

    def _overflowed(self) -> None:
        """Any thread. Scans at once, and again when watchdog has surely set all its watches anew."""
        again_at = self._clock() + _WATCHES_SET_AFTER_S
        for watch in self._watches:
            self._sightings.ask_scan(watch.folder.name)
            watch.scan_at = min(watch.scan_at, again_at)


def polls(folder: WatchFolder, mount: Mount) -> bool:
    """Whether a folder is polled: because it is asked for, or because its writers are on other hosts."""
    return folder.detect is Detect.POLLING or (folder.detect is Detect.AUTO and not mount.local)


@dataclass(slots=True)
class _Watch:
    """How one watch folder is watched at present, and when it is to be scanned and started next."""

    folder: WatchFolder
    observation: Observation
    polling: bool = False
    scan_at: float = 0.0
    retry_at: float = 0.0
    retry_s: float = 0.0
    told: bool = False
    _asked_to_pause: str = ""
    _root: tuple[int, int] = (0, 0)
    _pace: float = 1.0
    _news_before: int = -1

    def start(self) -> None:
        """The kind of mount is looked up each time: a share may be mounted late."""
        self.observation.stop()
        self._root = _identity(self.folder.inbox)
        self.polling = polls(self.folder, mount_of(self.folder.inbox))
        if not self.polling:
            self.observation.start()

    def illness(self) -> str:
        """Why no events would arrive, or scans go to another folder; "" where all is well."""
        try:
            if self._root != _identity(self.folder.inbox):
                return "the inbox was replaced"
        except OSError as error:
            return str(error)
        return "" if self.polling else self.observation.illness()

    def pause_changed(self) -> bool:
        before, self._asked_to_pause = self._asked_to_pause, asked_to_pause(self.folder)
        return before != self._asked_to_pause

    def postpone_retry(self, now: float) -> None:
        longest_s = max(_LONGEST_RETRY_S, self.folder.rescan_s if self.observation.deaf else 0.0)
        self.retry_s = min(max(self.retry_s * 2, _FIRST_RETRY_S), longest_s)
        self.retry_at = now + self.retry_s

    def next_interval_s(self, news: int) -> float:
        """Until the next scan: the rescan with its jitter, or a poll that slows while nothing happens."""
        if not self.polling and not self.retry_s:
            return self.folder.rescan_s * random.uniform(0.75, 1.25)
        self._pace = 1.0 if news != self._news_before else min(self._pace * 1.5, _SLOWEST_POLL)
        self._news_before = news
        return self.folder.poll_s * self._pace


def _identity(path: os.PathLike[str]) -> tuple[int, int]:
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino
