"""Files that show the status to other processes and people; status.json, which is read back."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from watchd.domain.errors import FolderError, WatchdError
from watchd.report.status import Recent, Status, Trouble

log = logging.getLogger(__name__)

Publish = Callable[[Path, bytes], None]
"""Makes a file appear whole under its name, in place of an older one."""


class StatusFile:
    """Rewrites the file when there is news, and only then: a disk at rest may go to sleep."""

    def __init__(
        self, path: Path, snapshot: Callable[[], Status], encode: Callable[[Status], bytes], publish: Publish
    ) -> None:
        self._path = path
        self._snapshot = snapshot
        self._encode = encode
        self._publish = publish
        self._written: Status | None = None
        self._failing = False

    def write_if_changed(self) -> None:
        """A disk that is full or gone is logged once and tried again at the next call."""
        self._write(self._snapshot())

    def write_last(self) -> None:
        """Of a folder that is watched no more, though the daemon lives."""
        self._write(replace(self._snapshot(), state="stopped"))

    def _write(self, status: Status) -> None:
        if self._written is not None and status == replace(self._written, updated=status.updated):
            return
        try:
            self._publish(self._path, self._encode(status))
        except (OSError, WatchdError) as error:
            if not self._failing:
                log.warning("status not written", extra={"path": self._path, "reason": str(error)})
            self._failing = True
            return
        self._written = status
        self._failing = False


def read_status(path: Path) -> Status | None:
    """None where no daemon has written one; FolderError if the file cannot be read as one."""
    try:
        return _decode(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise FolderError(f"{path}: cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise FolderError(f"{path}: not a status file of watchd; remove it") from error


def as_json(status: Status) -> bytes:
    return json.dumps(asdict(status), default=datetime.isoformat, indent=1).encode()


def _decode(data: Any) -> Status:
    """Everything is converted, for whoever may write to the share may write here."""
    return Status(
        state=str(data["state"]),
        pid=int(data["pid"]),
        started_ticks=int(data["started_ticks"]),
        host=str(data["host"]),
        since=_time(data["since"]),
        updated=_time(data["updated"]),
        model=str(data["model"]),
        workers=int(data["workers"]),
        queue_depth=int(data["queue_depth"]),
        in_flight=int(data["in_flight"]),
        images_per_second=float(data["images_per_second"]),
        counts={str(name): int(count) for name, count in data["counts"].items()},
        cache={str(name): int(count) for name, count in data.get("cache", {}).items()},
        folders={str(name): str(reason) for name, reason in data["folders"].items()},
        stages={str(name): float(seconds) for name, seconds in data.get("stages", {}).items()},
        recent=tuple(_recent(each) for each in data.get("recent", ())),
        config_error=str(data.get("config_error", "")),
        stuck=tuple(map(str, data.get("stuck", ()))),
        asked=tuple(map(str, data.get("asked", ()))),
        planned_workers=int(data.get("planned_workers", 0)),
        workers_reason=str(data.get("workers_reason", "")),
        errors=tuple(_trouble(each) for each in data["errors"]),
    )


def _recent(data: Any) -> Recent:
    return Recent(
        time=_time(data["time"]),
        folder=str(data["folder"]),
        path=str(data["path"]),
        outcome=str(data["outcome"]),
        seconds=float(data["seconds"]),
        cache=str(data["cache"]),
    )


def _trouble(data: Any) -> Trouble:
    return Trouble(
        time=_time(data["time"]),
        folder=str(data["folder"]),
        path=str(data["path"]),
        outcome=str(data["outcome"]),
        reason=str(data["reason"]),
    )


def _time(text: Any) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
