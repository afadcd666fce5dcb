"""Workers that come and go with the hour, and with what others leave them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import daemon, watchd
from fakes import draw, encoded, wait_until

JPEG = encoded("JPEG", draw(300, 200))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def write(root: Path, text: str) -> None:
    new = root / "config.new"
    new.write_text(f"watch: [root: .]\ncache: {{enabled: false}}\n{text}\n")
    new.rename(root / "config.yaml")


def status(root: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / ".watchd" / "status.json").read_text())
    return found


def lines(root: Path, text: str) -> list[str]:
    return [line for line in Path(f"{root}.log").read_text().splitlines() if text in line]


@contextmanager
def competition(processes: int) -> Iterator[None]:
    """So many that want a CPU each, in sessions of their own."""
    command = [sys.executable, "-c", "while True: pass"]
    rivals = [subprocess.Popen(command, start_new_session=True) for _ in range(processes)]
    try:
        yield
    finally:
        for rival in rivals:
            rival.kill()
            rival.wait()


def test_in_quiet_hours_what_comes_waits_and_goes_on_once_they_are_over(root: Path) -> None:
    write(root, "schedule: [{hours: 00:00-24:00, workers: 0}]\nthreads: {workers: 2}")
    with daemon(root) as process:
        wait_until(lambda: status(root)["workers_reason"] == "quiet hours")
        (root / "inbox" / "a.jpg").write_bytes(JPEG)
        wait_until(lambda: status(root)["queue_depth"] == 1, within_s=20)
        shown = watchd("status", root).stdout
        write(root, "threads: {workers: 2}")
        wait_until((root / "outbox" / "a.png").exists, within_s=20)

        assert process.poll() is None
    assert "0 of 2 workers (quiet hours)" in shown
    assert len(lines(root, 'workers changed workers=0 planned=2 reason="quiet hours"')) == 1
    assert len(lines(root, "workers changed workers=2 planned=2")) == 1


def test_once_waits_for_no_hour_of_the_day(root: Path) -> None:
    write(root, "schedule: [{hours: 00:00-24:00, workers: 0}]")
    (root / "inbox").mkdir()
    (root / "inbox" / "a.jpg").write_bytes(JPEG)

    done = watchd("run", root, "--once")

    assert done.returncode == 0
    assert (root / "outbox" / "a.png").exists()


@pytest.mark.alone
def test_polite_daemon_gives_way_to_who_needs_the_cpu_and_loses_nothing(root: Path) -> None:
    write(root, "threads: {workers: 2, adaptive: true, polite: true}")
    names = [f"{number:03}" for number in range(60)]
    with daemon(root) as process:
        with competition(4):
            for name in names:
                (root / "inbox" / f"{name}.jpg").write_bytes(JPEG)
            wait_until(lambda: status(root)["workers_reason"] == "others need the CPU", within_s=40)
            reasons = lines(root, 'reason="others need the CPU"')
        write(root, "threads: {workers: 2}")  # whoever else is busy here does not hold up the test
        wait_until(lambda: len(list((root / "outbox").glob("*.png"))) == len(names), within_s=50)

        assert process.poll() is None
    assert reasons
