"""`watchd status --watch` at a real terminal, and the page for those who have nothing but the share."""

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from commands import WATCHD, daemon, watchd
from fakes import draw, encoded, wait_until

_COLOUR = re.compile(rb"\x1b\[[0-9;]*3[1-7][0-9;]*m")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "inbox").mkdir(parents=True)
    return tmp_path / "photos"


@contextmanager
def terminal(root: Path, **environ: str) -> Iterator["Terminal"]:
    ours, theirs = pty.openpty()
    words = [WATCHD, "status", "--watch", root]
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "40", "LINES": "30"} | environ
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    os.set_blocking(ours, False)
    try:
        yield Terminal(ours, process)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


class Terminal:
    def __init__(self, handle: int, process: "subprocess.Popen[bytes]") -> None:
        self._handle = handle
        self.process = process
        self.seen = b""

    def shows(self, text: bytes) -> bool:
        with suppress(BlockingIOError):
            self.seen += os.read(self._handle, 1 << 16)
        return text in self.seen


def test_view_follows_the_daemon_until_ctrl_c(root: Path) -> None:
    with daemon(root), terminal(root) as screen:
        wait_until(lambda: screen.shows(b"watchd is running"), within_s=20)
        (root / "inbox" / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        wait_until(lambda: screen.shows(b"photos/a.jpg"), within_s=20)

        screen.process.send_signal(signal.SIGINT)
        assert screen.process.wait(20) == 0
    assert _COLOUR.search(screen.seen)


def test_no_colour_where_it_is_not_wanted(root: Path) -> None:
    with daemon(root), terminal(root, NO_COLOR="1") as screen:
        wait_until(lambda: screen.shows(b"watchd is running"), within_s=20)

    assert not _COLOUR.search(screen.seen)


def test_watch_and_json_together_are_wrong_usage(root: Path) -> None:
    result = watchd("status", "--watch", "--json", root)

    assert result.returncode == 2
    assert "give one of --watch, --json and --check" in result.stderr


def test_page_is_written_beside_the_status_whole_and_with_names_escaped(root: Path) -> None:
    page = root / ".watchd" / "status.html"
    with daemon(root):
        (root / "inbox" / "<script>alert(1).jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        wait_until(lambda: "photos/&lt;script&gt;alert(1).jpg" in page.read_text(), within_s=20)

        assert "<script" not in page.read_text()
        assert page.read_text().endswith("</html>\n")
    assert "watchd is running" in page.read_text()  # killed: whether it lives, only its host can tell


def test_page_that_cannot_be_written_costs_no_job(root: Path) -> None:
    (root / ".watchd" / "status.html").mkdir(parents=True)
    with daemon(root):
        (root / "inbox" / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        wait_until((root / "outbox" / "a.png").exists, within_s=20)

    assert Path(f"{root}.log").read_text().count("status not written") == 1
