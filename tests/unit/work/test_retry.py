import errno
import os

import pytest
from PIL import UnidentifiedImageError

from watchd.domain.errors import ClaimLost, RejectedImage, SourceChanged, SourceGone, TryAgain
from watchd.domain.outcome import Deferred, Failed, Rejected, Skipped
from watchd.work.retry import ENVIRONMENT_WAIT_S, backoff_s, judge


def test_rejected_image_is_rejected_with_its_advice_on_the_first_attempt() -> None:
    assert judge(RejectedImage("too large", "make it smaller"), 1, 3) == Rejected(
        "too large", "make it smaller"
    )


@pytest.mark.parametrize("kind", [SourceGone, SourceChanged, ClaimLost])
def test_source_that_is_no_longer_ours_to_work_on_is_skipped(kind: type[Exception]) -> None:
    assert judge(kind("gone"), 3, 3) == Skipped("gone")


@pytest.mark.parametrize(
    "code",
    [
        errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOENT,
        errno.EACCES, errno.EPERM, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.ENOTCONN, errno.EMFILE,
        errno.ENFILE, errno.ENOMEM, errno.EBUSY, errno.EEXIST, errno.EFBIG, errno.EXDEV, errno.ENODEV,
    ],
)  # fmt: skip
@pytest.mark.parametrize("attempt", [1, 3, 99])
def test_trouble_of_the_surroundings_is_deferred_however_often_it_comes(code: int, attempt: int) -> None:
    outcome = judge(OSError(code, os.strerror(code), "a.png"), attempt, 3)

    assert outcome == Deferred(f"{os.strerror(code)} (a.png)", ENVIRONMENT_WAIT_S)


@pytest.mark.parametrize("error", [TryAgain("every name is taken"), MemoryError()])
def test_shortage_is_deferred(error: Exception) -> None:
    outcome = judge(error, 3, 3)

    assert isinstance(outcome, Deferred)
    assert outcome.reason
    assert outcome.retry_after_s == ENVIRONMENT_WAIT_S


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bug"),
        AssertionError(),
        KeyError("model"),
        ArithmeticError("no number"),
        RecursionError("deep"),
        OSError(errno.ENAMETOOLONG, "File name too long"),
        OSError(errno.EINVAL, "Invalid argument"),
        OSError(errno.ELOOP, "Too many levels"),
        OSError("image file is truncated"),
        UnidentifiedImageError("cannot identify image file"),
    ],
)
def test_everything_else_is_our_fault_and_ends_with_the_last_attempt(error: Exception) -> None:
    first, last = judge(error, 1, 3), judge(error, 3, 3)

    assert isinstance(first, Failed)
    assert isinstance(last, Failed)
    assert (first.final, last.final) == (False, True)
    assert first.retry_after_s > 0
    assert type(error).__name__ in first.reason


def test_failure_carries_its_traceback() -> None:
    try:
        raise ValueError("bug") from KeyError("cause")
    except ValueError as error:
        outcome = judge(error, 1, 3)

    assert isinstance(outcome, Failed)
    assert "test_retry.py" in outcome.traceback
    assert "cause" in outcome.traceback


def test_pauses_double_up_to_ten_minutes() -> None:
    assert [backoff_s(attempt) for attempt in (1, 2, 3, 6, 7, 8, 50)] == [10, 20, 40, 320, 600, 600, 600]
