"""Colours: on a terminal that has them, and wanted by whoever sits there; off a terminal no escape at all."""

import os
import pty
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from commands import WATCHD, watchd
from fakes import draw, encoded

_COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-8][0-9;]*m")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    inbox = tmp_path / "photos" / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
    (inbox / "bad.jpg").write_bytes(b"this is no picture at all")
    return tmp_path / "photos"


def on_terminal(*words: object, **environ: str) -> bytes:
    """All that a command has written to its terminal by its end."""
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = subprocess.Popen(
        [WATCHD, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment | {"TERM": "xterm-256color"} | environ,
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):  # how the terminal says that nobody is left who writes to it
        while more := os.read(ours, 1 << 16):
            seen += more
    os.close(ours)
    process.wait(60)
    return seen


COMMANDS = pytest.mark.parametrize(
    "words", [("run", "--once", "ROOT"), ("cache", "warm", "--root", "ROOT", "ROOT/inbox")], ids=" ".join
)


def of(root: Path, words: tuple[str, ...]) -> list[str]:
    return [word.replace("ROOT", str(root)) for word in words]


@COMMANDS
def test_progress_has_colours_on_a_terminal(root: Path, words: tuple[str, ...]) -> None:
    assert _COLOUR.search(on_terminal(*of(root, words)))


@COMMANDS
@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_no_colour_where_it_is_not_wanted(
    root: Path, words: tuple[str, ...], environ: dict[str, str]
) -> None:
    seen = on_terminal(*of(root, words), **environ)

    assert b"bad.jpg" in seen
    assert not _COLOUR.search(seen)


@COMMANDS
def test_no_escape_off_a_terminal(root: Path, words: tuple[str, ...]) -> None:
    done = watchd(*of(root, words), FORCE_COLOR="1")

    assert "bad.jpg" in done.stderr + done.stdout
    assert "\x1b" not in done.stderr + done.stdout
