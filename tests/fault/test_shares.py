"""Shares that come and go, and deliveries over SMB: an unmounted share is not an empty inbox."""

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import daemon, kill
from fakes import draw, encoded, free_port, wait_until
from house import files
from oracle import assert_converged, digest

FILLER = bytes([0x55]) * (32 << 20)  # smbclient sends in large pieces

pytestmark = pytest.mark.timeout(300)


class Share:
    """A folder of a server that is mounted elsewhere, by a bind mount: files arrive on it in any case."""

    def __init__(self, root: Path) -> None:
        self.server = root / "server"
        self.point = root / "mnt"
        for folder in (self.server, self.point):
            folder.mkdir()

    def mount(self) -> None:
        subprocess.run(["mount", "--bind", self.server, self.point], check=True)

    def unmount(self) -> None:
        """At once, whoever is busy there, as a server that goes away does not ask either."""
        subprocess.run(["umount", "--lazy", self.point], check=True)


@pytest.fixture(params=["same-disk", "tmpfs"])
def share(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Share]:
    """Mounted; on the file system of its mount point, which no st_dev tells apart, or on one of its own."""
    share = Share(tmp_path)
    if os.geteuid() or subprocess.run(["mount", "--bind", share.server, share.point], check=False).returncode:
        pytest.skip("mounting is not allowed here; run the tests as root")
    share.unmount()
    if request.param == "tmpfs":
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", share.server], check=True)
    share.mount()
    yield share
    for point in (share.point, share.server):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


@pytest.fixture
def root(share: Share, tmp_path: Path) -> Path:
    """On the share, by a link beside it, so that the daemon's log stays when the share goes."""
    root = tmp_path / "photos"
    (share.server / "photos").mkdir()
    root.symlink_to(share.point / "photos")
    return root


def test_share_that_is_unmounted_under_a_busy_daemon_costs_no_attempt_and_goes_on_when_it_is_back(
    share: Share, root: Path, tiny: Path, photos: list[bytes]
) -> None:
    inputs: dict[str, str] = {}

    def arrive(name: str) -> None:
        """On the server: whether it is mounted here does not matter."""
        inputs[name] = put(share.server / "photos" / "inbox" / name, photos[0] + name.encode())

    with daemon(root, "--model", tiny, WATCHD_ATTEMPTS="1", WATCHD_LEASE="2s") as process:
        for number in range(60):
            arrive(f"before-{number}.jpg")
        wait_until(lambda: files(root / "outbox"), within_s=30)
        share.unmount()
        left = len(files(share.server / "photos" / "inbox"))
        wait_until(lambda: "folder paused" in log_of(root), within_s=30)
        for number in range(10):
            arrive(f"meanwhile-{number}.jpg")
        beneath = list(share.point.iterdir())
        share.mount()

        wait_until(lambda: done(root, inputs), within_s=120)
        assert process.poll() is None

    assert left > 0, "everything was done before the share went"
    assert beneath == []
    assert "folder resumed" in log_of(root)
    assert_converged(root, inputs)


def test_empty_mount_point_is_no_empty_inbox_and_the_status_says_so(
    share: Share, tmp_path: Path, tiny: Path, photos: list[bytes]
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "config.yaml").write_text(f"watch:\n  - root: .\n    inbox: {share.point}\n")
    with daemon(root, "--model", tiny):
        share.unmount()
        wait_until(lambda: paused(root) == f"{share.point} is not mounted", within_s=60)
        beneath = put(share.point / "beneath.jpg", photos[0])
        sha256 = put(share.server / "meanwhile.jpg", photos[1])
        share.mount()

        wait_until(lambda: done(root, ["meanwhile.jpg"]) and not paused(root), within_s=120)

    share.unmount()
    assert digest(share.point / "beneath.jpg") == beneath
    assert digest(root / "originals" / "meanwhile.jpg") == sha256
    assert files(root / "failed") == set()


def test_share_that_is_mounted_after_the_daemon_is_taken_when_it_comes(
    share: Share, root: Path, tiny: Path, photos: list[bytes]
) -> None:
    share.unmount()
    (share.point / "photos").mkdir()
    with daemon(root, "--model", tiny):
        sha256 = put(share.server / "photos" / "inbox" / "late.jpg", photos[0])
        share.mount()

        wait_until(lambda: done(root, ["late.jpg"]), within_s=60)
        put(root / "inbox" / "later.jpg", photos[1])
        wait_until(lambda: done(root, ["late.jpg", "later.jpg"]), within_s=60)

    assert digest(share.server / "photos" / "originals" / "late.jpg") == sha256


