"""What is announced to listeners."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from watchd.domain.hook import Told
from watchd.domain.job import Job
from watchd.domain.outcome import Outcome
from watchd.domain.profile import WatchFolder
from watchd.domain.stages import Stage


@dataclass(frozen=True, slots=True)
class JobBegun:
    job: Job


@dataclass(frozen=True, slots=True)
class JobEnded:
    """`seconds` is how long a worker had it, `stages` how long each stage took that it came to."""

    job: Job
    outcome: Outcome
    seconds: float
    stages: Mapping[Stage, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchDelivered:
    """All cutouts of the folder `source` of the inbox are in the outbox, as the folder `output`."""

    folder: WatchFolder
    source: str
    output: str
    cutouts: int


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The daemon entered a state: starting, running, draining or stopped."""

    state: str


@dataclass(frozen=True, slots=True)
class ConfigAdopted:
    """Another configuration holds: these keys of it at once, those after a restart."""

    live: tuple[str, ...]
    restart: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfigRefused:
    """The configuration was read again and is wrong, so the old one stays."""

    reason: str


@dataclass(frozen=True, slots=True)
class FolderAdded:
    """It is watched from now on."""

    folder: str


@dataclass(frozen=True, slots=True)
class FolderRemoved:
    """It is not watched any more; what has begun there goes on to its end."""

    folder: str


@dataclass(frozen=True, slots=True)
class FolderPaused:
    """`asked` says that somebody wants it so, and that nothing is wrong."""

    folder: str
    reason: str
    asked: bool = False


@dataclass(frozen=True, slots=True)
class FolderResumed:
    folder: str


@dataclass(frozen=True, slots=True)
class WorkersChanged:
    """So many of the planned ones are at work from now on; `reason` is why not all, "" if all are."""

    workers: int
    planned: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FileWaits:
    """A file does not come to rest, or was refused for now; someone may want to look."""

    folder: str
    relative: str
    reason: str


@dataclass(frozen=True, slots=True)
class HookEnded:
    """An event was for a hook of that watch folder, and this came of it."""

    folder: str
    told: Told


Event = (
    JobBegun
    | JobEnded
    | BatchDelivered
    | StateChanged
    | ConfigAdopted
    | ConfigRefused
    | FolderAdded
    | FolderRemoved
    | FolderPaused
    | FolderResumed
    | WorkersChanged
    | FileWaits
    | HookEnded
)
