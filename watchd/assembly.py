"""Says what is connected to what: builds the parts of the daemon from a Config."""

import logging
import os
import queue
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from functools import cache, partial
from typing import TYPE_CHECKING

from watchd.background import Grace
from watchd.branch import Branch
from watchd.caching import Caches, lending_of
from watchd.config.rules import read_rule
from watchd.config.schema import Config, Isolation
from watchd.domain.commands import Command, Crashed, Exhausted
from watchd.domain.errors import ExitCode, FolderError
from watchd.domain.events import Event, FolderAdded, FolderRemoved
from watchd.domain.job import Job
from watchd.domain.ports import Listener
from watchd.domain.profile import Profile, WatchFolder
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.isolated import IsolatedDecoders
from watchd.imaging.load import LoadMeter
from watchd.imaging.memory import give_back_now
from watchd.imaging.segment import Segmenter
from watchd.intake.feeder import Feeder
from watchd.intake.sightings import Sightings
from watchd.intake.watcher import Watcher
from watchd.provision import cores_each, default_memory
from watchd.report.board import StatusBoard
from watchd.report.eventlog import log_event
from watchd.report.fanout import Fanout
from watchd.report.hookthreads import HookThreads
from watchd.report.logs import job_context
from watchd.report.progress import Progress
from watchd.report.systemd import Supervision
from watchd.store.flight import Flight
from watchd.work.adapt import Work
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.janitor import Chore, Janitor
from watchd.work.pool import WorkerPool
from watchd.work.processor import Limits
from watchd.work.queue import JobQueue
from watchd.work.recall import Recall
from watchd.work.staffing import LOOK_EVERY_S, Rules, Staffing

if TYPE_CHECKING:
    from watchd.report.scrapes import ScrapeServer

log = logging.getLogger(__name__)

_GIVE_BACK_EVERY_S = 60.0
_OVERDUE_EVERY_S = 1.0
_BATCHES_EVERY_S = 1.0
_OVERDUE_BY_S = 30.0  # by then the keeper has ended the process, unless it hangs itself

Mailbox = queue.SimpleQueue[Command]


