import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes import Crashes, FakeClaims, ManualClock, RecordingListener, encoded, put, wait_until, watch_folder

from watchd.background import Grace
from watchd.domain.events import FolderPaused, JobEnded
from watchd.domain.job import Job
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped
from watchd.domain.profile import WatchFolder
from watchd.intake.admission import Admission, History
from watchd.intake.feeder import Feeder
from watchd.intake.lane import Lane
from watchd.intake.settle import Settler
from watchd.intake.sightings import Hint, Sightings

JPEG = encoded()


class Bench:
    """A feeder with one lane; `jobs` takes `room` of them."""

    def __init__(
        self, folder: WatchFolder, claims: FakeClaims, listener: RecordingListener, crashes: Crashes
    ) -> None:
        self.folder = folder
        self.sightings = Sightings(100)
        self.jobs: list[Job] = []
        self.room = 100
        self.left: list[dict[str, str]] = []
        self.exhausted = threading.Event()
        self.crashes = crashes
        self.claims = claims
        self.listener = listener
        self.clock: Callable[[], float] = time.monotonic
        self.absent: Callable[[], str] = str
        self.has_room: Callable[[WatchFolder], bool] = lambda _: len(self.jobs) < self.room
        self.lane = self._lane(folder, capacity=10)

    def lane_of(self, root: Path, name: str, **changes: object) -> Lane:
        """Of a watch folder of its own."""
        return self._lane(watch_folder(root / name, name=name, **changes), capacity=1000)

    def _lane(self, folder: WatchFolder, capacity: int) -> Lane:
        return Lane(
            folder=folder,
            admission=Admission(
                folder,
                self.claims,
                lambda _: History(),
                lambda *_: False,
                lambda: True,
                set,
            ),
            settler=Settler(0.2, 60.0, capacity),
            absent=self._absent,
            announce=self.listener,
        )

    def _absent(self) -> str:
        return self.absent()

    @contextmanager
    def running(self, *lanes: Lane) -> Iterator[Feeder]:
        """On these lanes, or the one of its own."""
        feeder = Feeder(
            sightings=self.sightings,
            room=lambda folder: self.has_room(folder),  # noqa: PLW0108 - a test may replace it
            submit=self.submit,
            on_crash=self.crashes,
            grace=Grace(5),
            exhausted=self.tell,
            clock=self.clock,
        )
        feeder.serve(lanes or [self.lane])
        with feeder:
            yield feeder
        assert not feeder.alive
        assert self.crashes.seen == []

    def submit(self, job: Job) -> bool:
        self.jobs.append(job)
        return True

    def tell(self, left: dict[str, str]) -> None:
        self.left.append(left)
        self.exhausted.set()

    def end(self, outcome: Outcome) -> None:
        """As the processor ends a job: the claim is free, and a file that is done has left the inbox."""
        job = self.jobs[-1]
        if isinstance(outcome, Delivered | Rejected):
            (self.folder.inbox / job.source.relative).unlink()
        self.claims.release(job.source.key, job.token)
        self.sightings.listen(JobEnded(job, outcome, 0.1))


@pytest.fixture
def bench(folder: WatchFolder, claims: FakeClaims, listener: RecordingListener, crashes: Crashes) -> Bench:
    return Bench(folder, claims, listener, crashes)


