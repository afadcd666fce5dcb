"""Things in an inbox that are no ordinary files, folders that become links, and names of every kind."""

import hashlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import WATCHD, daemon
from fakes import draw, encoded, wait_until
from house import House, running
from oracle import assert_converged, assert_nothing_lost

NOBODY = 65534


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is nobody's business, with a file in it that nobody may touch."""
    folder = tmp_path / "outside"
    (folder / "sub").mkdir(parents=True)
    (folder / "secret.jpg").write_bytes(encoded("JPEG", draw(120, 90)))
    (folder / "sub" / "a.jpg").write_bytes(encoded("JPEG", draw(130, 90)))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def still_works(house: House) -> None:
    (house.folder.inbox / "good.jpg").write_bytes(encoded("JPEG", draw(64, 48)))
    house.wait_for("good.png", within_s=60)


def test_what_is_no_file_is_left_alone(root: Path, tiny: Path, outside: Path) -> None:
    before = contents(outside)
    with running(root, tiny, {"rescan": "1s"}) as house:
        inbox = house.folder.inbox
        os.mkfifo(inbox / "fifo.jpg")
        with socket.socket(socket.AF_UNIX) as server:
            os.chdir(inbox)  # the path of a socket has 107 bytes at most
            server.bind("socket.jpg")
            os.chdir("/")
            if os.geteuid() == 0:
                os.mknod(inbox / "device.jpg", stat.S_IFCHR | 0o666, os.makedev(1, 5))  # endless zeros
                os.mknod(inbox / "block.jpg", stat.S_IFBLK | 0o666, os.makedev(7, 200))
            (inbox / "link.jpg").symlink_to(outside / "secret.jpg")
            (inbox / "loop.jpg").symlink_to("loop.jpg")
            (inbox / "nowhere.jpg").symlink_to("nothing")
            (inbox / "out").symlink_to(outside)
            (inbox / "up").symlink_to("..")
            (inbox / "here").symlink_to(".")
            (inbox / "folder.jpg").mkdir()
            there = set(os.listdir(inbox))
            still_works(house)
            wait_until(lambda: house.originals() == {"good.jpg"})

            assert set(os.listdir(inbox)) == there
    assert house.outputs() == {"good.png"}
    assert house.failed() == set()
    assert contents(outside) == before


@contextmanager
def busy_with_sub(root: Path, tiny: Path) -> Iterator[House]:
    """Entered while the worker has begun with a large sub/a.jpg."""
    with running(root, tiny, {"threads.workers": 1}) as house:
        for place in (house.folder.inbox, house.folder.outbox, house.folder.originals):
            (place / "sub").mkdir()
        (house.folder.inbox / "sub" / "a.jpg").write_bytes(encoded("JPEG", draw(6000, 4000)))
        wait_until(lambda: os.listdir(house.folder.sidecar / "claims"), within_s=30)
        yield house


@pytest.mark.parametrize("place", ["outbox", pytest.param("originals", marks=pytest.mark.slow)])
def test_folder_that_becomes_a_link_during_work_leads_no_write_out(
    root: Path, tiny: Path, outside: Path, place: str
) -> None:
    before = contents(outside)
    with busy_with_sub(root, tiny) as house:
        sub = root / place / "sub"
        sub.rename(tmp := sub.with_name("kept"))
        sub.symlink_to(outside)
        wait_until(lambda: not os.listdir(house.folder.sidecar / "claims"), within_s=60)

        assert contents(outside) == before
        assert house.failed() == set()
        assert (house.folder.inbox / "sub" / "a.jpg").exists()

        sub.unlink()
        tmp.rename(sub)
        wait_until(lambda: house.originals() == {"sub/a.jpg"}, within_s=50)

    assert house.outputs() == {"sub/a.png"}
    assert contents(outside) == before


