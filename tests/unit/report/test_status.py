"""Whether the process behind a status still lives."""

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from watchd.report.status import Status, is_stale, started_ticks

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUNNING = Status("running", 4711, 99, "nas", NOON, NOON, "builtin", 4, {"photos": ""})


def test_this_process_began_at_some_tick_and_a_pid_that_cannot_be_did_not():
    assert started_ticks(os.getpid()) > 0
    assert started_ticks(2**22 + 1) is None


@pytest.mark.parametrize(
    ("host", "started", "stale"),
    [("nas", 99, False), ("nas", None, True), ("nas", 100, True), ("laptop", 99, None)],
    ids=["alive", "gone", "pid taken by another", "another host"],
)
def test_a_status_is_stale_if_its_process_is_gone_or_is_another(host, started, stale):
    assert is_stale(RUNNING, host=lambda: host, started=lambda pid: started) is stale


def test_a_daemon_that_said_it_stopped_is_not_stale():
    stopped = replace(RUNNING, state="stopped")

    assert is_stale(stopped, host=lambda: "nas", started=lambda pid: None) is False
