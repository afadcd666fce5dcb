"""Says what is connected to what: builds the parts of the daemon from a Config."""

import logging
import os
import queue
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from watchd.background import Background, Grace
from watchd.caching import caches, lending_of
from watchd.config.schema import Config, Isolation
from watchd.domain.commands import Command, Crashed, Exhausted
from watchd.domain.errors import ExitCode
from watchd.domain.events import Event
from watchd.domain.job import Job, SourceFile, Stamp
from watchd.domain.ports import Listener
from watchd.domain.profile import WatchFolder
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.isolated import IsolatedDecoders
from watchd.imaging.segment import Segmenter
from watchd.intake.admission import Admission, History
from watchd.intake.feeder import Feeder
from watchd.intake.lane import Lane
from watchd.intake.mounts import mount_of
from watchd.intake.presence import Presence
from watchd.intake.settle import Settler
from watchd.intake.sightings import Sightings
from watchd.intake.watcher import Watcher
from watchd.provision import default_memory
from watchd.report.board import StatusBoard
from watchd.report.eventlog import log_event
from watchd.report.fanout import Fanout
from watchd.report.logs import job_context
from watchd.report.progress import Progress
from watchd.report.statusfile import StatusFile
from watchd.report.systemd import Supervision
from watchd.store.atomic import replace_quickly
from watchd.store.flight import Flight
from watchd.store.places import Places, prepare
from watchd.store.receipts import Receipts
from watchd.tree import Tree
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.janitor import Chore, Janitor
from watchd.work.pool import WorkerPool
from watchd.work.processor import Limits, Processor
from watchd.work.queue import JobQueue

log = logging.getLogger(__name__)

STATUS_FILE = "status.json"

_DAY_S = 86400.0
_HOUR_S = 3600.0
_STATUS_EVERY_S = 1.0
_OVERDUE_EVERY_S = 1.0
_OVERDUE_BY_S = 30.0  # by then the keeper has ended the process, unless it hangs itself
_LONGEST_WAIT_S = 3600.0

Mailbox = queue.SimpleQueue[Command]


@dataclass(frozen=True, slots=True)
class Line:
    """The parts that live, from the sink to the source: entered in this order, left in reverse.

    `follow` lets them go by another configuration, of which only what is live may differ.
    """

    parts: tuple[AbstractContextManager[object], ...]
    announce: Listener
    status: tuple[StatusFile, ...]
    supervision: Supervision
    follow: Callable[[Config], None]


def assemble(
    config: Config,
    *,
    segmenters: Mapping[str, Segmenter],
    plan: ThreadPlan,
    mailbox: Mailbox,
    environ: Mapping[str, str],
    progress: Progress | None = None,
) -> Line:
    """Builds everything and starts nothing. With `progress` the line ends once all is done that is there."""
    once = progress is not None
    folders = config.watch_folders()
    places = {folder.name: Places.of(folder, config.lease) for folder in folders}
    grace = Grace(config.drain)

    def crashed(thread: str, error: BaseException) -> None:
        mailbox.put(Crashed(thread, error))

    def give_back(job: Job) -> None:
        places[job.folder.name].claims.release(job.source.key, job.token)

    sightings = Sightings(config.limits.pending)
    jobs = JobQueue(config.queue.size, on_room=sightings.wake)
    board = StatusBoard(
        model=", ".join(sorted(segmenters)),
        workers=plan.workers,
        folders=[folder.name for folder in folders],
        queue_depth=lambda: len(jobs),
    )

    def tell_progress(event: Event) -> None:
        if progress is not None:
            progress.expect(sum(lane.news for lane in lanes.values()))
            progress(event)

    must_get_on: list[Background] = []

    def hanging() -> list[str]:
        longest = attempts.longest()
        stuck = longest is not None and longest[1] > config.limits.job_timeout + _OVERDUE_BY_S
        return [each.name for each in must_get_on if each.pulse.late] + ["a worker"] * stuck

    supervision = Supervision(environ, status=board.snapshot, hanging=hanging, drain_s=config.drain)
    announce = Fanout([log_event, board, sightings.listen, supervision, tell_progress])
    present = {folder.name: Presence(folder, partial(prepare, folder)) for folder in folders}
    lanes = {
        folder.name: _lane(folder, places[folder.name], present[folder.name], config, announce, once)
        for folder in folders
    }
    flight = Flight({folder.name: Tree(folder.sidecar) for folder in folders})
    attempts = Attempts(places, flight)
    memory = caches(config, folders, segmenters, lending_of(config, crashed, grace))
    decoders = IsolatedDecoders(config.limits.decode_timeout)  # starts nothing before it is asked
    processor = Processor(
        places=places,
        attempts=attempts,
        open_picture=decoders.open_picture if config.isolation is Isolation.PROCESS else open_picture,
        recalls=memory.recalls,
        budget=PixelBudget(config.limits.memory or default_memory()),
        limits=Limits(config.limits.max_pixels, config.limits.max_bytes, config.attempts),
        announce=announce,
    )

    def handle(job: Job) -> None:
        with job_context(job.id):
            processor.handle(job)

    pool = WorkerPool(
        handle=handle,
        give_back=give_back,
        queue=jobs,
        cpus=plan.worker_cpus,
        on_crash=crashed,
        grace=grace,
    )
    feeder = Feeder(
        lanes=tuple(lanes.values()),
        sightings=sightings,
        room=jobs.has_room,
        submit=jobs.offer,
        on_crash=crashed,
        grace=grace,
        exhausted=(lambda left: mailbox.put(Exhausted(left))) if once else (lambda _: None),
    )
    must_get_on.append(feeder)
    status = [StatusFile(folder.sidecar / STATUS_FILE, board.snapshot, _publish_status) for folder in folders]
    chores = [
        *_chores(config, folders, places, present, status),
        *memory.chores(),
        Chore("sweep the flights", _HOUR_S, flight.sweep, at_start=True),
    ]
    janitor = Janitor("janitor", chores, crashed, grace)
    # On a thread of its own, for nothing slow may delay these.
    urgent = [
        *_urgent_chores(config, folders, places, attempts),
        *memory.urgent_chores(config),
    ]
    keeper = Janitor("keeper", urgent, crashed, grace)
    sink: tuple[AbstractContextManager[object], ...] = (
        janitor,
        keeper,
        *memory.parts,
        decoders,
        pool,
        *(each.asides for each in places.values()),
        feeder,
    )
    if progress is not None:
        for folder in folders:
            sightings.ask_scan(folder.name)
        return Line(sink, announce, tuple(status), supervision, memory.follow)
    watcher = Watcher(
        folders=folders,
        sightings=sightings,
        news=lambda name: lanes[name].news,
        on_crash=crashed,
        grace=grace,
    )
    must_get_on.append(watcher)
    return Line((*sink, watcher), announce, tuple(status), supervision, memory.follow)