def test_inbox_folder_that_becomes_a_link_during_work_leads_no_read_or_move_out(
    root: Path, tiny: Path, outside: Path
) -> None:
    before = contents(outside)
    with busy_with_sub(root, tiny) as house:
        sub = house.folder.inbox / "sub"
        data = (sub / "a.jpg").read_bytes()
        sub.rename(sub.with_name("moved"))
        sub.symlink_to(outside / "sub")

        house.wait_for("moved/a.png", within_s=60)
        wait_until(lambda: house.originals() == {"moved/a.jpg"})

    assert contents(outside) == before
    assert house.outputs() == {"moved/a.png"}
    assert house.failed() == set()
    assert (house.folder.originals / "moved" / "a.jpg").read_bytes() == data


def test_hard_link_is_a_file_like_any_other(root: Path, tiny: Path, outside: Path) -> None:
    before = contents(outside)
    with running(root, tiny) as house:
        os.link(outside / "secret.jpg", house.folder.inbox / "a.jpg")
        wait_until(lambda: house.originals() == {"a.jpg"}, within_s=30)

    assert contents(outside) == before
    assert_converged(root, {"a.jpg": hashlib.sha256((outside / "secret.jpg").read_bytes()).hexdigest()})


@pytest.mark.parametrize(
    ("suffix", "kind"), [("jpg", "JPEG"), ("tif", "TIFF"), ("png", "PNG"), ("bmp", "BMP")]
)
def test_sparse_file_of_ten_gigabytes_is_failed_unread(
    root: Path, tiny: Path, suffix: str, kind: str
) -> None:
    with running(root, tiny, {"settle_timeout": "1s"}) as house:
        path = house.folder.inbox / f"huge.{suffix}"
        path.write_bytes(encoded(kind, draw(200, 150)))
        os.truncate(path, 10 << 30)
        wait_until(lambda: len(house.failed()) == 2, within_s=50)
        still_works(house)

    assert (house.folder.failed / path.name).stat().st_size == 10 << 30
    assert json.loads((house.folder.failed / f"{path.name}.error.json").read_text())["reason"]


