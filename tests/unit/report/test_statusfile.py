"""status.json: written when there is news, read back with care."""

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from statuses import AT_WORK, NOON

from watchd.domain.errors import FolderError, TryAgain
from watchd.report.status import Recent, Trouble
from watchd.report.statusfile import StatusFile, as_json, read_status

NEW = {"stages", "recent", "cache", "stuck", "asked", "planned_workers", "workers_reason"}
STATUS = replace(
    AT_WORK,
    counts={"delivered": 5},
    stuck=("feeder",),
    asked=("scans",),
    planned_workers=8,
    workers_reason="quiet hours",
    stages={"decode": 0.5},
    recent=(Recent(NOON, "photos", "b.jpg", "delivered", 0.25, "miss"),),
    errors=(Trouble(NOON, "photos", "a.jpg", "rejected", "truncated"),),
)


class Disk:
    """Stands for the publisher of the store; fails with what it is told to."""

    def __init__(self) -> None:
        self.writes = 0
        self.error: Exception | None = None

    def publish(self, path: Path, data: bytes) -> None:
        self.writes += 1
        if self.error is not None:
            raise self.error
        path.write_bytes(data)


@pytest.fixture
def disk():
    return Disk()


def test_what_is_written_reads_back_the_same(tmp_path, disk):
    file = tmp_path / "status.json"

    StatusFile(file, lambda: STATUS, as_json, disk.publish).write_if_changed()

    assert read_status(file) == STATUS


def test_nothing_is_written_while_nothing_but_the_time_changes(tmp_path, disk):
    moments = iter([STATUS, replace(STATUS, updated=NOON.replace(hour=13)), replace(STATUS, queue_depth=4)])
    file = StatusFile(tmp_path / "status.json", lambda: next(moments), as_json, disk.publish)

    file.write_if_changed()
    file.write_if_changed()
    assert disk.writes == 1
    file.write_if_changed()
    assert disk.writes == 2


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), TryAgain("share is away")])
def test_a_disk_in_trouble_is_logged_once_and_tried_again_until_it_works(tmp_path, disk, caplog, error):
    file = StatusFile(tmp_path / "status.json", lambda: STATUS, as_json, disk.publish)

    disk.error = error
    file.write_if_changed()
    file.write_if_changed()
    disk.error = None
    file.write_if_changed()

    assert disk.writes == 3
    assert [record.getMessage() for record in caplog.records] == ["status not written"]
    assert read_status(tmp_path / "status.json") == STATUS


def test_trouble_that_comes_back_is_logged_again(tmp_path, disk, caplog):
    states = iter([STATUS, replace(STATUS, state="draining"), replace(STATUS, state="stopped")])
    file = StatusFile(tmp_path / "status.json", lambda: next(states), as_json, disk.publish)

    for error in (OSError("full"), None, OSError("full")):
        disk.error = error
        file.write_if_changed()

    assert len(caplog.records) == 2


def test_where_no_daemon_has_run_there_is_no_status(tmp_path):
    assert read_status(tmp_path / "status.json") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        "{}",
        "\xff",
        '{"state": "running"}',
        "[" * 100_000,
        json.dumps({"state": "x", "pid": 1e400}),
    ],
)
def test_what_is_no_status_is_refused_by_name(tmp_path, text):
    file = tmp_path / "status.json"
    file.write_text(text, encoding="latin-1")

    with pytest.raises(FolderError, match=r"status\.json: not a status file"):
        read_status(file)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pid", "x"),
        ("since", 5),
        ("counts", [1]),
        ("folders", None),
        ("errors", [5]),
        ("recent", [5]),
        ("stages", {"infer": "x"}),
        ("updated", "soon"),
    ],
)
def test_a_status_with_one_wrong_value_is_refused(tmp_path, disk, key, value):
    file = tmp_path / "status.json"
    StatusFile(file, lambda: STATUS, as_json, disk.publish).write_if_changed()
    file.write_text(json.dumps({**json.loads(file.read_text()), key: value}))

    with pytest.raises(FolderError):
        read_status(file)


def test_status_of_a_version_that_knew_less_is_read(tmp_path, disk):
    file = tmp_path / "status.json"
    StatusFile(file, lambda: STATUS, as_json, disk.publish).write_if_changed()
    older = {key: value for key, value in json.loads(file.read_text()).items() if key not in NEW}
    file.write_text(json.dumps(older | {"of a later version": 1}))

    gone = {"stuck": (), "asked": (), "planned_workers": 0, "workers_reason": ""}
    assert read_status(file) == replace(STATUS, stages={}, recent=(), cache={}, **gone)


def test_a_status_that_cannot_be_read_is_an_error_with_the_reason(tmp_path):
    with pytest.raises(FolderError, match="cannot be read: Is a directory"):
        read_status(tmp_path)


def test_what_is_wrong_with_the_config_is_read_back_and_missing_in_older_files(tmp_path, disk):
    path = tmp_path / "status.json"
    StatusFile(path, lambda: replace(STATUS, config_error="wrong"), as_json, disk.publish).write_if_changed()
    read = read_status(path)
    older = json.loads(path.read_text())
    del older["config_error"]
    path.write_text(json.dumps(older))

    assert read.config_error == "wrong"
    assert read_status(path).config_error == ""


def test_last_word_on_a_folder_that_is_watched_no_more_is_that_it_is_stopped(tmp_path, disk):
    path = tmp_path / "status.json"
    file = StatusFile(path, lambda: STATUS, as_json, disk.publish)
    file.write_if_changed()

    file.write_last()

    assert read_status(path) == replace(STATUS, state="stopped")
