"""The straight line for one job, and its envelope: error → outcome → receipt → listeners → release."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from watchd import __version__
from watchd.domain.errors import ClaimLost, JobError, RejectedImage
from watchd.domain.events import JobBegun, JobEnded
from watchd.domain.job import Job
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped, is_final, word
from watchd.domain.ports import Listener
from watchd.domain.profile import After, Profile
from watchd.imaging.compose import compose
from watchd.imaging.decode import Opened, OpenPicture
from watchd.imaging.encode import encode
from watchd.imaging.segment import Segmenter
from watchd.store.places import Places
from watchd.store.receipts import Receipt
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.retry import ENVIRONMENT_WAIT_S, judge

log = logging.getLogger(__name__)

_DEADLY = "in each of {} attempts the process ended, or took too long, while it worked on this file alone"

_ABOUT = {"Software": f"watchd {__version__}"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may ask for: pixels of the picture, bytes of the file, attempts of ours."""

    max_pixels: int
    max_bytes: int
    attempts: int


class Processor:
    """Any thread, any number at once. `places` by watch folder, `segmenters` by model."""

    def __init__(
        self,
        *,
        places: Mapping[str, Places],
        attempts: Attempts,
        open_picture: OpenPicture,
        segmenters: Mapping[str, Segmenter],
        budget: PixelBudget,
        limits: Limits,
        announce: Listener,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._attempts = attempts
        self._open_picture = open_picture
        self._segmenters = segmenters
        self._budget = budget
        self._limits = limits
        self._announce = announce
        self._clock = clock

    def handle(self, job: Job) -> None:
        """Takes the job to exactly one outcome; never raises for what is one file's trouble."""
        began = self._clock()
        self._announce(JobBegun(job))
        claims = self._places[job.folder.name].claims
        try:
            with self._attempts.begin(job) as receipt:
                outcome = self._attempt(job, receipt)
        except ClaimLost as error:
            outcome = Skipped(str(error))
        except OSError as error:  # the disk under the receipts themselves
            outcome = Deferred(f"no receipt can be written: {error}", ENVIRONMENT_WAIT_S)
        try:
            claims.release(job.source.key, job.token)
        except OSError as error:
            log.warning("claim not released", extra={"path": job.source.relative, "reason": str(error)})
        self._announce(JobEnded(job, outcome, self._clock() - began))

    def process(self, job: Job, receipt: Receipt) -> Delivered:
        """The line itself: from the settled file to the cutout in the outbox and the original retired."""
        places = self._places[job.folder.name]
        profile = job.folder.profile
        self._check(job)
        with places.inbox.open(job.source) as file:
            name, inputs = job.source.relative, profile.inputs
            header = self._open_picture(file, name, self._limits.max_pixels, inputs)
            needed = header.peak_bytes + job.source.stamp.size
            with self._budget.reserve(needed, self._attempts.waiting(job)):
                data, notes = self._cut_out(header, profile)
        places.inbox.confirm(job.source)
        receipt = places.outbox.deliver(
            receipt,
            f".{profile.format}",
            data,
            intend=lambda name, digest: places.receipts.intend(receipt, name, digest),
            confirm=lambda: self._must_hold(job),
        )
        places.inbox.retire(job.source, job.token)
        return Delivered(receipt.output, profile.model, notes)

    def _cut_out(self, header: Opened, profile: Profile) -> tuple[bytes, tuple[str, ...]]:
        """The bytes of the cutout, and notes; what it took in memory is gone when it returns."""
        picture = header.load()
        mask = self._segmenters[profile.model](picture.seen())
        return encode(compose(picture, mask), picture.icc, picture.dpi, _ABOUT), picture.notes

    def _attempt(self, job: Job, receipt: Receipt) -> Outcome:
        """One attempt, from what may go wrong in it to its receipt."""
        places = self._places[job.folder.name]
        try:
            if receipt.attempts > self._limits.attempts:
                outcome: Outcome = Failed(_DEADLY.format(receipt.attempts - 1), final=True)
            else:
                outcome = self.process(job, receipt)
        except Exception as error:  # noqa: BLE001 - whatever one file does, the daemon lives
            outcome = judge(error, receipt.attempts, self._limits.attempts)
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
        if not self._places[job.folder.name].claims.holds(job.source.key, job.token):
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
        facts = {"outcome": word(outcome), "attempts": receipt.attempts, "model": job.folder.profile.model}
        try:
            self._places[job.folder.name].failed.take(job.source, report | facts | {"at": _now()}, job.token)
        except (OSError, JobError) as error:
            return judge(error, receipt.attempts, self._limits.attempts + 1)
        return outcome

    def _check(self, job: Job) -> None:
        """What is rejected without a look inside."""
        name, size, limit = job.source.relative, job.source.stamp.size, self._limits.max_bytes
        if job.fault:
            raise RejectedImage(f"{name}: {job.fault}", "Copy the file into the inbox again, whole.")
        if size > limit:
            reason = f"{name}: {size} bytes exceed the limit of {limit} (limits.max_bytes)"
            raise RejectedImage(reason, "Raise limits.max_bytes, or make the file smaller.")


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
