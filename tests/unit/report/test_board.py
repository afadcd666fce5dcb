"""Events counted into a status."""

import os
import threading
from datetime import UTC, datetime, timedelta

import pytest

from watchd.domain.events import (
    ConfigAdopted,
    ConfigRefused,
    FolderAdded,
    FolderPaused,
    FolderRemoved,
    FolderResumed,
    JobBegun,
    StateChanged,
    WorkersChanged,
)
from watchd.domain.outcome import Deferred, Delivered, Failed, Rejected, Skipped
from watchd.domain.reuse import Reuse, Tier
from watchd.domain.stages import Stage
from watchd.report.board import StatusBoard
from watchd.report.status import Recent, Trouble, is_stale

START = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def board(clock):
    board = StatusBoard(
        queue_depth=lambda: 7,
        clock=clock,
        now=lambda: START + timedelta(seconds=clock() - 1000),
    )
    board.model = "builtin"
    board(WorkersChanged(4, 4))
    for name in ("photos", "scans"):
        board(FolderAdded(name))
    return board


def test_a_new_board_tells_who_and_since_when_and_that_nothing_is_done(board):
    status = board.snapshot()

    assert (status.state, status.pid, status.model, status.workers) == ("starting", os.getpid(), "builtin", 4)
    assert (status.since, status.queue_depth, status.in_flight) == (START, 7, 0)
    assert (status.counts, status.errors) == ({}, ())
    assert status.folders == {"photos": "", "scans": ""}


def test_pause_that_somebody_asked_for_is_told_apart_until_it_ends(board):
    board(FolderPaused("scans", "PAUSE is there", asked=True))
    assert board.snapshot().asked == ("scans",)

    board(FolderPaused("scans", "the disk is full"))

    assert board.snapshot().asked == ()
    assert board.snapshot().folders == {"photos": "", "scans": "the disk is full"}


def test_threads_that_do_not_get_on_are_named():
    stuck = []
    board = StatusBoard(queue_depth=lambda: 0, stuck=lambda: stuck)

    stuck.append("feeder")

    assert board.snapshot().stuck == ("feeder",)


def test_the_process_that_writes_a_status_is_alive(board):
    assert is_stale(board.snapshot()) is False


def test_a_job_is_in_flight_from_its_begin_to_its_end(board, ended):
    one, other = ended(Skipped("gone"), "a.jpg"), ended(Skipped("gone"), "b.jpg")

    board(JobBegun(one.job))
    board(JobBegun(other.job))
    assert board.snapshot().in_flight == 2
    board(one)
    assert board.snapshot().in_flight == 1


def test_outcomes_are_counted_by_their_word(board, ended):
    for outcome in (Delivered("a"), Delivered("b"), Skipped("gone"), Deferred("full", 1.0), Rejected("bad")):
        board(ended(outcome))

    assert board.snapshot().counts == {"delivered": 2, "skipped": 1, "deferred": 1, "rejected": 1}


def test_a_file_that_ended_badly_is_told_with_time_path_and_reason(board, clock, ended):
    clock.advance(60)
    board(ended(Rejected("truncated"), "x/caf\udce9.jpg"))

    assert board.snapshot().errors == (
        Trouble(START + timedelta(minutes=1), "photos", "x/caf\\xe9.jpg", "rejected", "truncated"),
    )


def test_the_last_twenty_errors_are_kept(board, ended):
    for number in range(25):
        board(ended(Failed(f"error {number}"), f"{number}.jpg"))

    reasons = [error.reason for error in board.snapshot().errors]
    assert reasons == [f"error {number}" for number in range(5, 25)]


def test_a_folder_is_paused_with_its_reason_until_it_resumes(board):
    board(FolderPaused("scans", "disk full"))
    assert board.snapshot().folders == {"photos": "", "scans": "disk full"}

    board(FolderResumed("scans"))
    assert board.snapshot().folders == {"photos": "", "scans": ""}


