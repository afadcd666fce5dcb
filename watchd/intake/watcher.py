"""Sees to it that every change in an inbox becomes a sighting: by events, and by scans since events get lost.

watchdog is not fail-safe: a handler that raises kills its dispatcher, a root that is replaced leaves an
emitter that is deaf or dead while the observer says that it is alive, and an overflow of the kernel's
queue loses files without a word. So the handler only puts paths, everything is looked at each second,
whatever has died is scheduled anew with a scan, and a scan on a timer finds what was missed all the same.
"""

import contextlib
import importlib
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from watchd.background import Background, Grace, OnCrash
from watchd.domain.profile import Detect, WatchFolder
from watchd.intake.mounts import Mount
from watchd.intake.sightings import Hint, Sightings

log = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0
_SLOWEST_POLL = 10  # times poll_s, when nothing happens

_HINTS = {
    "created": Hint.SEEN,
    "closed": Hint.ARRIVED,
    "modified": Hint.TOUCHED,
    "attrib": Hint.TOUCHED,
}

# The kernel keeps the others to itself: our own reading would be three more events a file.
_KINDS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileClosedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]

_PAIR_MOVES_WITHIN_S = 0.01


class Watcher(Background):
    """One observer a watch folder, on inotify; folders whose events cannot be trusted are polled by scans.

    `news(name)` counts what a folder's scans have found, so that polling is fast while things happen.
    """

    def __init__(
        self,
        *,
        folders: Iterable[tuple[WatchFolder, Mount]],
        sightings: Sightings,
        news: Callable[[str], int],
        on_crash: OnCrash,
        grace: Grace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("watcher", self._supervise, on_crash, grace)
        self._watches = [_Watch(folder, polls(folder, mount), sightings) for folder, mount in folders]
        self._sightings = sightings
        self._news = news
        self._clock = clock

    def __enter__(self) -> "Watcher":
        _pair_moves_quickly()
        for watch in self._watches:
            self._start(watch, self._clock())
        return super().__enter__()

    def _supervise(self, stopping: threading.Event) -> None:
        while not stopping.wait(_LOOK_EVERY_S):
            for watch in self._watches:
                now = self._clock()
                if not watch.polling and not watch.healthy() and now >= watch.retry_at:
                    self._start(watch, now)
                if now >= watch.scan_at:
                    self._ask_scan(watch, now)
        for watch in self._watches:
            watch.stop()

    def _start(self, watch: "_Watch", now: float) -> None:
        """Schedules anew, and scans at once: what happened in between was told to nobody."""
        try:
            watch.start()
        except OSError as error:
            if not watch.retry_s:
                log.warning(
                    "no events, scanning instead", extra={"path": watch.folder.inbox, "reason": str(error)}
                )
            watch.retry_s = min(max(watch.retry_s * 2, _FIRST_RETRY_S), _LONGEST_RETRY_S)
            watch.retry_at = now + watch.retry_s
        else:
            watch.retry_s = 0.0
        self._ask_scan(watch, now)

    def _ask_scan(self, watch: "_Watch", now: float) -> None:
        self._sightings.ask_scan(watch.folder.name)
        watch.scan_at = now + watch.next_interval_s(self._news(watch.folder.name))


def _pair_moves_quickly() -> None:
    """watchdog holds what was moved out, and every event behind it, for 0.5 s in case it moves in again.

    Each original that we move out of an inbox would so delay the photos that arrive after it. The class
    that waits has another name in 6.x.
    """
    for module, name in (
        ("inotify_move_event_grouper", "InotifyMoveEventGrouper"),
        ("inotify_buffer", "InotifyBuffer"),
    ):
        with contextlib.suppress(ImportError):
            getattr(
                importlib.import_module(f"watchdog.observers.{module}"), name
            ).delay = _PAIR_MOVES_WITHIN_S


def polls(folder: WatchFolder, mount: Mount) -> bool:
    """Whether a folder is polled: because it is asked for, or because its writers are on other hosts."""
    return folder.detect is Detect.POLLING or (folder.detect is Detect.AUTO and not mount.local)


@dataclass(slots=True)
class _Watch:
    """One watch folder's observer, what it is bound to, and when it is to be scanned next."""

    folder: WatchFolder
    polling: bool
    sightings: Sightings
    scan_at: float = 0.0
    retry_at: float = 0.0
    retry_s: float = 0.0
    _observer: BaseObserver | None = None
    _root: tuple[int, int] = (0, 0)
    _pace: float = field(default=1.0)
    _news_before: int = -1

    def start(self) -> None:
        self.stop()
        if self.polling:
            return
        self._root = _identity(self.folder.inbox)
        observer = Observer()
        handler = _Handler(self.folder, self.sightings)
        inbox = str(self.folder.inbox)
        observer.schedule(handler, inbox, recursive=self.folder.recursive, event_filter=_KINDS)
        observer.start()
        self._observer = observer

    def stop(self) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(_LOOK_EVERY_S)

    def healthy(self) -> bool:
        """The dispatcher and every emitter live, and the folder they watch is the one at the path."""
        if self._observer is None or not self._observer.is_alive():
            return False
        emitters = self._observer.emitters
        try:
            return (
                bool(emitters)
                and all(e.is_alive() for e in emitters)
                and self._root == _identity(self.folder.inbox)
            )
        except OSError:
            return False

    def next_interval_s(self, news: int) -> float:
        """Until the next scan: the rescan with its jitter, or a poll that slows while nothing happens."""
        if not self.polling and not self.retry_s:
            return self.folder.rescan_s * random.uniform(0.75, 1.25)
        self._pace = 1.0 if news != self._news_before else min(self._pace * 1.5, _SLOWEST_POLL)
        self._news_before = news
        return self.folder.poll_s * self._pace


class _Handler(FileSystemEventHandler):
    """Puts paths; never raises and never blocks, since either would end watchdog's only dispatcher."""

    def __init__(self, folder: WatchFolder, sightings: Sightings) -> None:
        self._folder = folder.name
        self._prefix = os.fspath(folder.inbox) + os.sep
        self._sightings = sightings

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type == "moved":
            self._put(event.dest_path, Hint.ARRIVED, event.is_directory)
        elif (hint := _HINTS.get(event.event_type)) is not None:
            self._put(event.src_path, hint, event.is_directory)

    def _put(self, path: bytes | str, hint: Hint, is_folder: bool) -> None:
        text = os.fsdecode(path)
        if not text.startswith(self._prefix):
            return
        relative = text.removeprefix(self._prefix)
        if not is_folder:
            self._sightings.put(self._folder, relative, hint)
        elif hint is not Hint.TOUCHED:  # a folder made or moved here may have come with files in it
            self._sightings.ask_scan(self._folder, relative)


def _identity(path: os.PathLike[str]) -> tuple[int, int]:
    stat = os.stat(path)
    return stat.st_dev, stat.st_ino