class Line:
    """The parts that all watch folders have in common, and a branch for each of these.

    Builds everything and starts nothing: `parts` are to be entered. With `progress` it ends once all is done
    that is there.
    """

    def __init__(
        self,
        config: Config,
        *,
        plan: ThreadPlan,
        mailbox: Mailbox,
        environ: Mapping[str, str],
        progress: Progress | None = None,
    ) -> None:
        self._config = config
        self._mailbox = mailbox
        self._once = progress is not None
        self._on: tuple[Branch, ...] = ()  # that are worked on; further ones have jobs that are not done yet
        self._branches: Mapping[WatchFolder, Branch] = {}
        self._grace = grace = Grace(config.drain)
        self._sightings = Sightings(config.limits.pending)
        self._queue = JobQueue(config.queue.size, on_room=self._sightings.wake)
        self._board = StatusBoard(queue_depth=lambda: len(self._queue), stuck=self._hanging)
        self.supervision = Supervision(
            environ, status=self._board.snapshot, hanging=self._hanging, drain_s=config.drain
        )
        self._budget = PixelBudget(config.limits.memory or default_memory())
        metrics, self._scrapes = self._metering(grace)
        self._hooks = HookThreads(environ, self._more_to_come, self._tell, self._crashed, grace)
        told: list[Listener] = [self._board, self._sightings.listen, self.supervision, self._hooks.listen]
        tell_progress = [self._progress(progress)] if progress is not None else []
        self.announce = Fanout([log_event, *told, *metrics, *tell_progress])
        self._flight = Flight()
        self._attempts = Attempts(self._flight)
        self._decoders = IsolatedDecoders(config.limits.decode_timeout)  # starts nothing before it is asked
        self._caches = Caches(config, lending_of(config, self._crashed, grace))
        self._pool = self._workers(plan)
        self._staffing = Staffing(
            resize=self._pool.resize, read_load=LoadMeter().read, work=self._work, announce=self.announce
        )
        self._feeder = self._intake()
        self._watcher = Watcher(
            sightings=self._sightings, news=self._news_of, on_crash=self._crashed, grace=grace
        )
        self._janitor = Janitor("janitor", self._crashed, grace)
        self._keeper = Janitor("keeper", self._crashed, grace)  # nothing slow may delay what this one does
        self._overdue = Chore("end what takes too long", _OVERDUE_EVERY_S, self._end_if_overdue)
        self._staff = Chore("number of workers", LOOK_EVERY_S, self._staffing.turn)

    @property
    def parts(self) -> tuple[AbstractContextManager[object], ...]:
        """What lives, from the sink to the source: entered in this order, left in reverse."""
        sink = (*self._scrapes, self._hooks, self._janitor, self._keeper, self._caches)
        source = () if self._once else (self._watcher,)
        return (*sink, self._decoders, self._pool, self._feeder, *source)

    def branches(self, config: Config, segmenters: Mapping[str, Segmenter]) -> tuple[Branch, ...]:
        """For each watch folder the branch that it has, or a new one. Changes nothing; blocks."""
        branches = []
        for folder in config.watch_folders():
            branch = self._branches.get(folder)
            if branch is None:
                branch = self._branch(folder, segmenters)
                branch.make_ready()
            branches.append(branch)
        return tuple(branches)

    def must_be_there(self, folder: WatchFolder) -> None:
        """FolderError: what is watched there is away now, and all that were made would be on the bare mount
        point.
        """
        for branch in self._on:
            shared = set(branch.folder.places().values()) & set(folder.places().values())
            if shared and (reason := branch.absent()):
                raise FolderError(f"{folder.name} cannot be changed while it is away: {reason}")

    def adopt(self, config: Config, plan: ThreadPlan, branches: tuple[Branch, ...]) -> None:
        """From now on works by this configuration, on these branches alone. At once, and never fails.

        Whoever takes a waiting job of another branch gives it back; one that is under way goes on to its end,
        which `let_go` waits for.
        """
        before, self._on = self._on, branches
        self._config = config
        self._branches = {**self._branches, **{branch.folder: branch for branch in branches}}
        for branch in before:
            if branch not in branches:
                self.announce(FolderRemoved(branch.folder.name))
        for branch in branches:
            branch.processor.limits = _limits(config)
            if branch not in before:
                self.announce(FolderAdded(branch.folder.name))
        self._board.model = ", ".join(sorted(self.models))
        self._resize(plan)
        self._keep_chores()
        self._feeder.serve(branch.lane for branch in branches)
        self._watcher.watch(tuple(branch.folder for branch in branches))
        if self._once:
            for branch in branches:
                self._sightings.ask_scan(branch.folder.name)

    def let_go(self) -> None:
        """Forgets the branches that were left, and whose last job has ended.

        Blocks; not while others wait to be adopted.
        """
        gone = [
            branch
            for branch in self._branches.values()
            if branch not in self._on and branch.idle and not self._feeder.serves(branch.lane)
        ]
        if not gone:
            return
        self._branches = {branch.folder: branch for branch in self._branches.values() if branch not in gone}
        self._caches.keep(self._branches)
        self._keep_chores()
        used = {branch.folder.sidecar for branch in self._on}
        for branch in gone:
            if branch.folder.sidecar not in used:
                branch.write_last_status()

    @property
    def models(self) -> set[str]:
        """Those that some branch may still need."""
        return {model for folder in self._branches for model in folder.models}

    def write_status(self) -> None:
        """Now, whatever the chore's turn is: who waits for the daemon looks there."""
        for branch in self._on:
            branch.write_status()

    def _resize(self, plan: ThreadPlan) -> None:
        config = self._config
        self._grace.allow(config.drain)
        self.supervision.drain_s = config.drain
        self._queue.resize(config.queue.size)
        self._budget.resize(config.limits.memory or default_memory())
        self._staffing.follow(self._rules(plan))
        self._caches.follow(config)

    def _rules(self, plan: ThreadPlan) -> Rules:
        """Whoever has asked for it, once, waits for no hour of the day."""
        threads, schedule = self._config.threads, self._config.schedule
        hours = () if self._once else tuple(quiet.window() for quiet in schedule)
        return Rules(plan.worker_cpus, cores_each(plan), threads.adaptive, threads.polite, hours)

    def _work(self) -> Work:
        return Work(waiting=len(self._queue), busy=self._attempts.busy)

    def _keep_chores(self) -> None:
        self._janitor.keep(self._chores())
        self._keeper.keep(self._urgent_chores())

    def _workers(self, plan: ThreadPlan) -> WorkerPool:
        return WorkerPool(
            handle=self._handle,
            give_back=self._give_back,
            queue=self._queue,
            cpus=plan.worker_cpus,
            on_crash=self._crashed,
            grace=self._grace,
        )

    def _intake(self) -> Feeder:
        return Feeder(
            sightings=self._sightings,
            room=self._queue.has_room,
            submit=self._queue.offer,
            on_crash=self._crashed,
            grace=self._grace,
            exhausted=self._exhausted if self._once else lambda _: None,
        )

    def _branch(self, folder: WatchFolder, segmenters: Mapping[str, Segmenter]) -> Branch:
        isolated = self._config.isolation is Isolation.PROCESS

        @cache
        def recall(profile: Profile) -> Recall:
            return self._caches.recall(folder, profile, segmenters[profile.model])

        for profile in (folder.profile, *folder.choices):
            recall(profile)  # so that whoever asks on another thread makes nothing anew
        return Branch(
            folder,
            recall,
            read_rule=partial(read_rule, folder=folder) if folder.choices else None,
            lease_s=self._config.lease,
            pending=self._config.limits.pending,
            keep_receipts_s=lambda: self._config.receipts.keep,
            flight=self._flight,
            attempts=self._attempts,
            open_picture=self._decoders.open_picture if isolated else open_picture,
            budget=self._budget,
            limits=_limits(self._config),
            announce=self.announce,
            snapshot=self._board.snapshot,
            once=self._once,
        )

    def _metering(self, grace: Grace) -> tuple[list[Listener], list["ScrapeServer"]]:
        """What counts for Prometheus, and what it reads that from. ConfigError: its package is missing."""
        if self._config.metrics is None or self._once:
            return [], []
        from watchd.report.metrics import Metrics
        from watchd.report.scrapes import ScrapeServer

        metrics = Metrics(self._board.snapshot, pixel_bytes=lambda: self._budget.in_flight)
        return [metrics], [ScrapeServer(self._config.metrics, metrics.handler, self._crashed, grace)]

    def _chores(self) -> Iterator[Chore]:
        for branch in self._on:
            yield from branch.chores
        yield from self._caches.chores()
        yield Chore("give back memory", _GIVE_BACK_EVERY_S, give_back_now)
        yield Chore("tell of batches that are done", _BATCHES_EVERY_S, self._hooks.end_batches)

    def _urgent_chores(self) -> Iterator[Chore]:
        for branch in self._branches.values():
            yield from branch.urgent_chores
        yield self._overdue
        if self._config.threads.adaptive or self._config.schedule:
            yield self._staff
        yield from self._caches.urgent_chores()

    def _handle(self, job: Job) -> None:
        branch = self._branches[job.folder]
        if branch in self._on and not branch.asked_to_pause():
            with job_context(job.id):
                branch.processor.handle(job)
            return
        try:
            branch.give_back(job)
        except OSError as error:  # tried again as long as the branch is there; then the lease runs out
            facts = {"job": job.id, "path": job.source.relative, "reason": str(error)}
            log.warning("job not given back", extra=facts)
        self._sightings.put_back(job.folder.name, job.source.relative)  # if it is watched now, or again

    def _give_back(self, job: Job) -> None:
        self._branches[job.folder].give_back(job)

    def _news_of(self, name: str) -> int:
        return sum(branch.lane.news for branch in self._on if branch.folder.name == name)

    def _more_to_come(self, name: str) -> bool:
        branches = (branch for branch in self._on if branch.folder.name == name)
        return any(branch.lane.left() is None or branch.gathering.open for branch in branches)

    def _tell(self, event: Event) -> None:
        """For those who are themselves among the told."""
        self.announce(event)

    def _crashed(self, thread: str, error: BaseException) -> None:
        self._mailbox.put(Crashed(thread, error))

    def _exhausted(self, left: Mapping[str, str]) -> None:
        for branch in self._on:
            left = {**left, **branch.gathering.deliver(rest_s=0.0)}
        self._mailbox.put(Exhausted(left))

    def _progress(self, progress: Progress) -> Listener:
        def tell(event: Event) -> None:
            progress.expect(sum(branch.lane.news for branch in self._on))
            progress(event)

        return tell

    def _hanging(self) -> list[str]:
        """Who is to get on and does not."""
        longest = self._attempts.longest()
        stuck = longest is not None and longest[1] > self._config.limits.job_timeout + _OVERDUE_BY_S
        late = [each.name for each in (self._feeder, self._watcher) if each.pulse.late]
        return late + ["a worker"] * stuck

    def _end_if_overdue(self) -> None:
        """Nothing stops a thread that hangs in native code but the end of its process: whoever supervises
        the daemon starts it again, and the file, which alone is blamed, goes to failed/ after some attempts.
        """
        longest = self._attempts.longest()
        if longest is None or longest[1] < self._config.limits.job_timeout:
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
            self._attempts.accuse(job)
        finally:  # a disk in trouble blames nobody, and keeps nobody here
            os._exit(ExitCode.CRASHED)


def assemble(
    config: Config,
    *,
    segmenters: Mapping[str, Segmenter],
    plan: ThreadPlan,
    mailbox: Mailbox,
    environ: Mapping[str, str],
    progress: Progress | None = None,
) -> Line:
    """A line that is ready to be entered, with a branch for each watch folder."""
    line = Line(config, plan=plan, mailbox=mailbox, environ=environ, progress=progress)
    line.adopt(config, plan, line.branches(config, segmenters))
    return line


def _limits(config: Config) -> Limits:
    return Limits(config.limits.max_pixels, config.limits.max_bytes, config.attempts)
