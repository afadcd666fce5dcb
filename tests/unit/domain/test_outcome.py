import pytest

from watchd.domain.errors import (
    ConfigError,
    ExitCode,
    FolderError,
    JobError,
    ModelError,
    RejectedImage,
    StartupError,
    WatchdError,
)
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped, word


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Delivered("a.png"), "delivered"),
        (Skipped("gone"), "skipped"),
        (Deferred("disk full", 5), "deferred"),
        (Rejected("text"), "rejected"),
        (Failed("bug"), "failed"),
    ],
)
def test_every_outcome_has_its_word(outcome: Outcome, expected: str) -> None:
    assert word(outcome) == expected


def test_traceback_does_not_flood_what_prints_an_outcome() -> None:
    assert "line 1" not in repr(Failed("bug", "Traceback … line 1"))


def test_startup_errors_carry_the_exit_codes_of_the_readme() -> None:
    codes = [int(kind.exit_code) for kind in (StartupError, ModelError, FolderError, ConfigError)]

    assert codes == [2, 69, 73, 78]
    assert (int(ExitCode.OK), int(ExitCode.SOME_FAILED)) == (0, 1)


def test_rejected_image_is_one_files_trouble_and_carries_its_advice() -> None:
    error = RejectedImage("too large", "make it smaller")

    assert isinstance(error, JobError)
    assert isinstance(error, WatchdError)
    assert (str(error), error.advice) == ("too large", "make it smaller")
