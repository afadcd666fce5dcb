"""The daemon in a process of its own, and what it tells the one that supervises it: the end of the protocol
that systemd holds is a socket of ours. `test_booted.py` has systemd itself.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import daemon, start, watchd
from daemons import stop
from fakes import draw, encoded, wait_until
from systemds import Systemd, listening

WATCHDOG = {"WATCHDOG_USEC": "2000000"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    with listening(tmp_path / "notify") as systemd:
        yield systemd


def drop(root: Path, name: str) -> None:
    (root / "inbox" / name).write_bytes(encoded("JPEG", draw(300, 200)))


def test_life_of_a_daemon_is_told_in_its_order(root: Path, systemd: Systemd) -> None:
    with daemon(root, **systemd.environ) as process:
        drop(root, "a.jpg")
        systemd.wait_for(lambda it: "running; queue 0, in work 0; done 1, failed 0" in it.told("STATUS"))
        process.send_signal(signal.SIGHUP)
        systemd.wait_for(lambda it: it.order().count("READY") == 2)
        code = stop(process)

    assert code == 0
    assert systemd.order() == ["READY", "RELOADING", "READY", "STOPPING"]
    first, *_ = systemd.messages
    assert first["STATUS"] == "loading builtin"
    assert int(first["EXTEND_TIMEOUT_USEC"]) >= 60e6
    [reloading] = [message for message in systemd.messages if "RELOADING" in message]
    assert int(reloading["MONOTONIC_USEC"]) > 0
    [stopping] = [message for message in systemd.messages if "STOPPING" in message]
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) > 30e6


def test_ready_is_told_once_a_photo_is_taken_by_itself(root: Path, systemd: Systemd) -> None:
    process = start(root, **systemd.environ)
    systemd.wait_for(lambda it: it.order() == ["READY"])

    drop(root, "a.jpg")
    wait_until((root / "outbox" / "a.png").exists, within_s=20)

    assert stop(process) == 0


def test_watchdog_is_pinged_while_all_is_well(root: Path, systemd: Systemd) -> None:
    with daemon(root, **systemd.environ, **WATCHDOG):
        systemd.wait_for(lambda it: len(it.told("WATCHDOG")) >= 3)


def test_single_run_is_ready_too_and_ends(root: Path, systemd: Systemd) -> None:
    (root / "inbox").mkdir()
    drop(root, "a.jpg")

    done = watchd("run", "--once", root, **systemd.environ)

    assert done.returncode == 0, done.stderr
    assert systemd.order() == ["READY", "STOPPING"]


def test_socket_that_nobody_holds_costs_no_file(root: Path, tmp_path: Path) -> None:
    with daemon(root, NOTIFY_SOCKET=str(tmp_path / "nobody"), **WATCHDOG) as process:
        for name in ("a.jpg", "b.jpg"):
            drop(root, name)
        wait_until(lambda: len(list((root / "outbox").glob("*.png"))) == 2, within_s=20)
        assert stop(process) == 0

    assert Path(f"{root}.log").read_text().count("systemd cannot be told") == 1