@contextmanager
def nobodys_daemon(root: Path, model: Path) -> Iterator[None]:
    """The installed command as a user without rights."""
    under = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    with daemon(root, "--model", model, under=under, HOME=str(root)) as process:
        yield
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.fixture
def open_to_all(tiny: Path) -> Iterator[Path]:
    """A root that every user can reach, owned by nobody, with the model beside it."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can start a daemon as another user (with setpriv)")
    folder = Path(tempfile.mkdtemp(prefix="watchd-"))
    try:
        folder.chmod(0o755)
        shutil.copy(tiny, folder / "tiny.onnx")
        (folder / "photos" / "inbox").mkdir(parents=True)
        for path in (folder / "photos", folder / "photos" / "inbox"):
            os.chown(path, NOBODY, NOBODY)
        probe = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", str(WATCHD), "--help"]
        if subprocess.run(probe, check=False, capture_output=True).returncode != 0:
            pytest.skip("the checkout cannot be read by other users")
        yield folder
    finally:
        shutil.rmtree(folder)


def test_file_that_may_not_be_read_waits_until_it_may(open_to_all: Path) -> None:
    root, data = open_to_all / "photos", encoded("JPEG", draw(200, 150))
    with nobodys_daemon(root, open_to_all / "tiny.onnx"):
        secret = root / "inbox" / "secret.jpg"
        secret.touch(0o600)
        secret.chmod(0)
        secret.write_bytes(data)
        (root / "inbox" / "roots-own.jpg").write_bytes(data + b"1")
        wait_until((root / "originals" / "roots-own.jpg").exists, within_s=40)

        assert secret.exists()
        assert not (root / "failed" / "secret.jpg").exists()

        secret.chmod(0o644)
        wait_until((root / "originals" / "secret.jpg").exists, within_s=40)

    digests = {
        name: hashlib.sha256(text).hexdigest()
        for name, text in [("secret", data), ("roots-own", data + b"1")]
    }
    assert_converged(root, {f"{name}.jpg": digest for name, digest in digests.items()})


def test_folder_that_may_not_be_read_does_not_stop_the_others(open_to_all: Path) -> None:
    root, data = open_to_all / "photos", encoded("JPEG", draw(200, 150))
    (root / "inbox" / "locked").mkdir(mode=0o700)
    (root / "inbox" / "locked" / "a.jpg").write_bytes(data)
    with nobodys_daemon(root, open_to_all / "tiny.onnx"):
        (root / "inbox" / "b.jpg").write_bytes(data)

        wait_until((root / "originals" / "b.jpg").exists, within_s=40)

    assert (root / "inbox" / "locked" / "a.jpg").exists()


NAMES = [
    "two\nlines.jpg",
    "tab\tand\rreturn.jpg",
    "\x1b[2J\x1b[31mred\x07.jpg",
    "\u202egpj.exe.jpg",
    os.fsdecode(b"latin1-\xe9.jpg"),
    os.fsdecode(b"\xff\xfe\x80.jpg"),
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "twin.jpg",
    "TWIN.jpg",
    "Twin.jpg",
    "x" * 251 + ".jpg",
    "ü" * 125 + "y.jpg",
    "📷" * 62 + "abc.jpg",
    "dots....jpg",
    "spaces   .jpg",
    "  leading.jpg",
    "-rf.jpg",
    "$(reboot);`id`'\".jpg",
    "%s%n{0}.jpg",
    "back\\slash.jpg",
    "CON.jpg",
    "a:b*c?d|e<f>.jpg",
]


def test_names_of_every_kind_survive(root: Path, tiny: Path) -> None:
    inputs: dict[str, str] = {}
    with running(root, tiny) as house:
        for number, name in enumerate(NAMES):
            data = encoded("JPEG", draw(100 + number, 80))
            (house.folder.inbox / name).write_bytes(data)
            inputs[name] = hashlib.sha256(data).hexdigest()
        wait_until(lambda: house.inbox() == set(), within_s=50)

    assert_converged(root, inputs)
    assert house.originals() == set(NAMES)


def test_names_of_every_kind_survive_in_the_failed_folder(root: Path, tiny: Path) -> None:
    inputs: dict[str, str] = {}
    with running(root, tiny) as house:
        for name in NAMES:
            data = b"no picture: " + os.fsencode(name)
            (house.folder.inbox / name).write_bytes(data)
            inputs[name] = hashlib.sha256(data).hexdigest()
        wait_until(lambda: house.inbox() == set(), within_s=50)

    assert_nothing_lost(root, inputs)
    failed = house.failed()
    assert {name for name in failed if not name.endswith(".error.json")} == set(NAMES)
    reports = [house.folder.failed / name for name in failed if name.endswith(".error.json")]
    assert {json.loads(report.read_bytes())["source"] for report in reports} == set(NAMES)
    assert all(report.read_bytes().isascii() for report in reports)
    assert all("\x1b" not in report.read_text() for report in reports)


FORGED = "2026-01-01T00:00:00Z ERROR forged: the daemon obeys"


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_name_forges_a_line_of_the_log(root: Path, tiny: Path, log_format: str) -> None:
    names = [
        f"a\n{FORGED}\n.jpg",
        f"\x1b[1A\x1b[2K\r{FORGED}.jpg",
        os.fsdecode(b"\x9b31m\xff\n.jpg"),
        "\u2028.jpg",
    ]
    environ = {"WATCHD_LOG_FORMAT": log_format, "WATCHD_LOG_LEVEL": "debug"}
    with daemon(root, "--model", tiny, **environ):
        for name in names:
            (root / "inbox" / name).write_bytes(b"this is no picture")
            (root / "inbox" / f"good {name}").write_bytes(encoded())
        wait_until(lambda: os.listdir(root / "inbox") == [], within_s=60)

    lines = Path(f"{root}.log").read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert len(lines) > 3 * len(names)
    for line in lines:
        assert line.decode("utf-8").isprintable(), line
        if log_format == "json":
            json.loads(line)
        assert not line.startswith(FORGED.encode()), line
