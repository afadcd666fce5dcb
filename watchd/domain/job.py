"""What is to be done: a settled file, claimed, with its profile and the attempt it is on."""

import hashlib
import os
from dataclasses import dataclass
from typing import NewType

from watchd.domain.profile import Profile, WatchFolder

JobId = NewType("JobId", str)


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a stat says of a file's content: two equal stamps mean that nobody wrote in between."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "Stamp":
        return cls(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A settled file: its path below the inbox, and what it looked like when it had come to rest.

    Undecodable bytes of a name stand in `relative` as surrogates, as `os.fsdecode` leaves them.
    """

    relative: str
    stamp: Stamp

    @property
    def key(self) -> str:
        return source_key(self.relative)


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a file was first sighted, and since when it might have been taken; by the monotonic clock."""

    sighted: float = 0.0
    settled: float = 0.0


UNTIMED = Arrival()
"""Of a job that nobody has waited for."""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed settled file with its profile, which it keeps. `token` is the claim that holds it."""

    id: JobId
    folder: WatchFolder
    source: SourceFile
    token: str
    fault: str = ""  # why it is to be rejected without a look inside: it will never be whole
    arrival: Arrival = UNTIMED
    rule: Profile | None = None  # what a rule in the inbox has made of the folder's own

    @property
    def profile(self) -> Profile:
        return self.rule or self.folder.profile


def source_key(relative: str) -> str:
    """32 hex digits that name a source inside its watch folder: in receipts, claims and the log."""
    return hashlib.sha256(os.fsencode(relative)).hexdigest()[:32]
