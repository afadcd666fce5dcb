"""Which error is worth another attempt, and when: a pure function from an error to an outcome."""

import errno
import traceback

from watchd.domain.errors import ClaimLost, RejectedImage, SourceChanged, SourceGone, TryAgain
from watchd.domain.outcome import Deferred, Failed, Outcome, Rejected, Skipped

ENVIRONMENT_WAIT_S = 5.0
_FIRST_RETRY_S = 10.0
_LONGEST_RETRY_S = 600.0

# Errors of the call and not of the disk: this very path is the trouble, and would be on any day.
_OUR_OWN = frozenset(
    {errno.EINVAL, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EBADF}
)


def judge(error: Exception, attempt: int, attempts: int) -> Outcome:
    """What became of attempt number `attempt` (from 1) of at most `attempts`, which ended in `error`."""
    match error:
        case RejectedImage():
            return Rejected(str(error), error.advice)
        case SourceGone() | SourceChanged() | ClaimLost():
            return Skipped(str(error))
        case TryAgain():
            return Deferred(str(error), ENVIRONMENT_WAIT_S)
        case MemoryError():
            return Deferred("memory is short", ENVIRONMENT_WAIT_S)
        case OSError() if error.errno is not None and error.errno not in _OUR_OWN:
            return Deferred(_explain(error), ENVIRONMENT_WAIT_S)
        case _:
            text = "".join(traceback.format_exception(error))
            final = attempt >= attempts
            wait_s = 0.0 if final else backoff_s(attempt)
            return Failed(f"{type(error).__name__}: {error}", text, final, wait_s)


def backoff_s(attempt: int) -> float:
    """10 s after the first attempt, twice as long after each further one, ten minutes at most."""
    return float(min(_FIRST_RETRY_S * 2 ** (attempt - 1), _LONGEST_RETRY_S))


def _explain(error: OSError) -> str:
    what = error.strerror or str(error)
    return f"{what} ({error.filename})" if error.filename is not None else what
