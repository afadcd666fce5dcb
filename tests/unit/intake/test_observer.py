import logging
import os
import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import put, wait_until
from watchdog.events import (
    DirCreatedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileClosedNoWriteEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileOpenedEvent,
    FileSystemEvent,
)

from watchd.domain.profile import WatchFolder
from watchd.intake.observer import Observation, Overflow, _Handler, ringing, tame_watchdog
from watchd.intake.sightings import Hint, Sightings


def hear(_: FileSystemEvent) -> None:
    pass


@pytest.mark.parametrize(
    ("event", "hint"),
    [
        (FileCreatedEvent("INBOX/sub/a.jpg"), Hint.SEEN),
        (FileModifiedEvent("INBOX/sub/a.jpg"), Hint.TOUCHED),
        (FileClosedEvent("INBOX/sub/a.jpg"), Hint.ARRIVED),
        (FileMovedEvent("INBOX/sub/a.tmp", "INBOX/sub/a.jpg"), Hint.ARRIVED),
        (FileMovedEvent("", "INBOX/sub/a.jpg"), Hint.ARRIVED),
        (FileOpenedEvent("INBOX/sub/a.jpg"), None),
        (FileClosedNoWriteEvent("INBOX/sub/a.jpg"), None),
        (FileDeletedEvent("INBOX/sub/a.jpg"), None),
        (FileMovedEvent("INBOX/sub/a.jpg", ""), None),
        (FileMovedEvent("INBOX/sub/a.jpg", "/elsewhere/a.jpg"), None),
    ],
)
def test_event_of_a_file_becomes_a_sighting(
    folder: WatchFolder, event: FileSystemEvent, hint: Hint | None
) -> None:
    sightings = Sightings(10)

    _Handler(folder, sightings, hear).on_any_event(located(event, folder))

    expected = {} if hint is None else {("photos", "sub/a.jpg"): hint}
    assert sightings.take(0).files == expected


@pytest.mark.parametrize(
    ("event", "scans"),
    [
        (DirCreatedEvent("INBOX/sub"), {("photos", "sub")}),
        (DirMovedEvent("INBOX/x", "INBOX/sub/y"), {("photos", "sub/y")}),
        (DirModifiedEvent("INBOX/sub"), set()),
        (DirModifiedEvent("INBOX"), set()),
    ],
)
def test_folder_that_appears_is_scanned(
    folder: WatchFolder, event: FileSystemEvent, scans: set[tuple[str, str]]
) -> None:
    sightings = Sightings(10)

    _Handler(folder, sightings, hear).on_any_event(located(event, folder))

    batch = sightings.take(0)
    assert (batch.scans, batch.files) == (scans, {})


def test_undecodable_name_reaches_the_feeder_unharmed(folder: WatchFolder) -> None:
    sightings = Sightings(10)

    _Handler(folder, sightings, hear).on_any_event(FileClosedEvent(os.fsencode(folder.inbox) + b"/\xff.jpg"))

    assert list(sightings.take(0).files) == [("photos", os.fsdecode(b"\xff.jpg"))]


def test_folder_with_a_name_that_begins_the_same_is_not_ours(folder: WatchFolder) -> None:
    sightings = Sightings(10)

    _Handler(folder, sightings, hear).on_any_event(FileClosedEvent(f"{folder.inbox}-old/a.jpg"))

    assert sightings.take(0).files == {}


def located(event: FileSystemEvent, folder: WatchFolder) -> FileSystemEvent:
    """The same event, with the inbox in the place of INBOX."""
    return replace(
        event,
        src_path=str(event.src_path).replace("INBOX", str(folder.inbox)),
        dest_path=str(event.dest_path).replace("INBOX", str(folder.inbox)),
    )


def test_observation_is_well_from_its_start_to_its_stop(folder: WatchFolder) -> None:
    observation = Observation(folder, Sightings(10))
    before = observation.illness()
    observation.start()

    try:
        while_running = observation.illness()
    finally:
        observation.stop()

    assert (before, while_running, observation.illness()) == (
        "the observer is dead",
        "",
        "the observer is dead",
    )


def test_emitter_that_ended_is_an_illness(folder: WatchFolder) -> None:
    observation = Observation(folder, Sightings(10))
    observation.start()

    try:
        assert observation._observer is not None
        emitter = next(iter(observation._observer.emitters))
        emitter.stop()
        emitter.join(5)
        ill = observation.illness()
    finally:
        observation.stop()

    assert ill == "an emitter is dead"


