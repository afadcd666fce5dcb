"""A watch folder that rests because somebody wants it to."""

import json
from pathlib import Path
from typing import Any

import pytest
from commands import daemon, watchd
from fakes import draw, encoded, wait_until


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos" / "inbox").mkdir(parents=True)
    return tmp_path / "photos"


def drop(root: Path, name: str, width: int = 64) -> None:
    (root / "inbox" / name).write_bytes(encoded("JPEG", draw(width, 48)))


def status(root: Path) -> Any:
    return json.loads((root / ".watchd" / "status.json").read_text())


def paused(root: Path) -> str:
    return str(status(root)["folders"]["photos"])


def delivered(root: Path, name: str) -> None:
    wait_until((root / "originals" / name).exists, within_s=20)


def test_daemon_rests_while_the_file_is_there_and_goes_on_by_itself(root: Path) -> None:
    with daemon(root):
        first = watchd("pause", root), watchd("pause", root)
        wait_until(lambda: "PAUSE is there" in paused(root), within_s=20)
        drop(root, "a.jpg")
        explained = watchd("explain", root / "inbox" / "a.jpg").stdout
        shown = watchd("status", root).stdout
        before = (root / "originals" / "a.jpg").exists()
        (root / "PAUSE").unlink()
        delivered(root, "a.jpg")
        wait_until(lambda: paused(root) == "", within_s=20)

    assert [each.stdout for each in first] == [
        "photos: paused, until `watchd resume`\n",
        "photos: is paused already, until `watchd resume`\n",
    ]
    assert "NO  not paused" in explained
    assert f"photos  paused: {root / 'PAUSE'} is there" in shown
    assert not before


def test_jobs_that_nobody_has_begun_wait_until_the_folder_goes_on(root: Path) -> None:
    for number in range(60):
        drop(root, f"{number}.jpg", 64 + number)
    (root / "config.yaml").write_text("watch: [root: .]\nthreads: {workers: 1}\n")
    with daemon(root):
        wait_until(lambda: any((root / "originals").iterdir()), within_s=20)
        watchd("pause", root)
        wait_until(lambda: "PAUSE is there" in paused(root), within_s=20)
        wait_until(lambda: status(root)["queue_depth"] == status(root)["in_flight"] == 0)
        left = len(list((root / "inbox").iterdir()))
        watchd("resume", root)
        wait_until(lambda: not list((root / "inbox").iterdir()), within_s=30)

    assert left > 5
    assert len(list((root / "originals").iterdir())) == 60


def test_pause_without_a_daemon_holds_for_the_next_one(root: Path) -> None:
    drop(root, "a.jpg")
    watchd("pause", root)

    rested = watchd("run", "--once", root)
    words = watchd("resume", root).stdout, watchd("resume", root).stdout
    went_on = watchd("run", "--once", root)

    assert rested.returncode == 1
    assert "PAUSE is there" in rested.stderr
    assert words == ("photos: goes on\n", "photos: was not paused\n")
    assert went_on.returncode == 0


def test_folder_that_is_not_there_cannot_be_paused(tmp_path: Path) -> None:
    result = watchd("pause", tmp_path / "nowhere")

    assert result.returncode == 73
    assert "nowhere cannot be paused" in result.stderr