def admission(folder: WatchFolder, places: Places) -> Admission:
    """The door of a watch folder; `watchd explain` asks the same one."""
    return Admission(
        folder,
        places.claims,
        history=lambda source: _history(places.receipts, source),
        knows=places.receipts.knows,
        local=lambda: mount_of(folder.inbox).local,
    )


def _lane(
    folder: WatchFolder, places: Places, presence: Presence, config: Config, announce: Listener, once: bool
) -> Lane:
    return Lane(
        folder=folder,
        admission=admission(folder, places),
        settler=Settler(folder.settle_s, folder.settle_timeout_s, config.limits.pending),
        absent=presence.absent,
        announce=announce,
        quiet_s=_age_s if once else lambda _: 0.0,
    )


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


def _chores(
    config: Config,
    folders: Sequence[WatchFolder],
    places: Mapping[str, Places],
    present: Mapping[str, Presence],
    status: Sequence[StatusFile],
) -> Iterator[Chore]:
    for file, folder in zip(status, folders, strict=True):
        yield Chore(f"status of {folder.name}", _STATUS_EVERY_S, file.write_if_changed)
        here, there = places[folder.name], partial(_may_be_there, present[folder.name], Tree(folder.inbox))
        yield Chore(f"sweep the claims of {folder.name}", _HOUR_S, here.claims.sweep, at_start=True)
        yield Chore(f"put back what was left aside in {folder.name}", _HOUR_S, here.asides.put_back)
        prune = partial(here.receipts.prune, config.receipts.keep, there)
        yield Chore(f"prune the receipts of {folder.name}", _DAY_S, prune)


def _may_be_there(presence: Presence, inbox: Tree, relative: str) -> bool:
    """Of a file in an inbox that is away nobody can say that it has left."""
    return bool(presence.absent()) or inbox.exists(relative)


def _urgent_chores(
    config: Config, folders: Sequence[WatchFolder], places: Mapping[str, Places], attempts: Attempts
) -> Iterator[Chore]:
    for folder in folders:
        refresh = places[folder.name].claims.refresh
        yield Chore(f"refresh the claims of {folder.name}", config.lease / 4, refresh)
    yield Chore("end what takes too long", _OVERDUE_EVERY_S, lambda: _end_if_overdue(attempts, config))


def _end_if_overdue(attempts: Attempts, config: Config) -> None:
    """Nothing stops a thread that hangs in native code but the end of its process: whoever supervises
    the daemon starts it again, and the file, which alone is blamed, goes to failed/ after some attempts.
    """
    longest = attempts.longest()
    if longest is None or longest[1] < config.limits.job_timeout:
        return
    job, seconds = longest
    facts = {
        "job": job.id,
        "path": job.source.relative,
        "folder": job.folder.name,
        "seconds": round(seconds),
    }
    log.critical("a job takes too long (limits.job_timeout), the process ends", extra=facts)
    try:
        attempts.accuse(job)
    finally:  # a disk in trouble blames nobody, and keeps nobody here
        os._exit(ExitCode.CRASHED)


def _publish_status(path: Path, text: bytes) -> None:
    # Random, since in two containers that share a folder both daemons may be process 1.
    replace_quickly(Tree(path.parent), path.name, text, f"status-{secrets.token_hex(4)}")