def test_canary_is_heard_while_all_is_well(folder: WatchFolder) -> None:
    observation = Observation(folder, Sightings(10))
    observation.start()

    try:
        wait_until(observation._canary._heard.is_set)
        observation.test()
        wait_until(observation._canary._heard.is_set)
    finally:
        observation.stop()


def test_observer_without_events_is_found_out_by_the_canary(folder: WatchFolder) -> None:
    observation = Observation(folder, Sightings(10))
    observation.start()

    try:
        assert observation._observer is not None
        wait_until(observation._canary._heard.is_set)
        observation._observer.unschedule_all()  # deaf
        observation._observer.schedule(_Deaf(), str(folder.sidecar))  # and seemingly well
        observation.test()
        answers = [observation.illness() for _ in range(5)]
    finally:
        observation.stop()

    assert answers == ["", "", "", "", "no event arrives"]


class _Deaf:
    def dispatch(self, event: FileSystemEvent) -> None:
        pass


def test_start_that_fails_leaves_no_thread_behind(folder: WatchFolder, tmp_path: Path) -> None:
    before = threading.active_count()
    observation = Observation(replace(folder, inbox=tmp_path / "gone"), Sightings(10))

    with pytest.raises(FileNotFoundError):
        observation.start()

    wait_until(lambda: threading.active_count() <= before + 1)  # 7.x keeps the reader that all share
    assert observation.illness() == "the observer is dead"


@pytest.mark.parametrize("kind", ["stranger's folder", "file"])
def test_handler_cannot_raise_whatever_it_is_told(folder: WatchFolder, kind: str) -> None:
    sightings = Sightings(1)
    handler = _Handler(folder, sightings, hear)

    for path in ("", "/", b"\xff\x00", f"{folder.inbox}/", f"{folder.inbox}", f"{folder.inbox}/a\n.jpg"):
        for event in (FileMovedEvent(path, path), DirMovedEvent(path, path), FileClosedEvent(path)):
            handler.dispatch(event)


@pytest.mark.parametrize("speaker", ["watchdog.observers.inotify_c", "watchdog.observers.inotify"])
def test_overflow_in_the_log_of_watchdog_is_told_whatever_the_level(
    speaker: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[bool] = []
    caplog.set_level(logging.ERROR)

    with Overflow(lambda: told.append(True)):
        logging.getLogger(speaker).warning("Inotify queue overflowed; filesystem events were lost")
        logging.getLogger(speaker).warning("something else")
    logging.getLogger(speaker).warning("Inotify queue overflowed; after the end")

    assert told == [True]


def test_flood_of_warnings_is_dammed() -> None:
    tame_watchdog()

    warnings.warn("Callback with id '1' already exists for watch <Watch>", RuntimeWarning, stacklevel=1)


def test_file_whose_event_is_heard_becomes_a_sighting(folder: WatchFolder) -> None:
    sightings = Sightings(10)
    seen: dict[tuple[str, str], Hint] = {}
    observation = Observation(folder, sightings)
    observation.start()

    def arrived() -> bool:
        seen.update(sightings.take(0.05).files)
        return seen.get(("photos", "a.jpg")) is Hint.ARRIVED

    try:
        put(folder.inbox, "a.jpg")
        wait_until(arrived)
    finally:
        observation.stop()


def write_in_place(file: Path) -> None:
    file.write_text("new")


def replace_it(file: Path) -> None:
    file.with_name("temp").write_text("new")
    os.rename(file.with_name("temp"), file)


def turn_a_link(file: Path) -> None:
    file.with_name("temp").symlink_to(file.parent)
    os.rename(file.with_name("temp"), file.with_name("..data"))


@pytest.mark.parametrize("save", [write_in_place, replace_it, turn_a_link, Path.unlink])
def test_bell_rings_however_a_file_is_saved(tmp_path: Path, save: Callable[[Path], None]) -> None:
    (tmp_path / "config.yaml").write_text("old")
    rung = threading.Event()

    with ringing(tmp_path, rung.set):
        save(tmp_path / "config.yaml")

        assert rung.wait(20)


def test_folder_that_is_not_there_rings_no_bell_and_stops_nobody(tmp_path: Path) -> None:
    rung = threading.Event()

    with ringing(tmp_path / "gone", rung.set):
        (tmp_path / "gone").mkdir()
        (tmp_path / "gone" / "config.yaml").write_text("new")

    assert not rung.is_set()
