import os
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Crashes, ManualClock, put, wait_until
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

from watchd.background import Grace
from watchd.domain.profile import Detect, WatchFolder
from watchd.intake.mounts import Mount
from watchd.intake.sightings import Hint, Sightings
from watchd.intake.watcher import Watcher, _Handler, _Watch, polls

LOCAL, SHARE = Mount("/", "ext4"), Mount("/", "nfs4")


@pytest.mark.parametrize(
    ("detect", "mount", "expected"),
    [
        (Detect.AUTO, LOCAL, False),
        (Detect.AUTO, SHARE, True),
        (Detect.EVENTS, SHARE, False),
        (Detect.POLLING, LOCAL, True),
    ],
)
def test_folder_is_polled_when_asked_for_or_when_others_write_to_it(
    folder: WatchFolder, detect: Detect, mount: Mount, expected: bool
) -> None:
    assert polls(replace(folder, detect=detect), mount) == expected


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

    _Handler(folder, sightings).on_any_event(located(event, folder))

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

    _Handler(folder, sightings).on_any_event(located(event, folder))

    batch = sightings.take(0)
    assert (batch.scans, batch.files) == (scans, {})


def test_undecodable_name_reaches_the_feeder_unharmed(folder: WatchFolder) -> None:
    sightings = Sightings(10)

    _Handler(folder, sightings).on_any_event(FileClosedEvent(os.fsencode(folder.inbox) + b"/\xff.jpg"))

    assert list(sightings.take(0).files) == [("photos", os.fsdecode(b"\xff.jpg"))]


def test_folder_with_a_name_that_begins_the_same_is_not_ours(folder: WatchFolder) -> None:
    sightings = Sightings(10)

    _Handler(folder, sightings).on_any_event(FileClosedEvent(f"{folder.inbox}-old/a.jpg"))

    assert sightings.take(0).files == {}


def located(event: FileSystemEvent, folder: WatchFolder) -> FileSystemEvent:
    """The same event, with the inbox in the place of INBOX."""
    return replace(
        event,
        src_path=str(event.src_path).replace("INBOX", str(folder.inbox)),
        dest_path=str(event.dest_path).replace("INBOX", str(folder.inbox)),
    )


def test_watched_folder_is_healthy_until_its_root_is_replaced(folder: WatchFolder) -> None:
    watch = _Watch(folder, polling=False, sightings=Sightings(10))
    before = watch.healthy()
    watch.start()

    try:
        running = watch.healthy()
        folder.inbox.rename(folder.inbox.with_name("old"))
        gone = watch.healthy()
        folder.inbox.mkdir()
        replaced = watch.healthy()
        watch.start()
        restarted = watch.healthy()
    finally:
        watch.stop()

    assert (before, running, gone, replaced, restarted) == (False, True, False, False, True)
    assert not watch.healthy()


def test_dead_emitter_is_no_health(folder: WatchFolder) -> None:
    watch = _Watch(folder, polling=False, sightings=Sightings(10))
    watch.start()

    try:
        assert watch._observer is not None
        for emitter in watch._observer.emitters:
            emitter.stop()
            emitter.join(5)
        healthy = watch.healthy()
    finally:
        watch.stop()

    assert not healthy


def test_polled_folder_has_no_observer(folder: WatchFolder) -> None:
    watch = _Watch(folder, polling=True, sightings=Sightings(10))

    watch.start()

    assert not watch.healthy()
    watch.stop()


def test_rescans_of_a_watched_folder_are_spread(folder: WatchFolder) -> None:
    watch = _Watch(replace(folder, rescan_s=100.0), polling=False, sightings=Sightings(10))

    intervals = {watch.next_interval_s(0) for _ in range(50)}

    assert len(intervals) > 40
    assert 75 <= min(intervals) <= max(intervals) <= 125


def test_polling_slows_while_nothing_happens_and_is_fast_again_with_the_first_news(
    folder: WatchFolder,
) -> None:
    watch = _Watch(replace(folder, poll_s=2.0), polling=True, sightings=Sightings(10))

    quiet = [watch.next_interval_s(5) for _ in range(12)]
    busy = watch.next_interval_s(6)

    assert quiet[:3] == [2.0, 3.0, 4.5]
    assert quiet[-1] == 20.0
    assert busy == 2.0


def test_folder_whose_events_fail_is_polled_meanwhile(folder: WatchFolder) -> None:
    watch = _Watch(replace(folder, poll_s=2.0), polling=False, sightings=Sightings(10), retry_s=1.0)

    assert watch.next_interval_s(0) == 2.0


def test_watcher_asks_for_a_scan_at_once_and_tells_of_files(folder: WatchFolder, crashes: Crashes) -> None:
    sightings = Sightings(100)
    watcher = Watcher(
        folders=[(folder, LOCAL)], sightings=sightings, news=lambda _: 0, on_crash=crashes, grace=Grace(5)
    )
    seen: dict[tuple[str, str], Hint] = {}

    def arrived() -> bool:
        seen.update(sightings.take(0.05).files)
        return seen.get(("photos", "a.jpg")) is Hint.ARRIVED

    with watcher:
        first = sightings.take(0)
        put(folder.inbox, "a.jpg")
        wait_until(arrived)

    assert first.scans == {("photos", "")}
    assert crashes.seen == []


def test_inbox_that_is_not_there_is_tried_again_with_growing_pauses_and_scanned(
    folder: WatchFolder, crashes: Crashes, clock: ManualClock, tmp_path: Path
) -> None:
    folder = replace(folder, inbox=tmp_path / "gone")
    sightings = Sightings(100)
    watcher = Watcher(
        folders=[(folder, LOCAL)],
        sightings=sightings,
        news=lambda _: 0,
        on_crash=crashes,
        grace=Grace(5),
        clock=clock,
    )
    (watch,) = watcher._watches
    pauses = []

    for _ in range(8):
        watcher._start(watch, clock.now)
        pauses.append(watch.retry_at - clock.now)
    asked = sightings.take(0).scans
    folder.inbox.mkdir()
    watcher._start(watch, clock.now)
    healthy = watch.healthy()
    watch.stop()

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert asked == {("photos", "")}
    assert healthy
