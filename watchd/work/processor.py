"""The straight line for one job, and its envelope: error → outcome → receipt → listeners → release."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from watchd import __version__
from watchd.domain.errors import ClaimLost, JobError, RejectedImage
from watchd.domain.events import JobBegun, JobEnded
from watchd.domain.job import Job
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped, is_final, word
from watchd.domain.ports import Listener
from watchd.domain.profile import After, Profile
from watchd.domain.reuse import Reuse
from watchd.domain.stages import Stage
from watchd.imaging.compose import compose
from watchd.imaging.decode import Opened, OpenPicture
from watchd.imaging.encode import encode
from watchd.imaging.models import refining
from watchd.store.places import Places
from watchd.store.receipts import Receipt
from watchd.store.storedfile import BadEntry, StoredFile
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.laps import Laps
from watchd.work.recall import Recall
from watchd.work.retry import ENVIRONMENT_WAIT_S, judge

log = logging.getLogger(__name__)

_DEADLY = "in each of {} attempts the process ended, or took too long, while it worked on this file alone"

MAKER = f"watchd {__version__}"
_ABOUT = {"Software": MAKER}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may ask for: pixels of the picture, bytes of the file, attempts of ours."""

    max_pixels: int
    max_bytes: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A finished cutout: the bytes of its file, what is to be said of it, and where its mask came from."""

    data: bytes
    notes: tuple[str, ...]
    reuse: Reuse


class Processor:
    """Of one watch folder, whose `places` and `recall` these are. Any thread, any number at once.

    `limits` may be replaced at any time.
    """

    def __init__(
        self,
        *,
        places: Places,
        attempts: Attempts,
        open_picture: OpenPicture,
        recall: Callable[[Profile], Recall],
        budget: PixelBudget,
        limits: Limits,
        announce: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._attempts = attempts
        self._open_picture = open_picture
        self._recall = recall
        self._budget = budget
        self.limits = limits
        self._announce = announce
        self._clock = clock

    def handle(self, job: Job) -> None:
        """Takes the job to exactly one outcome; never raises for what is one file's trouble."""
        with self._attempts.under_way(job):
            self._handle(job)

    def _handle(self, job: Job) -> None:
        began = self._clock()
        laps = Laps(_before(job, began), self._clock)
        self._announce(JobBegun(job))
        claims = self._places.claims
        try:
            with self._attempts.begin(job, self._places) as receipt:
                outcome = self._attempt(job, receipt, laps)
        except ClaimLost as error:
            outcome = Skipped(str(error))
        except OSError as error:  # the disk under the receipts themselves
            outcome = Deferred(f"no receipt can be written: {error}", ENVIRONMENT_WAIT_S)
        try:
            claims.release(job.source.key, job.token)
        except OSError as error:
            log.warning("claim not released", extra={"path": job.source.relative, "reason": str(error)})
        self._announce(JobEnded(job, outcome, self._clock() - began, laps.seconds))

    def process(self, job: Job, receipt: Receipt, laps: Laps) -> Delivered:
        """The line itself: from the settled file to the cutout in the outbox and the original retired."""
        self._check(job)
        recall = self._recall(job.profile)
        with self._places.inbox.open(job.source) as file:
            sha256 = recall.digest(file)
        with recall.alone(sha256, partial(self._attempts.waiting, job)):
            remembered = self._deliver_remembered(job, receipt, recall, sha256, laps)
            if remembered is not None:
                return remembered
            cut = self._cut_out(job, recall, sha256, laps)
            with laps.time(Stage.DELIVER):
                receipt, original = self._deliver(job, receipt, cut.data)
            recall.keep(sha256, cut.data, receipt.digest)
            return Delivered(receipt.output, job.profile.model, cut.notes, cut.reuse, original)

    def _deliver_remembered(
        self, job: Job, receipt: Receipt, recall: Recall, sha256: str, laps: Laps
    ) -> Delivered | None:
        """The finished cutout of the very same file, with nothing decoded; None if none is remembered."""
        stored = recall.finished(sha256)
        if stored is None:
            return None
        with stored, laps.time(Stage.DELIVER):
            try:
                receipt, original = self._deliver(job, receipt, stored)
            except BadEntry:
                recall.forget(stored)
                return None
            reuse = recall.delivered(stored, sha256)
        return Delivered(receipt.output, job.profile.model, reuse=reuse, original=original)

    def _cut_out(self, job: Job, recall: Recall, sha256: str, laps: Laps) -> Cut:
        """Reads, and makes the cutout once there is memory for it."""
        source, inputs = job.source, job.profile.inputs
        with self._places.inbox.open(source) as file:
            header = self._open_picture(file, source.relative, self.limits.max_pixels, inputs)
            with self._budget.reserve(header.peak_bytes + source.stamp.size, self._attempts.waiting(job)):
                return _cut(header, recall, sha256, job.profile, laps)

    def _deliver(self, job: Job, receipt: Receipt, content: bytes | StoredFile) -> tuple[Receipt, str]:
        """The cutout is safely in the outbox, and then the original leaves the inbox; also gives its path."""
        places = self._places
        places.inbox.confirm(job.source)
        receipt = places.outbox.deliver(
            receipt,
            f".{job.profile.format}",
            content,
            intend=lambda name, digest: places.receipts.intend(receipt, name, digest),
            confirm=lambda: self._must_hold(job),
        )
        return receipt, places.inbox.retire(job.source, job.token)

    def _attempt(self, job: Job, receipt: Receipt, laps: Laps) -> Outcome:
        """One attempt, from what may go wrong in it to its receipt."""
        places = self._places
        try:
            if receipt.attempts > self.limits.attempts:
                outcome: Outcome = Failed(_DEADLY.format(receipt.attempts - 1), final=True)
            else:
                outcome = self.process(job, receipt, laps)
        except Exception as error:  # noqa: BLE001 - whatever one file does, the daemon lives
            outcome = judge(error, receipt.attempts, self.limits.attempts)
        if not isinstance(outcome, Delivered):
            self._must_hold(job)  # receipt and failed/ would be the new owner's to write
        outcome = self._quarantine(job, receipt, outcome)
        try:
            last = places.receipts.read(job.source.relative) or receipt
            if last.token == job.token:  # else a new version is worked on by another daemon already
                places.receipts.end(last, outcome)
        except OSError as error:
            if job.folder.after is After.KEEP or not is_final(outcome):
                raise
            log.warning("receipt not written", extra={"path": job.source.relative, "reason": str(error)})
        return outcome

    def _must_hold(self, job: Job) -> None:
        if not self._places.claims.holds(job.source.key, job.token):
            raise ClaimLost(f"{job.source.relative} was taken over by another daemon")

    def _quarantine(self, job: Job, receipt: Receipt, outcome: Outcome) -> Outcome:
        """Puts what will never become a cutout into failed/; trouble on the way there is another outcome."""
        match outcome:
            case Rejected(reason, advice):
                report = {"reason": reason, "advice": advice}
            case Failed(reason, trace, final=True):
                advice = "This is a fault of watchd's. `watchd retry` puts the file back into the inbox."
                report = {"reason": reason, "advice": advice, "traceback": trace}
            case _:
                return outcome
        facts = {"outcome": word(outcome), "attempts": receipt.attempts, "model": job.profile.model}
        try:
            original = self._places.failed.take(job.source, report | facts | {"at": _now()}, job.token)
        except (OSError, JobError) as error:
            return judge(error, receipt.attempts, self.limits.attempts + 1)
        return replace(outcome, original=original)

    def _check(self, job: Job) -> None:
        """What is rejected without a look inside."""
        name, size, limit = job.source.relative, job.source.stamp.size, self.limits.max_bytes
        if job.fault:
            raise RejectedImage(f"{name}: {job.fault}", "Copy the file into the inbox again, whole.")
        if size > limit:
            reason = f"{name}: {size} bytes exceed the limit of {limit} (limits.max_bytes)"
            raise RejectedImage(reason, "Raise limits.max_bytes, or make the file smaller.")


def _cut(header: Opened, recall: Recall, sha256: str, profile: Profile, laps: Laps) -> Cut:
    """From the header to the bytes; all else that it took in memory is gone when it returns."""
    with laps.time(Stage.DECODE):
        picture = header.load()
    mask, reuse = recall.mask(sha256, picture, laps.of(Stage.INFER))
    refine = refining(profile.model, profile.refine)
    timed = laps.of(Stage.COMPOSE)
    cutout = compose(picture, mask, refine, decontaminate=profile.decontaminate, timed=timed)
    with laps.time(Stage.ENCODE):  # composes band by band, which is the cutout's own time
        data = encode(cutout, picture.icc, picture.dpi, _ABOUT, profile.encode)
    return Cut(data, picture.notes, reuse)


def _before(job: Job, now: float) -> dict[Stage, float]:
    came = job.arrival
    return {Stage.SETTLE: came.settled - came.sighted, Stage.QUEUE: now - came.settled}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