def test_sighted_file_is_submitted_soon(bench: Bench) -> None:
    put(bench.folder.inbox, "a.jpg", JPEG)

    with bench.running():
        bench.sightings.put("photos", "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)


def test_scan_that_was_asked_for_is_done(bench: Bench) -> None:
    put(bench.folder.inbox, "sub/a.jpg", JPEG)

    with bench.running():
        bench.sightings.ask_scan("photos")
        wait_until(lambda: bench.jobs)


def test_scan_of_more_than_can_be_followed_goes_on_without_anybody_waking_the_feeder(bench: Bench) -> None:
    for number in range(30):
        put(bench.folder.inbox, f"{number}.jpg", JPEG)

    with bench.running():
        bench.sightings.ask_scan("photos")
        wait_until(lambda: len(bench.jobs) == 30)


def test_file_that_must_settle_is_looked_at_without_anybody_waking_the_feeder(bench: Bench) -> None:
    put(bench.folder.inbox, "a.jpg", b"of no known format")

    with bench.running():
        bench.sightings.put("photos", "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)


def test_feeder_goes_on_when_there_is_room_again(bench: Bench) -> None:
    bench.room = 1
    for name in ("a.jpg", "b.jpg"):
        put(bench.folder.inbox, name, JPEG)

    with bench.running():
        bench.sightings.ask_scan("photos")
        wait_until(lambda: bench.jobs)
        bench.room = 2
        bench.sightings.wake()
        wait_until(lambda: len(bench.jobs) == 2)


def test_deferred_job_pauses_its_folder(bench: Bench, listener: RecordingListener) -> None:
    put(bench.folder.inbox, "a.jpg", JPEG)

    with bench.running():
        bench.sightings.put("photos", "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)
        bench.end(Deferred("disk full", 5.0))
        wait_until(lambda: listener.of(FolderPaused))

    assert listener.of(FolderPaused) == [FolderPaused("photos", "disk full")]


def test_end_of_the_work_is_told_once_every_job_has_its_outcome(bench: Bench) -> None:
    put(bench.folder.inbox, "a.jpg", JPEG)
    put(bench.folder.inbox, "broken.jpg", JPEG[:600])
    bench.sightings.ask_scan("photos")

    with bench.running():
        wait_until(lambda: bench.jobs)
        told_before = list(bench.left)
        bench.end(Delivered("a.png"))
        assert bench.exhausted.wait(5)

    assert told_before == []
    assert bench.left[-1] == {"broken.jpg": "the end of the JPEG file is missing"}


def test_empty_inbox_is_exhausted_at_once(bench: Bench) -> None:
    bench.sightings.ask_scan("photos")

    with bench.running():
        assert bench.exhausted.wait(5)

    assert bench.left[0] == {}


@pytest.mark.parametrize("outcome", [Failed("bug", final=False), Skipped("changed")])
def test_file_whose_last_word_is_not_spoken_is_looked_at_again_without_a_scan(
    bench: Bench, outcome: Outcome
) -> None:
    put(bench.folder.inbox, "a.jpg", JPEG)

    with bench.running():
        bench.sightings.put("photos", "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)
        bench.end(outcome)
        wait_until(lambda: len(bench.jobs) == 2)


@pytest.mark.parametrize("outcome", [Rejected("text"), Delivered("a.png")])
def test_job_that_ended_in_any_way_is_no_longer_waited_for(bench: Bench, outcome: Outcome) -> None:
    put(bench.folder.inbox, "a.jpg", JPEG)
    bench.sightings.ask_scan("photos")

    with bench.running():
        wait_until(lambda: bench.jobs)
        bench.end(outcome)
        assert bench.exhausted.wait(5)


def test_feeder_stops_while_it_waits_for_room(bench: Bench) -> None:
    bench.room = 0
    put(bench.folder.inbox, "a.jpg", JPEG)
    bench.sightings.ask_scan("photos")

    with bench.running():
        pass

    assert bench.jobs == []


def test_feeder_that_hangs_at_a_folder_is_late_and_one_that_waits_for_work_is_not(
    bench: Bench, clock: ManualClock
) -> None:
    server, asked = threading.Event(), threading.Event()

    def absent() -> str:
        asked.set()
        server.wait(30)
        return ""

    bench.clock = clock
    server.set()
    with bench.running() as feeder:
        bench.absent = absent
        bench.sightings.wake()
        assert asked.wait(5)
        clock.advance(150)
        waiting = feeder.pulse.late

        server.clear()
        asked.clear()
        bench.sightings.wake()
        assert asked.wait(5)
        clock.advance(1000)
        hanging = feeder.pulse.late
        server.set()
        wait_until(lambda: not feeder.pulse.late)

    assert [waiting, hanging] == [False, True]


def test_lane_that_is_served_no_more_submits_nothing_and_nobody_trips_over_what_is_told_of_it(
    bench: Bench,
) -> None:
    put(bench.folder.inbox, "a.jpg", JPEG)

    with bench.running() as feeder:
        bench.sightings.put("photos", "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)
        feeder.serve([])
        wait_until(lambda: not feeder.serves(bench.lane))
        put(bench.folder.inbox, "b.jpg", JPEG)
        bench.sightings.put("photos", "b.jpg", Hint.ARRIVED)
        bench.sightings.ask_scan("photos")
        bench.exhausted.clear()
        bench.end(Delivered("a.png", "builtin"))
        assert bench.exhausted.wait(5)

    assert [job.source.relative for job in bench.jobs] == ["a.jpg"]


def test_feeder_that_takes_long_for_many_files_is_not_late(bench: Bench, clock: ManualClock) -> None:
    for number in range(5):
        put(bench.folder.inbox, f"{number}.jpg", JPEG)
    late: list[bool] = []

    def slow(_: Job) -> bool:
        clock.advance(100)
        late.append(feeder.pulse.late)
        return True

    bench.clock, bench.submit = clock, slow
    with bench.running() as feeder:
        bench.sightings.ask_scan("photos")
        wait_until(lambda: len(late) == 5)

    assert late == [False] * 5


def test_folder_of_many_files_holds_up_no_other(bench: Bench, tmp_path: Path) -> None:
    many, one = bench.lane_of(tmp_path, "many"), bench.lane_of(tmp_path, "one")
    for number in range(200):
        put(many.folder.inbox, f"{number}.jpg", JPEG)
    put(one.folder.inbox, "a.jpg", JPEG)
    bench.room = 1000
    bench.sightings.ask_scan("many")
    bench.sightings.ask_scan("one")

    with bench.running(many, one):
        wait_until(lambda: len(bench.jobs) == 201)

    assert [job.folder.name for job in bench.jobs].index("one") < 100


def test_folder_of_higher_priority_has_its_turn_first(bench: Bench, tmp_path: Path) -> None:
    low, high = bench.lane_of(tmp_path, "low", priority=-10), bench.lane_of(tmp_path, "high", priority=10)
    for lane in (low, high):
        put(lane.folder.inbox, f"{lane.folder.name}.jpg", JPEG)
        bench.sightings.ask_scan(lane.folder.name)

    with bench.running(low, high):
        wait_until(lambda: len(bench.jobs) == 2)

    assert [job.folder.name for job in bench.jobs] == ["high", "low"]


def test_folder_without_room_does_not_stop_one_that_has_some(bench: Bench, tmp_path: Path) -> None:
    full, free = bench.lane_of(tmp_path, "full"), bench.lane_of(tmp_path, "free")
    bench.has_room = lambda folder: folder.name != "full"

    with bench.running(full, free):
        for lane in (full, free):
            put(lane.folder.inbox, "a.jpg", b"of no known format, so it must settle")
            bench.sightings.put(lane.folder.name, "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)

    assert [job.folder.name for job in bench.jobs] == ["free"]


def test_job_that_was_given_back_is_waited_for_no_longer_and_comes_again(bench: Bench) -> None:
    source = put(bench.folder.inbox, "a.jpg", JPEG)

    with bench.running():
        bench.sightings.put("photos", "a.jpg", Hint.ARRIVED)
        wait_until(lambda: bench.jobs)
        bench.claims.release(source.key, bench.jobs[0].token)
        bench.sightings.put_back("photos", "a.jpg")
        wait_until(lambda: len(bench.jobs) == 2)
        bench.exhausted.clear()
        bench.end(Delivered("a.png"))

        assert bench.exhausted.wait(5)
