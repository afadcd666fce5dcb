"""Each event as one line of the log."""

import logging
from pathlib import Path

import pytest

from watchd.domain.events import (
    BatchDelivered,
    ConfigAdopted,
    ConfigRefused,
    FileWaits,
    FolderAdded,
    FolderPaused,
    FolderRemoved,
    FolderResumed,
    HookEnded,
    JobBegun,
    StateChanged,
    WorkersChanged,
)
from watchd.domain.hook import Told
from watchd.domain.outcome import Deferred, Delivered, Failed, Rejected, Skipped
from watchd.domain.profile import WatchFolder
from watchd.domain.stages import Stage
from watchd.report.eventlog import log_event


@pytest.fixture(autouse=True)
def _everything_is_heard(caplog):
    caplog.set_level(logging.DEBUG)


def fields(record: logging.LogRecord) -> dict[str, object]:
    own = {*vars(logging.makeLogRecord({})), "message"}
    return {key: value for key, value in vars(record).items() if key not in own}


def test_a_delivery_is_one_info_line_with_job_path_folder_seconds_and_output(caplog, ended):
    event = ended(Delivered("a.png", "builtin", ("first frame only", "no profile")), "x/a.jpg", 0.12345)

    log_event(event)

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.INFO, "delivered")
    assert fields(record) == {
        "job": event.job.id,
        "path": "x/a.jpg",
        "folder": "photos",
        "seconds": 0.123,
        "output": "a.png",
        "model": "builtin",
        "notes": "first frame only; no profile",
    }


def test_the_end_of_a_job_tells_how_long_its_stages_took(caplog, ended):
    log_event(ended(Delivered("a.png"), stages={Stage.DECODE: 0.01234, Stage.INFER: 0.5}))

    assert fields(caplog.records[0])["stages"] == {"decode": 0.012, "infer": 0.5}


@pytest.mark.parametrize(
    ("outcome", "level", "message"),
    [
        (Skipped("gone"), logging.INFO, "skipped"),
        (Deferred("disk full", 30.0), logging.INFO, "deferred"),
        (Rejected("truncated", "copy it again"), logging.WARNING, "rejected"),
        (Failed("ValueError: boom", "Traceback"), logging.ERROR, "failed"),
    ],
)
def test_each_other_outcome_is_one_line_of_its_level_with_the_reason(caplog, ended, outcome, level, message):
    log_event(ended(outcome))

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (level, message)
    assert fields(record)["reason"] == outcome.reason


def test_a_failure_brings_its_traceback_and_a_rejection_its_advice(caplog, ended):
    log_event(ended(Failed("boom", "Traceback: boom", final=True)))
    log_event(ended(Rejected("truncated", "copy it again")))

    failed, rejected = map(fields, caplog.records)
    assert failed["traceback"] == "Traceback: boom"
    assert failed["final"] is True
    assert "retry_after_s" not in failed
    assert rejected["advice"] == "copy it again"


def test_a_failure_that_is_not_final_tells_when_it_is_tried_again(caplog, ended):
    log_event(ended(Failed("boom", retry_after_s=30.0)))

    assert fields(caplog.records[0])["retry_after_s"] == 30.0


@pytest.mark.parametrize(
    ("event", "level", "message", "expected"),
    [
        (StateChanged("running"), logging.INFO, "state changed", {"state": "running"}),
        (
            FolderPaused("p", "PAUSE", asked=True),
            logging.INFO,
            "folder paused",
            {"folder": "p", "reason": "PAUSE"},
        ),
        (FolderPaused("p", "full"), logging.WARNING, "folder paused", {"folder": "p", "reason": "full"}),
        (
            BatchDelivered(WatchFolder("p", *[Path("/p")] * 5), "shoot", "shoot-2", 24),
            logging.INFO,
            "batch delivered",
            {"folder": "p", "path": "shoot", "output": "shoot-2", "cutouts": 24},
        ),
        (FolderResumed("p"), logging.INFO, "folder resumed", {"folder": "p"}),
        (FolderAdded("p"), logging.INFO, "folder added", {"folder": "p"}),
        (FolderRemoved("p"), logging.INFO, "folder removed", {"folder": "p"}),
        (ConfigAdopted((), ()), logging.INFO, "configuration reloaded", {"changed": "nothing"}),
        (
            ConfigRefused("c.yaml:2: log: wrong"),
            logging.ERROR,
            "configuration not reloaded, the old one stays",
            {"reason": "c.yaml:2: log: wrong"},
        ),
        (
            FileWaits("p", "a.jpg", "grows"),
            logging.WARNING,
            "file waits",
            {"path": "a.jpg", "folder": "p", "reason": "grows"},
        ),
    ],
)
def test_every_other_event_is_one_line(caplog, event, level, message, expected):
    log_event(event)

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (level, message)
    assert fields(record) == expected


def test_the_begin_of_a_job_is_for_debugging_only(caplog, ended):
    log_event(JobBegun(ended(Skipped("")).job))

    assert [record.levelno for record in caplog.records] == [logging.DEBUG]


def test_what_needs_a_restart_is_a_warning_beside_what_has_changed(caplog):
    log_event(ConfigAdopted(("log.level", "watch.p"), ("lease",)))

    changed, restart = caplog.records
    assert fields(changed) == {"changed": "log.level, watch.p"}
    assert (restart.levelno, restart.getMessage()) == (logging.WARNING, "needs a restart to change")
    assert fields(restart) == {"keys": "lease"}


def test_another_number_of_workers_is_one_info_line_with_its_reason(caplog):
    log_event(WorkersChanged(1, 2, "others need the CPU"))

    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.INFO, "workers changed")
    assert fields(record) == {"workers": 1, "planned": 2, "reason": "others need the CPU"}


def test_what_came_of_a_hook_is_logged_by_whoever_told_it(caplog):
    log_event(HookEnded("p", Told.FAILED))

    assert caplog.records == []
