"""One watch folder's way from a sighting to a job; lives on the feeder's thread."""

import logging
from collections.abc import Callable, Generator
from dataclasses import dataclass

from watchd.domain.events import FileWaits, FolderPaused, FolderResumed
from watchd.domain.job import SourceFile, Stamp
from watchd.domain.ports import Listener, Submit
from watchd.domain.profile import After, WatchFolder
from watchd.intake.admission import Admission
from watchd.intake.complete import Finding
from watchd.intake.scan import scan
from watchd.intake.settle import Rest, Settler
from watchd.intake.sightings import Hint
from watchd.tree import Tree

log = logging.getLogger(__name__)

_LOOK_AGAIN_S = 5.0
_MOST_SCANS = 256
_READ_AT_ONCE = 256  # of a scan, before what it has found is looked at: the first of 100,000 need not wait
_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0
_MENDED_EVERY_S = 2.0  # whether a rule that is wrong is right now, or gone: of that no event tells
_ASK_AGAIN_S = 2.0  # whether the pause is still wanted, should nobody say that it is not


class Lane:
    """Follows what was sighted, and hands a job to `submit` while there is `room`.

    `absent` says why the folder is not really there: a share that is not mounted looks like an empty inbox.
    `asked_to_pause` says that somebody wants it to be left alone.
    """

    def __init__(
        self,
        *,
        folder: WatchFolder,
        admission: Admission,
        settler: Settler,
        absent: Callable[[], str],
        announce: Listener,
        quiet_s: Callable[[Stamp], float] = lambda _: 0.0,
        asked_to_pause: Callable[[], str] = str,
    ) -> None:
        self.folder = folder
        self.news = 0  # files that were not followed before; tells a poller whether anything happens
        self._admission = admission
        self._settler = settler
        self._absent = absent
        self._announce = announce
        self._quiet_s = quiet_s
        self._asked_to_pause = asked_to_pause
        self._tree = Tree(folder.inbox)
        self._scans: dict[str, Generator[tuple[str, Stamp]]] = {}
        self._scan_again = False
        self._scanned = False
        self._stuck: dict[str, str] = {}
        self._trouble = _Trouble()
        self._mended_at = 0.0

    def sight(self, relative: str, hint: Hint, now: float) -> None:
        """A path that someone saw; what is neither a picture's name nor a marker's is dropped here."""
        markers = self._admission.markers
        if (folder := markers.folder_of(relative)) is not None:
            self.begin_scan(folder)
            return
        rules = self._admission.rules
        if (folder := rules.folder_of(relative)) is not None:
            rules.of(relative)  # also where no file is that it is for, so that what is wrong is shown
            self.begin_scan(folder)
            return
        if (file := markers.file_of(relative)) is not None:
            relative, hint = file, Hint.ARRIVED
        if relative not in self._settler:
            if self._admission.wanted.refusal(relative):
                return
            if self._settler.full:
                self.begin_scan("")
                return
            self.news += 1
        self._settler.sight(relative, hint, now)

    def look_again(self, relative: str, now: float) -> None:
        """A job ended: is the file gone, to be tried again, or another one by now?"""
        try:
            self._admission.markers.clear(relative)
        except OSError as error:
            log.warning("marker not removed", extra={"path": relative, "reason": error.strerror})
        if relative in self._settler:
            self._settler.postpone(relative, now)
        elif not self._settler.full:
            self._settler.sight(relative, Hint.SEEN, now)

    def begin_scan(self, below: str) -> None:
        """Reads the inbox, or what lies at `below`, as far as there is room for what it finds."""
        if "" in self._scans:
            self._scan_again = True  # what this scan has passed may have changed since
        elif len(self._scans) >= _MOST_SCANS:
            self.drop_scans()
            self.begin_scan("")
        elif not below or self.folder.recursive:
            self._scans[below] = self._scan(below)

    def advance(self, now: float, room: Callable[[], bool], submit: Submit) -> None:
        """Does what can be done now without waiting; of a scan one part, and there is more if `reading`."""
        if not self._present(now):
            return
        try:
            self._look_after_rules(now)
            self._read_scans(now)
            while room() and (relative := self._settler.take_due(now)) is not None:
                self._settler.postpone(relative, now + _LOOK_AGAIN_S)  # should the look itself fail
                self._look(relative, now, submit)
        except OSError as error:
            self.pause(f"{self.folder.inbox}: {error.strerror}", now)

    def drop_scans(self) -> None:
        """Closes the folders that are being read; they are read from the start when it is asked for again."""
        for found in self._scans.values():
            found.close()
        self._scans.clear()

    @property
    def reading(self) -> bool:
        """Whether `advance` would find more in a scan now."""
        return bool(self._scans) and not self._trouble.paused and not self._settler.full

    def next_due(self) -> float | None:
        """When `advance` has something to do again; it may be past."""
        if self._trouble.paused:
            return self._trouble.until
        mended_at = self._mended_at if self._admission.rules.wrong else None
        return min((at for at in (self._settler.next_due(), mended_at) if at is not None), default=None)

    def left(self) -> dict[str, str] | None:
        """What cannot become a job soon, with the reason; None while there is more that can."""
        if self._trouble.paused:
            return {self.folder.name: self._trouble.reason}
        if self._scans or len(self._settler) > len(self._stuck):
            return None
        return self._stuck | self._admission.rules.wrong

    def pause(self, reason: str, now: float, at_least_s: float = 0.0) -> None:
        """The surroundings are in trouble: takes nothing new for a while, which costs no file an attempt.

        Jobs that were under way together fail together: that is one trouble.
        """
        if self._trouble.lasts(now):
            return
        if not self._trouble.paused or self._trouble.asked:
            self._announce(FolderPaused(self.folder.name, reason))
        self._trouble.grow(reason, now, at_least_s)

    def relieve(self) -> None:
        """Something succeeded: the next trouble starts with a short pause again."""
        if not self._trouble.paused:
            self._trouble = _Trouble()

    def _scan(self, below: str) -> Generator[tuple[str, Stamp]]:
        """Where originals stay the first scan begins with those that are new: they need not wait until the
        receipts of all others are read. Later scans know what is done.
        """
        wanted, recursive = self._admission.wanted, self.folder.recursive
        if not below and not self._scanned and self.folder.after is After.KEEP:
            self._scanned = True
            yield from scan(self._tree, wanted, recursive, leaves_out=self._admission.met_before())
        yield from scan(self._tree, wanted, recursive, below)

    def _present(self, now: float) -> bool:
        """Whether the folder is to be worked on; ends a pause whose time has come."""
        if self._trouble.lasts(now):
            return False
        if absent := self._absent():
            self.pause(absent, now)
            return False
        if asked := self._asked_to_pause():
            self._rest(asked, now)
            return False
        if self._trouble.paused:
            self._trouble.end()
            self._announce(FolderResumed(self.folder.name))
            self.begin_scan("")
        return True

    def _rest(self, asked: str, now: float) -> None:
        """As somebody wishes; what trouble there was before still counts when the next one comes."""
        if not self._trouble.asked:
            self._announce(FolderPaused(self.folder.name, asked, asked=True))
        self._trouble.rest(asked, now + _ASK_AGAIN_S)

    def _look_after_rules(self, now: float) -> None:
        """What waited for one that is right by now is found by a scan."""
        if now >= self._mended_at and self._admission.rules.wrong:
            self._mended_at = now + _MENDED_EVERY_S
            for folder in self._admission.rules.mended():
                self.begin_scan(folder)

    def _read_scans(self, now: float) -> None:
        for below, found in list(self._scans.items()):
            try:
                self._read(found, now)
            except StopIteration:
                del self._scans[below]
            except OSError:
                del self._scans[below]
                raise
        if self._scan_again and not self._scans:
            self._scan_again = False
            self.begin_scan("")

    def _read(self, found: Generator[tuple[str, Stamp]], now: float) -> None:
        """A part of a scan; StopIteration at its end."""
        for _ in range(_READ_AT_ONCE):
            if self._settler.full:
                return
            relative, stamp = next(found)
            if relative not in self._settler and self._wants(relative, stamp):
                self.news += 1
                self._settler.sight(relative, Hint.SEEN, now, self._quiet_s(stamp), stamp)

    def _wants(self, relative: str, stamp: Stamp) -> bool:
        """Whether to follow what a scan has found. Where originals stay its receipt is asked here: those
        that are done are older than a new file, so they would come first, and be inspected in vain.
        """
        if not self._admission.open_to(relative, stamp):
            return False
        stays = self.folder.after is After.KEEP
        return not (stays and self._admission.history(SourceFile(relative, stamp)).ended)

    def _look(self, relative: str, now: float, submit: Submit) -> None:
        try:
            stamp, _ = self._admission.kind(relative)
            if stamp is None or not self._admission.open_to(relative, stamp):
                self._forget(relative)
                return
            finding = self._admission.inspect(relative)
        except (FileNotFoundError, NotADirectoryError):
            self._forget(relative)
            return
        except OSError as error:  # of this file; trouble of the folder shows in its scan
            self._stuck[relative] = f"it cannot be reached: {error.strerror}"
            return
        match self._settler.judge(relative, stamp, finding.wholeness, now):
            case Rest.SETTLED:
                self._admit(SourceFile(relative, stamp), "", now, submit)
            case Rest.NEVER:
                self._admit(SourceFile(relative, stamp), finding.reason, now, submit)
            case Rest.WAITING:
                self._note(relative, finding, now)

    def _admit(self, source: SourceFile, fault: str, now: float, submit: Submit) -> None:
        past = self._admission.history(source)
        if past.ended:
            self._forget(source.relative)
        elif past.wait_s:
            self._postpone(source, now + past.wait_s, past.wait_reason)
        elif (job := self._admission.admit(source, fault, self._settler.arrival(source.relative))) is None:
            self._postpone(source, now + _LOOK_AGAIN_S, "another daemon has it")
        elif submit(job):
            self._forget(source.relative)
        else:
            self._admission.give_back(job)
            self._postpone(source, now + _LOOK_AGAIN_S, "the queue is closed")

    def _note(self, relative: str, finding: Finding, now: float) -> None:
        """Remembers why a file does not settle, and says so once when it takes long."""
        if finding.reason:
            self._stuck[relative] = finding.reason
            if self._settler.overdue(relative, now):
                self._announce(FileWaits(self.folder.name, relative, finding.reason))
        else:
            self._stuck.pop(relative, None)

    def _postpone(self, source: SourceFile, until: float, reason: str) -> None:
        self._stuck[source.relative] = reason
        self._settler.put_off(source.relative, until)

    def _forget(self, relative: str) -> None:
        self._stuck.pop(relative, None)
        self._settler.forget(relative)


@dataclass(slots=True)
class _Trouble:
    """A pause of the watch folder; each further trouble, until something succeeds, doubles it.

    One that was asked for lasts until it is asked for no more.
    """

    paused: bool = False
    asked: bool = False
    reason: str = ""
    until: float = 0.0
    length_s: float = 0.0

    def lasts(self, now: float) -> bool:
        """Whether there is no need to look if it is over."""
        return self.paused and not self.asked and now < self.until

    def grow(self, reason: str, now: float, at_least_s: float) -> None:
        self.length_s = min(max(self.length_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self.paused, self.asked, self.reason = True, False, reason
        self.until = now + max(self.length_s, at_least_s)

    def rest(self, reason: str, until: float) -> None:
        self.paused, self.asked, self.reason, self.until = True, True, reason, until

    def end(self) -> None:
        self.paused = self.asked = False
