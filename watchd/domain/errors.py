"""The error tree: what ends the daemon, what ends one job, and what is worth another try."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process says when it ends; the numbers from 64 up are those of sysexits.h."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    MODEL_UNAVAILABLE = 69
    CRASHED = 70
    FOLDER_UNUSABLE = 73
    CONFIG = 78
    INTERRUPTED = 130


class WatchdError(Exception):
    """Everything that watchd raises on purpose."""


class StartupError(WatchdError):
    """The daemon cannot run: one line on stderr, an exit code, no traceback."""

    exit_code = ExitCode.USAGE


class ConfigError(StartupError):
    exit_code = ExitCode.CONFIG


class ModelError(StartupError):
    exit_code = ExitCode.MODEL_UNAVAILABLE


class FolderError(StartupError):
    exit_code = ExitCode.FOLDER_UNUSABLE


class JobError(WatchdError):
    """One file's trouble; never ends the daemon."""


class RejectedImage(JobError):
    """The file itself is the trouble, and stays so: it goes to failed/.

    `advice` tells the person who finds it there what to do.
    """

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


class SourceGone(JobError):
    """The file left the inbox before it was read; nothing is to be done."""


class SourceChanged(JobError):
    """The file changed while it was worked on; the next sighting decides."""


class ClaimLost(JobError):
    """Another daemon took the source over; whatever was made here is thrown away."""


class TryAgain(JobError):
    """The surroundings are the trouble (disk full, share away): costs the file no attempt."""


class HookFailed(WatchdError):
    """Somebody could not be told; costs no job. `output` is the end of what a program has said.

    `again` says whether another try may help, which is not to be made before `wait_s` are over; `late`,
    that the time was over.
    """

    def __init__(
        self,
        reason: str,
        *,
        output: str = "",
        again: bool = False,
        wait_s: float = 0.0,
        late: bool = False,
    ) -> None:
        super().__init__(reason)
        self.output = output
        self.late = late
        self.again = again
        self.wait_s = wait_s
