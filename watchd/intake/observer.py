"""The door to watchdog: puts what its events tell of one inbox, and says when it tells nothing any more.

watchdog is not fail-safe: a handler that raises kills its dispatcher, a root that is replaced leaves an
emitter that is deaf or dead while the observer says that it is alive, and an overflow of the kernel's
queue loses files. So the handlers only put paths, and `illness` looks at everything that can die.
"""

import contextlib
import importlib
import logging
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileOpenedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, EventEmitter

from watchd.domain.profile import WatchFolder
from watchd.intake.canary import Canary
from watchd.intake.sightings import Hint, Sightings

log = logging.getLogger(__name__)

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
_LONGEST_JOIN_S = 1.0
_LOOKS_BETWEEN_STARTS = 5


class Observation:
    """The events of one inbox, from `start` to `stop`; both may be called again."""

    def __init__(self, folder: WatchFolder, sightings: Sightings) -> None:
        self._folder = folder
        self._sightings = sightings
        self._canary = Canary(folder.sidecar)
        self._observer: BaseObserver | None = None
        self._forgets_moved_folders = version("watchdog").startswith("6.")
        self._looks = 0
        self._folders_came = False

    @property
    def deaf(self) -> bool:
        """Whether the canary is not heard, although everything seems to live."""
        return self._canary.unheard

    def start(self) -> None:
        """OSError where the inbox is gone or the kernel's watches are used up."""
        self._looks, self._folders_came = 0, False
        observer, handler = Observer(), _Handler(self._folder, self._sightings, self._heard)
        inbox, recursive = str(self._folder.inbox), self._folder.recursive
        observer.schedule(handler, inbox, recursive=recursive, event_filter=_KINDS)
        try:
            observer.start()
            if self._canary.settle_in():
                # After the inbox: where the watches are used up, 7.x leaves out subfolders without a
                # word, but not the root of a watch.
                ear, cage = _Ear(self._canary), str(self._canary.folder)
                observer.schedule(ear, cage, event_filter=[FileOpenedEvent])
        except BaseException:
            _end(observer)
            raise
        self._observer = observer
        self._canary.sing()

    def stop(self) -> None:
        observer, self._observer = self._observer, None
        self._canary.hush()
        if observer is not None:
            _end(observer)

    def test(self) -> None:
        """Lets the canary sing; some looks later it is known whether events still arrive."""
        self._canary.sing()

    def illness(self) -> str:
        """Asked once a second or so: why events do not arrive, or "" """
        self._looks += 1
        self._canary.look()
        if self._observer is None or not self._observer.is_alive() or not self._observer.emitters:
            return "the observer is dead"
        if not all(map(_reads, self._observer.emitters)):
            return "an emitter is dead"
        if self._folders_came and self._looks > _LOOKS_BETWEEN_STARTS:
            return "a folder was moved in, and watchdog 6 is deaf inside it"
        return "no event arrives" if self.deaf else ""

    def _heard(self, event: FileSystemEvent) -> None:
        """Any thread."""
        self._canary.hear()
        if event.is_directory and self._forgets_moved_folders:
            self._folders_came = True


class Overflow(logging.Filter):
    """watchdog from 7.1 on says in its log, and nowhere else, that the kernel's queue has overflowed."""

    _SPEAKERS = ("watchdog.observers.inotify_c", "watchdog.observers.inotify")

    def __init__(self, tell: Callable[[], None]) -> None:
        super().__init__()
        self._tell = tell

    def __enter__(self) -> "Overflow":
        for name in self._SPEAKERS:
            logging.getLogger(name).addFilter(self)
            logging.getLogger(name).setLevel(logging.WARNING)  # whatever the level of our own log
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._SPEAKERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        if "overflowed" not in str(record.msg):
            return True
        log.warning("events were lost, scanning", extra={"reason": "the kernel's event queue overflowed"})
        self._tell()
        return False


def tame_watchdog() -> None:
    """watchdog holds what was moved out, and every event behind it, for 0.5 s in case it moves in again.

    Each original that we move out of an inbox would so delay the photos that arrive after it. The class
    that waits has another name in 6.x.
    """
    for module, name in (
        ("inotify_move_event_grouper", "InotifyMoveEventGrouper"),
        ("inotify_buffer", "InotifyBuffer"),
    ):
        with contextlib.suppress(ImportError):
            grouper = getattr(importlib.import_module(f"watchdog.observers.{module}"), name)
            grouper.delay = _PAIR_MOVES_WITHIN_S
    # 7.x prints its whole tables, again and again, while a tree is being copied in.
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)


class _Handler(FileSystemEventHandler):
    """Puts paths; never raises and never blocks, since either would end watchdog's only dispatcher."""

    def __init__(
        self, folder: WatchFolder, sightings: Sightings, heard: Callable[[FileSystemEvent], None]
    ) -> None:
        self._folder = folder.name
        self._prefix = os.fspath(folder.inbox) + os.sep
        self._sightings = sightings
        self._heard = heard

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._heard(event)
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


class _Ear(FileSystemEventHandler):
    """Hears the canary."""

    def __init__(self, canary: Canary) -> None:
        self._canary = canary

    def on_any_event(self, _: FileSystemEvent) -> None:
        self._canary.hear()


@contextlib.contextmanager
def ringing(folder: Path, ring: Callable[[], None]) -> Iterator[None]:
    """Meanwhile a thread of watchdog's calls `ring` if anything in `folder` comes, goes or is written.

    Where its disk tells of nothing, or the kernel's watches are used up, it is never called.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            observer = Observer()
            stack.callback(_end, observer)
            observer.schedule(_Bell(ring), str(folder), event_filter=[*_KINDS, FileDeletedEvent])
            observer.start()
        yield


class _Bell(FileSystemEventHandler):
    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring

    def on_any_event(self, _event: FileSystemEvent) -> None:
        self._ring()


def _reads(emitter: EventEmitter) -> bool:
    """Whether it lives, and so does the thread that reads for it: its own in 6.x, everybody's in 7.x."""
    reader = getattr(emitter, "_inotify", None)
    threads = (emitter, reader, getattr(reader, "_inotify_fd", None))
    return all(thread.is_alive() for thread in threads if isinstance(thread, threading.Thread))


def _end(observer: BaseObserver) -> None:
    observer.stop()
    with contextlib.suppress(RuntimeError):  # it never began
        observer.join(_LONGEST_JOIN_S)
