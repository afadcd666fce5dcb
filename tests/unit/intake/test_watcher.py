import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Crashes, ManualClock, put, wait_until, watch_folder

from watchd.background import Grace
from watchd.domain.profile import Detect, WatchFolder
from watchd.intake.mounts import Mount
from watchd.intake.observer import Observation
from watchd.intake.sightings import Hint, Sightings
from watchd.intake.watcher import Watcher, _Watch, polls

LOCAL, SHARE = Mount("/", "ext4"), Mount("/", "nfs4")


class Bench:
    """A watcher whose time passes when a test says so: `look` is what its thread does each second."""

    def __init__(self, folder: WatchFolder, clock: ManualClock, crashes: Crashes) -> None:
        self.folder = folder
        self.clock = clock
        self.sightings = Sightings(100)
        self.watcher = Watcher(
            sightings=self.sightings,
            news=lambda _: 0,
            on_crash=crashes,
            grace=Grace(5),
            clock=clock,
        )
        self.watch = _Watch(folder, Observation(folder, self.sightings))
        self.watcher._watches = [self.watch]

    def start(self) -> None:
        """Returns once the canary was heard, where there is one."""
        self.watcher._start(self.watch, self.clock.now)
        if self.watch.observation._observer is not None:
            wait_until(self.watch.observation._canary._heard.is_set)

    def look(self, seconds: float = 1.0) -> bool:
        """Whether a scan was asked for."""
        self.clock.advance(seconds)
        self.watcher._look(self.watch, self.clock.now)
        return bool(self.sightings.take(0).scans)


@pytest.fixture
def bench(folder: WatchFolder, clock: ManualClock, crashes: Crashes) -> Iterator[Bench]:
    bench = Bench(folder, clock, crashes)
    yield bench
    bench.watch.observation.stop()


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


def test_well_folder_is_scanned_at_its_start_and_left_alone_then(bench: Bench) -> None:
    bench.start()

    scans = [bool(bench.sightings.take(0).scans), *(bench.look() for _ in range(10))]

    assert scans == [True] + 10 * [False]


