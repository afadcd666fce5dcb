"""Datagrams to a real socket, as systemd would hold it."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from watchd.domain.events import FolderPaused, FolderResumed, JobBegun, StateChanged
from watchd.domain.outcome import Skipped
from watchd.report.systemd import notify, systemd_listener


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


def environ(systemd: socket.socket) -> dict[str, str]:
    return {"NOTIFY_SOCKET": systemd.getsockname()}


def test_a_message_is_one_datagram(systemd):
    notify("READY=1\nSTATUS=Fürth", environ(systemd))

    assert systemd.recv(100) == "READY=1\nSTATUS=Fürth".encode()


def test_an_abstract_socket_is_named_with_an_at_sign():
    name = f"watchd-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name}")
        receiver.setblocking(False)

        notify("READY=1", {"NOTIFY_SOCKET": f"@{name}"})

        assert receiver.recv(100) == b"READY=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_nothing_happens_and_nothing_is_logged(environ, caplog):
    notify("READY=1", environ)

    assert caplog.records == []


def test_a_socket_that_is_gone_is_a_warning_and_no_error(tmp_path, caplog):
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "gone")})

    assert [record.getMessage() for record in caplog.records] == ["systemd could not be told"]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (StateChanged("starting"), b"STATUS=starting"),
        (StateChanged("running"), b"READY=1\nSTATUS=running"),
        (StateChanged("draining"), b"STOPPING=1\nSTATUS=draining"),
        (FolderPaused("p\nREADY=1", "disk full"), b"STATUS=p\\nREADY=1 is paused: disk full"),
        (FolderResumed("p"), b"STATUS=running"),
    ],
)
def test_each_state_is_told_and_no_name_can_forge_an_assignment(systemd, event, message):
    systemd_listener(environ(systemd))(event)

    assert systemd.recv(200) == message


def test_single_jobs_are_no_news_for_systemd(systemd, ended):
    systemd_listener(environ(systemd))(JobBegun(ended(Skipped("")).job))

    with pytest.raises(BlockingIOError):
        systemd.recv(100)
