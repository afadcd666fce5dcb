"""Folders that are dropped come out as folders, whole, by the line as it runs."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import draw, encoded, put, wait_until
from house import House, files, running

Shoot = Callable[..., Path]

BATCHES: Mapping[str, str] = {"deliver": "folders", "hooks": "{rest: 500ms}"}

JPEG = encoded("JPEG", draw(200, 150))
BAD = b"no picture at all"


@pytest.fixture
def shoot(tmp_path: Path) -> Shoot:
    """Makes a folder with pictures in it, outside of the inbox."""

    def make(*pictures: str, **others: bytes) -> Path:
        for name in pictures:
            put(tmp_path / "outside", name, JPEG + name.encode())
        for name, data in others.items():
            put(tmp_path / "outside", name, data)
        return tmp_path / "outside"

    return make


@contextmanager
def sending(house: House) -> Iterator[None]:
    """While entered a.jpg of a shoot is done, and half of b.jpg is there."""
    shoot = house.folder.inbox / "shoot"
    shoot.mkdir()
    with open(shoot / "b.jpg", "wb") as file:
        file.write(JPEG[: len(JPEG) // 2])
        file.flush()
        (shoot / "a.jpg").write_bytes(JPEG)
        wait_until(lambda: house.originals() == {"shoot/a.jpg"}, within_s=20)
        yield
        file.write(JPEG[len(JPEG) // 2 :])


class Watching:
    """Follows what an outbox shows, as a program does that waits for whole folders."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.first_seen: dict[str, set[str]] = {}

    def __call__(self) -> bool:
        """For wait_until."""
        for name in os.listdir(self._house.folder.outbox):
            if not name.startswith(".") and name not in self.first_seen:
                self.first_seen[name] = files(self._house.folder.outbox / name)
        return bool(self.first_seen)

    def until(self, *names: str) -> None:
        wait_until(lambda: self() and set(names) <= self.first_seen.keys(), within_s=30)


def test_folder_appears_at_once_with_all_of_its_cutouts(tmp_path: Path, tiny: Path, shoot: Shoot) -> None:
    pictures = [f"{number}.jpg" for number in range(12)] + ["x/y/deep.jpg"]
    with running(tmp_path / "root", tiny, BATCHES) as house:
        watching = Watching(house)
        os.rename(shoot(*pictures, **{"notes.txt": b"for the studio"}), house.folder.inbox / "shoot")

        watching.until("shoot")

        assert watching.first_seen["shoot"] == {name.replace(".jpg", ".png") for name in pictures}
        assert house.originals() == {f"shoot/{name}" for name in pictures}
        wait_until(lambda: os.listdir(house.folder.outbox) == ["shoot"])
        receipt = house.receipt("shoot/x/y/deep.jpg")
        assert (receipt.state, receipt.output) == ("delivered", "shoot/x/y/deep.png")


def test_file_in_the_inbox_itself_is_delivered_by_itself_meanwhile(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny, {**BATCHES, "hooks": "{rest: 1h}"}) as house:
        put(house.folder.inbox, "shoot/a.jpg", JPEG)
        wait_until(lambda: house.originals() == {"shoot/a.jpg"}, within_s=20)
        put(house.folder.inbox, "b.jpg", JPEG)

        house.wait_for("b.png")

        assert house.outputs() == {"b.png", ".watchd-batches/shoot/1/a.png"}


def test_latecomers_to_a_folder_that_was_delivered_are_the_next_batch(
    tmp_path: Path, tiny: Path, shoot: Shoot
) -> None:
    with running(tmp_path / "root", tiny, BATCHES) as house:
        watching = Watching(house)
        os.rename(shoot("a.jpg"), house.folder.inbox / "shoot")
        watching.until("shoot")
        for name in ("a.jpg", "b.jpg"):
            put(house.folder.inbox, f"shoot/{name}", JPEG)

        watching.until("shoot-2")

        assert watching.first_seen == {"shoot": {"a.png"}, "shoot-2": {"a.png", "b.png"}}


def test_failed_files_are_left_out_and_a_folder_of_nothing_else_is_not_delivered(
    tmp_path: Path, tiny: Path
) -> None:
    with running(tmp_path / "root", tiny, BATCHES) as house:
        watching = Watching(house)
        for name, data in {"bad/a.jpg": BAD, "half/a.jpg": BAD, "half/b.jpg": JPEG}.items():
            put(house.folder.inbox, name, data)
        (house.folder.inbox / "empty").mkdir()

        watching.until("half")
        wait_until(lambda: "bad/a.jpg" in house.failed())

        assert watching.first_seen == {"half": {"b.png"}}
        assert house.failed() >= {"half/a.jpg", "half/a.jpg.error.json", "bad/a.jpg.error.json"}
        wait_until(lambda: os.listdir(house.folder.outbox) == ["half"])


def test_folder_waits_for_a_file_that_is_still_being_sent(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny, BATCHES) as house:
        watching = Watching(house)
        with sending(house):
            threading.Event().wait(2.0)
            seen = watching()

        watching.until("shoot")

    assert not seen
    assert watching.first_seen == {"shoot": {"a.png", "b.png"}}


def test_originals_that_stay_hold_up_no_folder(tmp_path: Path, tiny: Path, shoot: Shoot) -> None:
    with running(tmp_path / "root", tiny, {**BATCHES, "after": "keep"}) as house:
        watching = Watching(house)
        os.rename(shoot("a.jpg", "b.jpg", **{"bad.jpg": BAD}), house.folder.inbox / "shoot")
        watching.until("shoot")
        put(house.folder.inbox, "shoot/late.jpg", JPEG)

        watching.until("shoot-2")

    assert watching.first_seen == {"shoot": {"a.png", "b.png"}, "shoot-2": {"late.png"}}


def test_folder_that_is_removed_while_busy_is_delivered_as_far_as_it_was_done(
    tmp_path: Path, tiny: Path
) -> None:
    with running(tmp_path / "root", tiny, BATCHES) as house:
        watching = Watching(house)
        put(house.folder.inbox, "shoot/half.jpg", JPEG[:-100])
        put(house.folder.inbox, "shoot/a.jpg", JPEG)
        wait_until(lambda: house.originals() == {"shoot/a.jpg"}, within_s=20)
        shutil.rmtree(house.folder.inbox / "shoot")

        watching.until("shoot")

    assert watching.first_seen == {"shoot": {"a.png"}}


def test_name_that_somebody_takes_meanwhile_stays_his(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny, BATCHES) as house:
        with sending(house):
            (house.folder.outbox / "shoot").mkdir()

        house.wait_for("shoot-2/a.png", "shoot-2/b.png")

        assert os.listdir(house.folder.outbox / "shoot") == []
        outputs = {house.receipt(f"shoot/{name}.jpg").output for name in "ab"}
        assert outputs == {"shoot-2/a.png", "shoot-2/b.png"}


def test_nothing_is_delivered_while_the_folder_is_paused(tmp_path: Path, tiny: Path) -> None:
    root = tmp_path / "root"
    put(root, "PAUSE")
    put(root, "outbox/.watchd-batches/shoot/1/a.png")  # by a daemon that was killed
    with running(root, tiny, BATCHES) as house:
        watching = Watching(house)
        threading.Event().wait(2.5)
        seen = watching()
        (root / "PAUSE").unlink()

        watching.until("shoot")

    assert not seen
