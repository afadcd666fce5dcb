"""One watch folder's part of the line: its places, lane, processor, chores and status file, built as one."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from watchd.domain.job import Job, SourceFile, Stamp
from watchd.domain.ports import Listener
from watchd.domain.profile import Profile, WatchFolder
from watchd.imaging.decode import OpenPicture
from watchd.intake.admission import Admission, History
from watchd.intake.lane import Lane
from watchd.intake.mounts import mount_of
from watchd.intake.pausing import asked_to_pause
from watchd.intake.presence import Presence
from watchd.intake.ranking import Ranking
from watchd.intake.rules import RULE, ReadRule, Report, Rules
from watchd.intake.settle import Settler
from watchd.intake.stillness import Stillness
from watchd.report.status import Status
from watchd.report.statusfile import StatusFile, as_json
from watchd.report.statuspage import page
from watchd.store.atomic import replace_quickly
from watchd.store.flight import Flight
from watchd.store.places import Places, prepare
from watchd.store.receipts import Receipts
from watchd.tree import Tree
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.gathering import Gathering
from watchd.work.janitor import Chore
from watchd.work.processor import Limits, Processor
from watchd.work.recall import Recall

log = logging.getLogger(__name__)

STATUS_FILE = "status.json"
STATUS_PAGE = "status.html"

_DAY_S = 86400.0
_HOUR_S = 3600.0
_STATUS_EVERY_S = 1.0
_BATCHES_EVERY_S = 1.0
_LONGEST_WAIT_S = 3600.0


class Branch:
    """Begins nothing by itself: the common parts of the line take up its lane, jobs and chores.

    It is of exactly this `folder`: one that changes becomes another branch, and a job ends in the one that
    it began in.
    """

    def __init__(
        self,
        folder: WatchFolder,
        recall: Callable[[Profile], Recall],
        *,
        read_rule: ReadRule | None,
        lease_s: float,
        pending: int,
        keep_receipts_s: Callable[[], float],
        flight: Flight,
        attempts: Attempts,
        open_picture: OpenPicture,
        budget: PixelBudget,
        limits: Limits,
        announce: Listener,
        snapshot: Callable[[], Status],
        once: bool,
    ) -> None:
        self.folder = folder
        self.places = Places.of(folder, lease_s)
        self._presence = Presence(folder, partial(prepare, folder))
        show_problem = partial(_show_problem, Tree(folder.inbox))
        door = admission(folder, self.places, read_rule, show_problem, self._presence.local)
        self.lane = Lane(
            folder=folder,
            admission=door,
            settler=Settler(
                folder.settle_s, folder.settle_timeout_s, pending, Ranking(folder.order, Tree(folder.inbox))
            ),
            absent=self._presence.absent,
            announce=announce,
            quiet_s=_age_s if once else lambda _: 0.0,
            asked_to_pause=partial(asked_to_pause, folder),
        )
        self.processor = Processor(
            places=self.places,
            attempts=attempts,
            open_picture=open_picture,
            recall=recall,
            budget=budget,
            limits=limits,
            announce=announce,
        )
        stillness = Stillness(Tree(folder.inbox), door.done)
        self.gathering = Gathering(
            folder, self.places.staging, stillness, self.places.claims, self._resting, announce
        )
        self._status = _status_files(folder, snapshot)
        self.chores = tuple(self._chores(flight, keep_receipts_s, once))
        refresh = Chore(f"refresh the claims of {folder.name}", lease_s / 4, self.places.claims.refresh)
        self.urgent_chores = (refresh,)

    def write_status(self) -> None:
        for file in self._status:
            file.write_if_changed()

    def write_last_status(self) -> None:
        """It is watched no more, though the daemon lives."""
        for file in self._status:
            file.write_last()

    def make_ready(self) -> None:
        """Before the first scan: what a kill has left aside gets its name back, or goes."""
        try:
            self.places.asides.put_back()
            self.places.staging.tidy()
        except OSError as error:
            facts = {"path": self.folder.inbox, "reason": str(error)}
            log.warning("inbox not searched", extra=facts)

    def _resting(self) -> str:
        return self.absent() or asked_to_pause(self.folder)

    def absent(self) -> str:
        """Why the folder is not really there now, or "" """
        return self._presence.absent()

    def asked_to_pause(self) -> bool:
        """Whether no further job of it shall be begun now."""
        return bool(asked_to_pause(self.folder))

    @property
    def idle(self) -> bool:
        """Whether no job of it waits or is under way: each holds a claim."""
        return self.places.claims.idle

    def give_back(self, job: Job) -> None:
        """Of a job that nobody has begun: its source is free again. OSError: the disk."""
        self.places.claims.release(job.source.key, job.token)

    def _chores(self, flight: Flight, keep_receipts_s: Callable[[], float], once: bool) -> Iterator[Chore]:
        name, claims, asides = self.folder.name, self.places.claims, self.places.asides
        yield Chore(f"status of {name}", _STATUS_EVERY_S, self.write_status)
        if not once:  # else they are delivered at the end
            yield Chore(f"deliver the batches of {name}", _BATCHES_EVERY_S, self.gathering.turn)
        yield Chore(f"sweep the claims of {name}", _HOUR_S, claims.sweep, at_start=True)
        sweep = partial(flight.sweep, self.folder.sidecar)
        yield Chore(f"sweep the flights of {name}", _HOUR_S, sweep, at_start=True)
        yield Chore(f"put back what was left aside in {name}", _HOUR_S, asides.put_back)
        prune = partial(self._prune, keep_receipts_s)
        yield Chore(f"prune the receipts of {name}", _DAY_S, prune)

    def _prune(self, keep_s: Callable[[], float]) -> None:
        self.places.receipts.prune(keep_s(), partial(_may_be_there, self._presence, Tree(self.folder.inbox)))


def admission(
    folder: WatchFolder,
    places: Places,
    read_rule: ReadRule | None,
    report: Report = lambda _folder, _problem: None,
    local: Callable[[], bool] | None = None,
) -> Admission:
    """The door of a watch folder; `watchd explain` asks the same one, and the mount table for `local`."""
    return Admission(
        folder,
        places.claims,
        history=lambda source: _history(places.receipts, source),
        knows=places.receipts.knows,
        local=local or (lambda: mount_of(folder.inbox).local),
        with_receipt=places.receipts.keys,
        rules=Rules(Tree(folder.inbox), read_rule, report),
    )


def _show_problem(inbox: Tree, folder: str, problem: str) -> None:
    """What is wrong with the rule in that folder stands beside it, for whoever has only the share."""
    beside = "/".join(filter(None, [folder, f"{RULE}.error.txt"]))
    if problem:
        replace_quickly(inbox, beside, f"{problem}\n".encode(errors="replace"), secrets.token_hex(4))
    elif inbox.exists(beside):
        inbox.unlink(beside)


def _age_s(stamp: Stamp) -> float:
    """How long nobody has touched the file, by the wall clock: a single run cannot watch it for long."""
    return max(0.0, time.time() - max(stamp.mtime_ns, stamp.ctime_ns) / 1e9)


def _history(receipts: Receipts, source: SourceFile) -> History:
    receipt = receipts.ended(source)
    if receipt is not None:
        return History(ended=f"{receipt.state}: {receipt.output or receipt.reason}")
    before = receipts.read(source.relative)
    if before is None or before.stamp != source.stamp:
        return History()
    return History(wait_s=receipts.wait_s(before, _LONGEST_WAIT_S), wait_reason=before.reason)


def _may_be_there(presence: Presence, inbox: Tree, relative: str) -> bool:
    """Of a file in an inbox that is away nobody can say that it has left."""
    return bool(presence.absent()) or inbox.exists(relative)


def _status_files(folder: WatchFolder, snapshot: Callable[[], Status]) -> tuple[StatusFile, ...]:
    return tuple(
        StatusFile(folder.sidecar / name, snapshot, encode, _publish_status)
        for name, encode in ((STATUS_FILE, as_json), (STATUS_PAGE, page))
    )


def _publish_status(path: Path, text: bytes) -> None:
    # Random, since in two containers that share a folder both daemons may be process 1.
    replace_quickly(Tree(path.parent), path.name, text, f"status-{secrets.token_hex(4)}")
