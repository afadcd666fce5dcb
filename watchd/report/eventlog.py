"""Each event as one line of the log."""

import logging
from collections.abc import Sequence
from typing import assert_never

from watchd.domain.events import (
    BatchDelivered,
    ConfigAdopted,
    ConfigRefused,
    Event,
    FileWaits,
    FolderAdded,
    FolderPaused,
    FolderRemoved,
    FolderResumed,
    HookEnded,
    JobBegun,
    JobEnded,
    StateChanged,
    WorkersChanged,
)
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped, word
from watchd.domain.reuse import Reuse, Tier

log = logging.getLogger(__name__)

_OF_FOLDERS = {
    FolderAdded: "folder added",
    FolderRemoved: "folder removed",
    FolderResumed: "folder resumed",
}


def log_event(event: Event) -> None:
    """A listener. INFO: an outcome or a change of state; WARNING: someone should look; ERROR: our fault."""
    match event:
        case JobBegun(job):
            _line(logging.DEBUG, "begun", job=job.id, path=job.source.relative, folder=job.folder.name)
        case JobEnded(job, outcome, seconds, stages):
            _line(
                _level(outcome),
                word(outcome),
                job=job.id,
                path=job.source.relative,
                folder=job.folder.name,
                seconds=round(seconds, 3),
                stages={stage.value: round(took, 3) for stage, took in stages.items()},
                **_details(outcome),
            )
        case BatchDelivered(folder, source, output, cutouts):
            facts = {"path": source, "folder": folder.name, "output": output, "cutouts": cutouts}
            _line(logging.INFO, "batch delivered", **facts)
        case StateChanged(state):
            _line(logging.INFO, "state changed", state=state)
        case ConfigAdopted(live, restart):
            _adopted(live, restart)
        case ConfigRefused(reason):
            _line(logging.ERROR, "configuration not reloaded, the old one stays", reason=reason)
        case FolderAdded(folder) | FolderRemoved(folder) | FolderResumed(folder):
            _line(logging.INFO, _OF_FOLDERS[type(event)], folder=folder)
        case FolderPaused(folder, reason, asked):
            level = logging.INFO if asked else logging.WARNING
            _line(level, "folder paused", folder=folder, reason=reason)
        case WorkersChanged(workers, planned, reason):
            _line(logging.INFO, "workers changed", workers=workers, planned=planned, reason=reason)
        case FileWaits(folder, relative, reason):
            _line(logging.WARNING, "file waits", path=relative, folder=folder, reason=reason)
        case HookEnded():
            pass  # whoever told it has said why
        case _:
            assert_never(event)


def _adopted(live: Sequence[str], restart: Sequence[str]) -> None:
    _line(logging.INFO, "configuration reloaded", changed=", ".join(live) or "nothing")
    if restart:
        _line(logging.WARNING, "needs a restart to change", keys=", ".join(restart))


def _level(outcome: Outcome) -> int:
    match outcome:
        case Delivered() | Skipped() | Deferred():
            return logging.INFO
        case Rejected():
            return logging.WARNING
        case Failed():
            return logging.ERROR
        case _:
            assert_never(outcome)


def _details(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Delivered(output, model, notes, reuse):
            return {"output": output, "model": model, "notes": "; ".join(notes), **_cache(reuse)}
        case Skipped(reason):
            return {"reason": reason}
        case Deferred(reason, retry_after_s):
            return {"reason": reason, "retry_after_s": retry_after_s}
        case Rejected(reason, advice):
            return {"reason": reason, "advice": advice}
        case Failed(reason, traceback, final, retry_after_s):
            again = {} if final else {"retry_after_s": retry_after_s}
            return {"reason": reason, "final": final, **again, "traceback": traceback}
        case _:
            assert_never(outcome)


def _cache(reuse: Reuse) -> dict[str, object]:
    likeness = {"d": reuse.distance, "edge": reuse.edge} if reuse.tier is Tier.PERCEPTUAL else {}
    return {} if reuse.tier is Tier.OFF else {"cache": str(reuse.tier), **likeness, "entry": reuse.entry}


def _line(level: int, message: str, **fields: object) -> None:
    log.log(level, message, extra={key: value for key, value in fields.items() if value not in ("", {})})
