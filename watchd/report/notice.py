"""What is told of an event: what anybody may know, and what stays in the house."""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from watchd.domain.events import BatchDelivered, JobEnded
from watchd.domain.job import Job
from watchd.domain.outcome import Delivered, Failed, Outcome, Rejected, word
from watchd.domain.profile import After, WatchFolder
from watchd.domain.reuse import Tier
from watchd.report.batches import Batch
from watchd.report.escape import escape, without_surrogates

_LONGEST_REASON = 2000


class Occasion(StrEnum):
    """What somebody may ask to be told of."""

    DELIVERED = "delivered"
    FAILED = "failed"
    BATCH_DONE = "batch_done"


@dataclass(frozen=True, slots=True)
class Notice:
    """`id` is the same whenever the same thing is told again. `facts` names files by their path below
    the inbox or the outbox; `details` has full paths, the exact reason, and the trace.
    """

    id: str
    occasion: Occasion
    folder: str
    time: str
    facts: Mapping[str, object]
    details: Mapping[str, str]

    def body(self, *, details: bool) -> bytes:
        """As JSON, in ASCII."""
        told = self._head() | dict(self.facts) | ({"details": dict(self.details)} if details else {})
        return json.dumps({key: _encodable(value) for key, value in told.items()}).encode("ascii")

    def environ(self) -> dict[str, str]:
        """As variables of a program: full paths, and no trace, which may be longer than one may be."""
        told = self._head() | dict(self.facts) | dict(self.details)
        return {
            f"WATCHD_{key}".upper(): str(value)
            for key, value in told.items()
            if key not in {"traceback", "notes"}
        }

    def _head(self) -> dict[str, object]:
        return {"id": self.id, "event": str(self.occasion), "time": self.time, "folder": self.folder}


def of_job(event: JobEnded, now: datetime) -> Notice | None:
    """None for an outcome of which nobody is told: the file is still to come, or was none of ours, or its
    cutout is still out of sight, in a batch.
    """
    job, outcome = event.job, event.outcome
    facts: dict[str, object] = {"source": job.source.relative, "seconds": round(event.seconds, 3)}
    details = {"source": _path(job.folder.inbox, job.source.relative)}
    match outcome:
        case Delivered() if not job.folder.batch_of(job.source.relative):
            occasion = Occasion.DELIVERED
            facts |= _delivered(outcome)
            details["output"] = _path(job.folder.outbox, outcome.output)
        case Rejected(reason, advice):
            occasion = Occasion.FAILED
            facts |= {"outcome": word(outcome), "reason": _short(reason), "advice": _short(advice)}
        case Failed(reason, trace, final=True):
            occasion = Occasion.FAILED
            facts |= {"outcome": word(outcome), "reason": "an error inside watchd"}
            details |= {"reason": _short(reason), "traceback": trace}
        case _:
            return None
    details |= _original(job.folder, outcome)
    return Notice(_id(job, occasion), occasion, job.folder.name, _time(now), facts, details)


def of_folder(event: BatchDelivered, now: datetime) -> Notice:
    """Of a batch that has come to the outbox whole, as a folder."""
    facts = {"source": event.source, "output": event.output, "cutouts": event.cutouts}
    details = {
        "source": _path(event.folder.inbox, event.source),
        "output": _path(event.folder.outbox, event.output),
    }
    identity = f"{secrets.token_hex(8)}-{Occasion.DELIVERED}"
    return Notice(identity, Occasion.DELIVERED, event.folder.name, _time(now), facts, details)


def of_batch(batch: Batch, now: datetime) -> Notice:
    facts = {"delivered": batch.delivered, "failed": batch.failed, "seconds": round(batch.seconds, 3)}
    details = {key: str(path) for key, path in batch.folder.places().items() if key in _SHOWN}
    identity = f"{secrets.token_hex(8)}-{Occasion.BATCH_DONE}"
    return Notice(identity, Occasion.BATCH_DONE, batch.folder.name, _time(now), facts, details)


def sample(folder: WatchFolder, occasion: Occasion, now: datetime) -> Notice:
    """What is sent to try a hook: `test` says that nothing of it is true."""
    facts: dict[str, object] = {"test": True}
    if occasion is Occasion.BATCH_DONE:
        facts |= {"delivered": 1, "failed": 0, "seconds": 1.0}
        details = {key: str(path) for key, path in folder.places().items() if key in _SHOWN}
    else:
        facts |= {"source": "sample.jpg", "output": "sample.png", "seconds": 1.0}
        details = {
            "source": _path(folder.inbox, "sample.jpg"),
            "output": _path(folder.outbox, "sample.png"),
        }
    return Notice(f"{secrets.token_hex(8)}-test", occasion, folder.name, _time(now), facts, details)


_SHOWN = ("inbox", "outbox", "originals")


def _delivered(outcome: Delivered) -> dict[str, object]:
    # A model of one's own is named by its path.
    facts: dict[str, object] = {"output": outcome.output, "model": os.path.basename(outcome.model)}
    if outcome.reuse.tier is not Tier.OFF:
        facts["cache"] = str(outcome.reuse.tier)
    return facts | {"notes": list(outcome.notes)}


def _original(folder: WatchFolder, outcome: Outcome) -> dict[str, str]:
    match outcome:
        case Delivered(original=original) if original:
            kept = folder.originals
        case Rejected(original=original) | Failed(original=original) if original:
            kept = folder.failed
        case _:
            return {}
    return {"original": _path(folder.inbox if folder.after is After.KEEP else kept, original)}


def _id(job: Job, occasion: Occasion) -> str:
    """The id of the job, and something of the file itself: dropped again, it is another event."""
    digest = hashlib.sha256(repr((job.folder.name, job.source)).encode()).hexdigest()
    return f"{job.id}-{digest[:16]}-{occasion}"


def _path(place: Path, relative: str) -> str:
    return os.path.join(place, relative)


def _short(text: str) -> str:
    return escape(text[:_LONGEST_REASON])


def _time(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encodable(value: object) -> object:
    match value:
        case str():
            return without_surrogates(value)
        case dict():
            return {key: _encodable(each) for key, each in value.items()}
        case list():
            return [_encodable(each) for each in value]
        case _:
            return value