def put(path: Path, data: bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    temp = path.with_name(f".{path.name}.tmp")
    temp.write_bytes(data)
    sha256 = digest(temp)  # once it has its name it may be gone at once
    temp.rename(path)
    return sha256


def log_of(root: Path) -> str:
    return Path(f"{root}.log").read_text()


def paused(root: Path) -> str:
    """What the status says of the one watch folder."""
    (reason,) = json.loads((root / ".watchd" / "status.json").read_text())["folders"].values()
    return str(reason)


def done(root: Path, inputs: Iterable[str]) -> bool:
    return files(root / "originals") == set(inputs) and not os.listdir(root / ".watchd" / "claims")


class Samba:
    """A real smbd on loopback whose one share is a folder; everything of its own is in `home`."""

    def __init__(self, home: Path, inbox: Path) -> None:
        self._inbox = inbox
        self._home = home
        self._port = free_port()
        (home / "private").mkdir(parents=True)
        (home / "smb.conf").write_text(self._config())

    @contextmanager
    def running(self) -> Iterator[None]:
        smbd = shutil.which("smbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert smbd is not None
        command = [smbd, "--foreground", "--no-process-group", "--configfile", self._home / "smb.conf"]
        with open(self._home / "smbd.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(lambda: self.client("ls").returncode == 0, within_s=60)
            yield
        finally:
            kill(process)

    def client(self, words: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run([*self._client(), words], check=False, capture_output=True)

    def put_from_pipe(self, name: str) -> "subprocess.Popen[bytes]":
        """A put that goes on for as long as its standard input does."""
        return subprocess.Popen(
            [*self._client(), f"put - {name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )

    def _client(self) -> list[str]:
        client = ["smbclient", "//127.0.0.1/inbox", "--port", str(self._port), "--no-pass"]
        return [*client, "--configfile", str(self._home / "smb.conf"), "--command"]

    def _config(self) -> str:
        places = ("lock", "state", "cache", "pid")
        for place in places:
            (self._home / place).mkdir()
        return "\n".join(
            [
                "[global]",
                "server role = standalone server",
                "map to guest = Bad User",
                "interfaces = lo",
                "bind interfaces only = yes",
                f"smb ports = {self._port}",
                "disable netbios = yes",
                "load printers = no",
                "disable spoolss = yes",
                f"private dir = {self._home}/private",
                f"ncalrpc dir = {self._home}/ncalrpc",
                *(f"{place} directory = {self._home}/{place}" for place in places),
                "[inbox]",
                f"path = {self._inbox}",
                "read only = no",
                "guest ok = yes",
                "force user = root",
            ]
        )


@pytest.fixture
def samba(tmp_path: Path) -> Iterator[Samba]:
    """Serves the inbox of tmp_path/photos."""
    there = all(
        shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin") for name in ("smbd", "smbclient")
    )
    if os.geteuid() or not there:
        pytest.skip("a real smbd needs root, samba and smbclient; scripts/test installs them where it may")
    inbox = tmp_path / "photos" / "inbox"
    inbox.mkdir(parents=True)
    samba = Samba(tmp_path / "samba", inbox)
    with samba.running():
        yield samba


def test_files_put_by_smb_are_delivered(
    samba: Samba, tmp_path: Path, tiny: Path, photos: list[bytes]
) -> None:
    root, inputs = tmp_path / "photos", dict[str, str]()
    contents = {f"{n}.jpg": photo for n, photo in enumerate(photos)}
    contents["large.png"] = encoded("PNG", draw(2400, 1800), compress_level=1)
    contents["new folder/inside.jpg"] = photos[0] + b"inside"
    with daemon(root, "--model", tiny):
        samba.client('mkdir "new folder"')
        for name, data in contents.items():
            inputs[name] = put(tmp_path / "outside" / name, data)
            put_it = samba.client(f'put "{tmp_path}/outside/{name}" "{name}"')
            assert put_it.returncode == 0, put_it.stdout

        wait_until(lambda: done(root, inputs), within_s=120)

    (root / "inbox" / "new folder").rmdir()
    assert_converged(root, inputs)


def test_put_that_pauses_behind_the_end_of_the_picture_is_waited_for(
    samba: Samba, tmp_path: Path, tiny: Path, photos: list[bytes]
) -> None:
    """Only the server's open file says that there is more to come: a film behind the photo, say."""
    root, first, rest = tmp_path / "photos", photos[0] + FILLER, FILLER[: 1 << 20]
    (root / "config.yaml").write_text("watch:\n  - root: .\n    settle: 100ms\n")
    with daemon(root, "--model", tiny):
        client = samba.put_from_pipe("slow.jpg")
        assert client.stdin is not None
        client.stdin.write(first)
        wait_until(lambda: size(root / "inbox" / "slow.jpg") > len(photos[0]), within_s=30)
        threading.Event().wait(3.0)  # many times settle
        assert files(root / "originals") == set()
        client.stdin.write(rest)
        client.stdin.close()
        assert client.wait(60) == 0

        wait_until(lambda: "slow.jpg" in files(root / "originals"), within_s=60)

    assert digest(root / "originals" / "slow.jpg") == hashlib.sha256(first + rest).hexdigest()
    assert files(root / "failed") == set()


def test_put_that_is_cut_off_fails_with_a_report_and_the_next_one_is_delivered(
    samba: Samba, tmp_path: Path, tiny: Path
) -> None:
    root, data = tmp_path / "photos", encoded("JPEG", draw(800, 600))
    (root / "config.yaml").write_text("watch:\n  - root: .\n    settle_timeout: 3s\n")
    with daemon(root, "--model", tiny):
        client = samba.put_from_pipe("cut.jpg")
        assert client.stdin is not None
        client.stdin.write(data[: len(data) // 2] + FILLER)
        wait_until(lambda: size(root / "inbox" / "cut.jpg") > 0, within_s=30)
        client.kill()
        client.wait()
        client.stdin.close()

        wait_until(lambda: files(root / "failed") == {"cut.jpg", "cut.jpg.error.json"}, within_s=90)
        inputs = {"cut off": digest(root / "failed" / "cut.jpg")}
        inputs["cut.jpg"] = put(tmp_path / "outside" / "cut.jpg", data)
        assert samba.client(f"put {tmp_path}/outside/cut.jpg cut.jpg").returncode == 0
        wait_until(lambda: done(root, ["cut.jpg"]), within_s=60)

    assert "JPEG" in json.loads((root / "failed" / "cut.jpg.error.json").read_text())["reason"]
    assert_converged(root, inputs)


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