def test_the_state_is_the_last_one_announced(board):
    board(StateChanged("running"))
    board(StateChanged("draining"))

    assert board.snapshot().state == "draining"


def test_the_rate_is_over_the_last_minute_and_falls_to_nothing(board, clock, ended):
    clock.advance(300)
    for _ in range(30):
        board(ended(Delivered("a.png")))
    assert board.snapshot().images_per_second == 0.5

    clock.advance(61)
    assert board.snapshot().images_per_second == 0.0


def test_the_rate_of_a_young_daemon_is_over_its_life(board, clock, ended):
    clock.advance(10)
    for _ in range(30):
        board(ended(Delivered("a.png")))

    assert board.snapshot().images_per_second == 3.0


def test_the_last_outcomes_are_told_with_where_they_came_from(board, ended):
    for number in range(11):
        board(ended(Skipped("gone"), f"{number}.jpg"))
    board(ended(Delivered("a.png", reuse=Reuse(Tier.EXACT)), "caf\udce9.jpg", 0.12345))

    recent = board.snapshot().recent
    assert len(recent) == 10
    assert recent[0].path == "2.jpg"
    assert recent[-1] == Recent(START, "photos", "caf\\xe9.jpg", "delivered", 0.123, "exact")


def test_stages_are_the_mean_of_the_jobs_that_came_to_them(board, ended):
    board(ended(Delivered("a.png"), stages={Stage.DECODE: 0.1, Stage.INFER: 0.5}))
    board(ended(Delivered("b.png"), stages={Stage.DECODE: 0.3}))
    board(ended(Skipped("gone")))

    assert board.snapshot().stages == {"decode": 0.2, "infer": 0.5}


def test_stages_of_long_ago_do_not_count(board, ended):
    board(ended(Delivered("a.png"), stages={Stage.INFER: 1000.0}))
    for _ in range(100):
        board(ended(Delivered("b.png"), stages={Stage.INFER: 0.5}))

    assert board.snapshot().stages == {"infer": 0.5}


def test_a_snapshot_does_not_change_afterwards(board, ended):
    before = board.snapshot()

    board(ended(Rejected("bad")))
    board(FolderPaused("photos", "gone"))

    assert (before.counts, before.errors, before.folders["photos"]) == ({}, (), "")


def test_many_threads_may_tell_at_once(board, ended):
    event = ended(Skipped("gone"))
    threads = [threading.Thread(target=lambda: [board(event) for _ in range(500)]) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert board.snapshot().counts == {"skipped": 2000}


def test_folders_come_and_go(board):
    board(FolderPaused("scans", "the disk is full"))
    board(FolderRemoved("scans"))
    gone = board.snapshot().folders
    board(FolderAdded("scans"))

    assert gone == {"photos": ""}
    assert board.snapshot().folders == {"photos": "", "scans": ""}


def test_configuration_that_was_refused_is_told_until_one_is_adopted(board):
    board(ConfigRefused("cache.ttl is wrong"))
    refused = board.snapshot().config_error
    board(ConfigAdopted(("cache.ttl",), ()))

    assert refused == "cache.ttl is wrong"
    assert board.snapshot().config_error == ""


def test_pause_that_is_told_of_a_folder_just_removed_does_not_bring_it_back(board):
    board(FolderRemoved("scans"))
    board(FolderPaused("scans", "the disk is full"))
    board(FolderResumed("scans"))

    assert board.snapshot().folders == {"photos": ""}


def test_workers_that_do_not_work_are_told_with_the_reason_until_they_do(board):
    board(WorkersChanged(1, 4, "quiet hours"))
    less = board.snapshot()
    board(WorkersChanged(4, 4))
    all_of_them = board.snapshot()

    assert (less.workers, less.planned_workers, less.workers_reason) == (1, 4, "quiet hours")
    assert (all_of_them.workers, all_of_them.workers_reason) == (4, "")
