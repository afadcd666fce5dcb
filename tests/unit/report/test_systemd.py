"""Datagrams to a real socket, as systemd would hold it."""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import ManualClock
from systemds import Systemd, listening

from watchd.domain.events import (
    ConfigAdopted,
    ConfigRefused,
    FolderAdded,
    FolderPaused,
    JobEnded,
    StateChanged,
)
from watchd.domain.outcome import Delivered, Failed, Rejected, Skipped
from watchd.report.board import StatusBoard
from watchd.report.systemd import Patience, Supervision, notify

_WATCHDOG = {"WATCHDOG_USEC": "20000000"}


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with listening(tmp_path / "notify") as systemd:
        yield systemd


class Bench:
    """A supervision with a board; `event` tells both, as the daemon does."""

    def __init__(self, environ: Mapping[str, str], clock: ManualClock) -> None:
        self.clock = clock
        self.depth = 0
        self.hanging: list[str] = []
        self.board = StatusBoard(lambda: self.depth)
        self.board(FolderAdded("photos"))
        self.supervision = Supervision(
            environ,
            status=self.board.snapshot,
            hanging=lambda: self.hanging,
            drain_s=60.0,
            clock=clock,
        )

    def event(self, event: Any) -> None:
        self.board(event)
        self.supervision(event)

    def turn(self, seconds: float = 1.0) -> None:
        self.clock.advance(seconds)
        self.supervision.turn()


@pytest.fixture
def bench(systemd: Systemd, clock: ManualClock) -> Bench:
    return Bench(systemd.environ | _WATCHDOG, clock)


def test_message_is_one_datagram(systemd: Systemd) -> None:
    notify("READY=1\nSTATUS=Fürth", systemd.environ)

    assert systemd.messages == [{"READY": "1", "STATUS": "Fürth"}]


