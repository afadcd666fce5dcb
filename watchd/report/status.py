"""What a daemon tells of itself, and whether the one that told it still lives."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from watchd.process import started_ticks


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file that ended badly."""

    time: datetime
    folder: str
    path: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recent:
    """A job that ended lately; `cache` says where its cutout came from, if it has one."""

    time: datetime
    folder: str
    path: str
    outcome: str
    seconds: float
    cache: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """One moment of a daemon. `folders` has the reason for which each is paused, or nothing; `cache` has the
    number of cutouts by where their mask came from, `stages` the mean seconds of each over the last jobs;
    `config_error` is why the config file that was read again is not followed; `stuck` names the threads that
    do not get on, `asked` the folders that are paused because somebody wants it; `workers_reason` is why
    fewer workers are at work than planned.

    `started_ticks` tells the process from a later one of the same pid; it counts from the boot, so no
    change of the clock disturbs it.
    """

    state: str
    pid: int
    started_ticks: int
    host: str
    since: datetime
    updated: datetime
    model: str
    workers: int
    folders: Mapping[str, str]
    queue_depth: int = 0
    in_flight: int = 0
    images_per_second: float = 0.0
    counts: Mapping[str, int] = field(default_factory=dict)
    cache: Mapping[str, int] = field(default_factory=dict)
    stages: Mapping[str, float] = field(default_factory=dict)
    recent: tuple[Recent, ...] = ()
    errors: tuple[Trouble, ...] = ()
    config_error: str = ""
    stuck: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    planned_workers: int = 0
    workers_reason: str = ""


def is_stale(
    status: Status,
    host: Callable[[], str] = socket.gethostname,
    started: Callable[[int], int | None] = started_ticks,
) -> bool | None:
    """Whether the process is gone without having said so; None on another host, where nobody can tell."""
    if status.state == "stopped":
        return False
    if status.host != host():
        return None
    return started(status.pid) != status.started_ticks