def test_replaced_inbox_is_observed_anew_with_a_scan(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.start()
    bench.look()
    bench.folder.inbox.rename(bench.folder.inbox.with_name("old"))
    bench.folder.inbox.mkdir()

    assert bench.look()
    assert not bench.look()
    assert bench.watch.illness() == ""
    assert _said(caplog) == []


def test_dead_emitter_is_replaced_with_a_scan(bench: Bench) -> None:
    bench.start()
    bench.look()
    assert bench.watch.observation._observer is not None
    for emitter in list(bench.watch.observation._observer.emitters):
        emitter.stop()
        emitter.join(5)

    assert bench.look()
    assert bench.watch.illness() == ""


def test_canary_that_is_not_heard_means_polling_and_one_warning_until_it_is_heard(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    bench.start()
    canary = bench.watch.observation._canary
    hear, canary.hear = canary.hear, lambda: None  # type: ignore[method-assign]
    bench.watch.observation.test()

    scans = sum(bench.look() for _ in range(60))
    warned = _said(caplog)
    interval_s = bench.watch.next_interval_s(0)
    canary.hear = hear  # type: ignore[method-assign]
    bench.look(120)
    wait_until(canary._heard.is_set)
    bench.look()

    assert scans > 3
    assert interval_s <= 10 * bench.folder.poll_s
    assert warned == ["no events, scanning instead"]
    assert _said(caplog)[-1] == "events arrive again"
    assert not any(bench.look() for _ in range(60))


def test_inbox_that_is_not_there_is_tried_again_with_growing_pauses_and_scanned(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.rmtree(bench.folder.inbox)
    bench.start()
    pauses = []

    for _ in range(8):
        pauses.append(bench.watch.retry_at - bench.clock.now)
        bench.look(pauses[-1])
    bench.folder.inbox.mkdir()
    bench.look(60)
    recovered = bench.look()

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert _said(caplog) == ["no events, scanning instead"]
    assert not recovered
    assert bench.watch.illness() == ""


def test_overflow_asks_for_a_scan_at_once_and_for_another_one_soon(bench: Bench) -> None:
    bench.start()
    bench.sightings.take(0)

    bench.watcher._overflowed()

    assert bench.sightings.take(0).scans == {("photos", "")}
    assert not bench.look(5)
    assert bench.look(10)


def test_polled_folder_has_no_observer_and_is_well(bench: Bench) -> None:
    bench.watch.folder = replace(bench.folder, detect=Detect.POLLING)

    bench.start()

    assert bench.watch.observation._observer is None
    assert bench.watch.illness() == ""
    assert sum(bench.look() for _ in range(60)) > 3


def watch(folder: WatchFolder, **changes: object) -> _Watch:
    watch = _Watch(folder, Observation(folder, Sightings(10)))
    for name, value in changes.items():
        setattr(watch, name, value)
    return watch


def test_rescans_of_a_watched_folder_are_spread(folder: WatchFolder) -> None:
    watched = watch(replace(folder, rescan_s=100.0))

    intervals = {watched.next_interval_s(0) for _ in range(50)}

    assert len(intervals) > 40
    assert 75 <= min(intervals) <= max(intervals) <= 125


def test_polling_slows_while_nothing_happens_and_is_fast_again_with_the_first_news(
    folder: WatchFolder,
) -> None:
    polled = watch(replace(folder, poll_s=2.0), polling=True)

    quiet = [polled.next_interval_s(5) for _ in range(12)]
    busy = polled.next_interval_s(6)

    assert quiet[:3] == [2.0, 3.0, 4.5]
    assert quiet[-1] == 20.0
    assert busy == 2.0


def test_folder_whose_events_fail_is_polled_meanwhile(folder: WatchFolder) -> None:
    assert watch(replace(folder, poll_s=2.0), retry_s=1.0).next_interval_s(0) == 2.0


def test_watcher_asks_for_a_scan_at_once_and_tells_of_files(folder: WatchFolder, crashes: Crashes) -> None:
    sightings = Sightings(100)
    watcher = Watcher(sightings=sightings, news=lambda _: 0, on_crash=crashes, grace=Grace(5))
    watcher.watch([folder])
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


def test_watcher_that_hangs_at_its_look_is_late(
    folder: WatchFolder, crashes: Crashes, clock: ManualClock
) -> None:
    hung, asked = threading.Event(), threading.Event()

    def news(_: str) -> int:
        if threading.current_thread() is not threading.main_thread():
            asked.set()
            hung.wait(30)
        return 0

    polled = replace(folder, detect=Detect.POLLING)
    watcher = Watcher(sightings=Sightings(100), news=news, on_crash=crashes, grace=Grace(5), clock=clock)
    watcher.watch([polled])
    with watcher:
        clock.advance(60)
        assert asked.wait(10)
        before = watcher.pulse.late
        clock.advance(200)
        after = watcher.pulse.late
        hung.set()
        wait_until(lambda: not watcher.pulse.late)

    assert [before, after] == [False, True]


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """By us: watchdog complains by itself of an emitter that is being ended."""
    return [record.message for record in caplog.records if record.name.startswith("watchd.")]


def test_watches_follow_the_folders_and_one_that_stays_is_left_alone(
    folder: WatchFolder, crashes: Crashes, tmp_path: Path
) -> None:
    other = watch_folder(tmp_path / "other", name="other")
    watcher = Watcher(sightings=Sightings(100), news=lambda _: 0, on_crash=crashes, grace=Grace(5))
    watcher.watch([folder])
    watcher._change_watches()
    (first,) = watcher._watches

    watcher.watch([other, folder])
    watcher._change_watches()
    second, stayed = watcher._watches
    watcher.watch([replace(other, rescan_s=5)])
    watcher._change_watches()
    (changed,) = watcher._watches
    ends = [watch.observation._observer is None for watch in (first, second, changed)]
    changed.observation.stop()

    assert stayed is first
    assert ends == [True, True, False]
    assert changed.folder.rescan_s == 5


def test_feeder_is_woken_when_a_pause_begins_and_when_it_ends(
    folder: WatchFolder, clock: ManualClock, crashes: Crashes
) -> None:
    # Polled, for events would wake it, too.
    bench = Bench(replace(folder, detect=Detect.POLLING, poll_s=3600), clock, crashes)
    bench.start()
    bench.look()
    pause, something = bench.folder.inbox / "PAUSE", bench.sightings._something
    woken = []

    for change in (pause.touch, lambda: None, pause.unlink, lambda: None):
        something.clear()
        change()
        bench.clock.advance(1)
        bench.watcher._look(bench.watch, bench.clock.now)
        woken.append(something.is_set())

    assert woken == [True, False, True, False]