def test_abstract_socket_is_named_with_an_at_sign() -> None:
    with listening() as systemd:
        notify("READY=1", systemd.environ)

        assert systemd.messages == [{"READY": "1"}]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_nothing_happens_and_nothing_is_logged(
    environ: dict[str, str], clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    Bench(environ, clock).event(StateChanged("running"))

    assert caplog.records == []


def test_states_are_told_in_their_order(bench: Bench, systemd: Systemd) -> None:
    for state in ("starting", "running", "reloading", "running", "draining", "stopped"):
        bench.event(StateChanged(state))

    assert systemd.order() == ["READY", "RELOADING", "READY", "STOPPING"]
    assert [status.split(";")[0] for status in systemd.told("STATUS")] == [
        "starting",
        "running",
        "reloading",
        "running",
        "draining",
        "stopped",
    ]


def test_reload_bears_the_time_of_its_beginning(bench: Bench, systemd: Systemd) -> None:
    before = time.monotonic_ns() // 1000
    bench.event(StateChanged("reloading"))
    after = time.monotonic_ns() // 1000

    [message] = systemd.messages
    assert before <= int(message["MONOTONIC_USEC"]) <= after
    assert int(message["EXTEND_TIMEOUT_USEC"]) >= 60e6


def test_drain_gets_the_time_that_it_may_last(bench: Bench, systemd: Systemd) -> None:
    bench.event(StateChanged("draining"))

    [message] = systemd.messages
    assert int(message["EXTEND_TIMEOUT_USEC"]) > 60e6


def test_status_has_queue_done_and_failed_and_is_told_when_it_changes(
    bench: Bench, systemd: Systemd, ended: Any
) -> None:
    bench.event(StateChanged("running"))
    bench.depth = 3
    for outcome in (Delivered("a.png"), Delivered("b.png"), Rejected("no image"), Failed("bug"), Skipped("")):
        bench.event(ended(outcome))
    bench.turn()
    bench.turn()

    assert systemd.told("STATUS") == [
        "running; queue 0, in work 0; done 0, failed 0",
        "running; queue 3, in work 0; done 2, failed 2",
    ]


def test_paused_folder_is_in_the_status_and_no_name_can_forge_an_assignment(
    bench: Bench, systemd: Systemd
) -> None:
    bench.board(FolderAdded("p\nREADY=1"))
    bench.event(FolderPaused("p\nREADY=1", "disk full"))
    bench.turn()

    [status] = systemd.told("STATUS")
    assert status.endswith("; p\\nREADY=1 is paused: disk full")
    assert systemd.order() == []


def test_status_stays_within_what_systemd_reads(bench: Bench, systemd: Systemd) -> None:
    bench.event(FolderPaused("photos", "ü" * 5000))
    bench.turn()

    [status] = systemd.told("STATUS")
    assert len(f"STATUS={status}".encode()) < 4096


def test_single_jobs_are_no_news_for_systemd(bench: Bench, systemd: Systemd, ended: Any) -> None:
    event: JobEnded = ended(Delivered("a.png"))

    bench.event(event)

    assert systemd.messages == []


def test_watchdog_is_pinged_twice_within_its_time(bench: Bench, systemd: Systemd) -> None:
    for _ in range(21):
        bench.turn(1.0)

    assert systemd.told("WATCHDOG") == ["1", "1", "1"]


def test_reload_is_followed_by_a_ping_which_ends_the_time_that_it_got(bench: Bench, systemd: Systemd) -> None:
    bench.turn()
    for state in ("reloading", "running"):
        bench.event(StateChanged(state))
    bench.turn(0.0)

    assert systemd.told("WATCHDOG") == ["1", "1"]


def test_pings_end_while_somebody_hangs_which_is_said_once(
    bench: Bench, systemd: Systemd, caplog: pytest.LogCaptureFixture
) -> None:
    bench.turn()
    bench.hanging = ["feeder", "a worker"]
    for _ in range(5):
        bench.turn(10.0)
    while_hanging = systemd.told("WATCHDOG")
    bench.hanging = []
    bench.turn(10.0)

    assert while_hanging == ["1"]
    assert systemd.told("WATCHDOG") == ["1", "1"]
    assert "starting; no progress: feeder, a worker; queue" in systemd.told("STATUS")[-2]
    assert "no progress" not in systemd.told("STATUS")[-1]
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


@pytest.mark.parametrize(
    "watchdog",
    [
        {},
        {"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "soon"},
    ],
)
def test_no_watchdog_of_ours_is_not_pinged(
    systemd: Systemd, clock: ManualClock, watchdog: dict[str, str]
) -> None:
    Bench(systemd.environ | watchdog, clock).turn()

    assert systemd.told("WATCHDOG") == []


def test_watchdog_that_names_this_process_is_pinged(systemd: Systemd, clock: ManualClock) -> None:
    Bench(systemd.environ | _WATCHDOG | {"WATCHDOG_PID": str(os.getpid())}, clock).turn()

    assert systemd.told("WATCHDOG") == ["1"]


def test_socket_that_is_gone_is_one_warning_and_what_it_missed_is_told_later(
    tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench({"NOTIFY_SOCKET": str(tmp_path / "notify")} | _WATCHDOG, clock)
    bench.event(StateChanged("running"))
    for _ in range(30):
        bench.turn()

    with listening(tmp_path / "notify") as systemd:
        bench.turn()

        assert systemd.order() == ["READY"]
        assert systemd.told("WATCHDOG") == ["1"]
    assert [record.levelname for record in caplog.records if record.levelname != "DEBUG"] == ["WARNING"]


def test_time_is_asked_for_at_once_and_then_now_and_then(systemd: Systemd, clock: ManualClock) -> None:
    ask = Patience(systemd.environ, "loading u2net", 120.0, clock)

    for _ in range(100):
        ask()
        clock.advance(0.1)

    assert systemd.messages == [{"EXTEND_TIMEOUT_USEC": "120000000", "STATUS": "loading u2net"}] * 2


def test_configuration_that_was_refused_is_told_until_one_is_adopted(systemd: Systemd, bench: Bench) -> None:
    bench.event(StateChanged("running"))

    bench.event(ConfigRefused("config.yaml:2: cache.ttl: 'x' is not allowed"))
    bench.turn()
    refused = systemd.messages[-1]["STATUS"]
    bench.event(ConfigAdopted((), ()))
    bench.turn()

    assert "config not reloaded: config.yaml:2: cache.ttl: 'x' is not allowed" in refused
    assert "config" not in systemd.messages[-1]["STATUS"]
