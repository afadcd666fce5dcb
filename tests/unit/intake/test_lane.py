import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeClaims, RecordingListener, draw, encoded, put, watch_folder

from watchd.domain.errors import ConfigError
from watchd.domain.events import FileWaits, FolderPaused, FolderResumed
from watchd.domain.job import Arrival, Job, SourceFile, Stamp
from watchd.domain.profile import After, Order, Profile, Ready, WatchFolder
from watchd.intake.admission import Admission, History
from watchd.intake.lane import Lane
from watchd.intake.ranking import Ranking
from watchd.intake.rules import Rules
from watchd.intake.settle import Settler
from watchd.intake.sightings import Hint
from watchd.tree import Tree

JPEG = encoded()


class Bench:
    """A lane with a queue of `room` places; time passes when a test says so."""

    def __init__(self, root: Path, claims: FakeClaims, listener: RecordingListener) -> None:
        self.folder = watch_folder(root)
        self.claims = claims
        self.listener = listener
        self.jobs: list[Job] = []
        self.room = 100
        self.closed = False
        self.past: Callable[[SourceFile], History] = lambda source: History()
        self.known: set[Stamp] = set()
        self.with_receipt: set[str] = set()
        self.receipts_trouble: OSError | None = None
        self.capacity = 100
        self.absent = self.asked = ""
        self.now = 0.0
        self.make()

    def make(self, door: type[Admission] = Admission, **changes: object) -> "Bench":
        self.folder = replace(self.folder, **changes)
        admission = door(
            self.folder,
            self.claims,
            self.ask,
            lambda _, stamp: stamp in self.known,
            lambda: True,
            self.list_receipts,
            Rules(Tree(self.folder.inbox), self.read_rule),
        )
        ranking = Ranking(self.folder.order, Tree(self.folder.inbox))
        settler = Settler(self.folder.settle_s, self.folder.settle_timeout_s, self.capacity, ranking)
        self.lane = Lane(
            folder=self.folder,
            admission=admission,
            settler=settler,
            absent=lambda: self.absent,
            announce=self.listener,
            asked_to_pause=lambda: self.asked,
        )
        return self

    def read_rule(self, text: bytes, where: str) -> Profile:
        if text == b"wrong":
            raise ConfigError(f"{where} is wrong")
        return Profile(text.decode())

    def list_receipts(self) -> set[str]:
        if self.receipts_trouble is not None:
            raise self.receipts_trouble
        return self.with_receipt

    def ask(self, source: SourceFile) -> History:
        return self.past(source)

    def advance(self, seconds: float = 0.0) -> list[str]:
        """Lets time pass, does what can be done, and tells all that was submitted so far."""
        self.now += seconds
        self.lane.advance(self.now, lambda: len(self.jobs) < self.room, self.submit)
        return [job.source.relative for job in self.jobs]

    def submit(self, job: Job) -> bool:
        if self.closed or len(self.jobs) >= self.room:
            return False
        self.jobs.append(job)
        return True

    def put(self, relative: str, data: bytes = JPEG) -> SourceFile:
        return put(self.folder.inbox, relative, data)

    def sight(self, relative: str, hint: Hint = Hint.SEEN) -> None:
        self.lane.sight(relative, hint, self.now)


@pytest.fixture
def bench(tmp_path: Path, claims: FakeClaims, listener: RecordingListener) -> Iterator[Bench]:
    bench = Bench(tmp_path, claims, listener)
    yield bench
    bench.lane.drop_scans()


def test_whole_file_becomes_a_job_at_once(bench: Bench) -> None:
    source = bench.put("sub/a.jpg")
    bench.sight("sub/a.jpg", Hint.ARRIVED)

    assert bench.advance() == ["sub/a.jpg"]
    assert bench.jobs[0].source == source
    assert bench.claims.held == {source.key: bench.jobs[0].token}


def test_file_still_growing_is_not_submitted(bench: Bench) -> None:
    bench.put("a.jpg", JPEG[:500])
    bench.sight("a.jpg", Hint.ARRIVED)

    for length in range(501, 600):
        bench.put("a.jpg", JPEG[:length])
        assert bench.advance(0.2) == []

    bench.put("a.jpg", JPEG)
    assert bench.advance(5) == ["a.jpg"]


def test_file_that_a_program_still_has_open_is_not_submitted(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)

    with open(bench.folder.inbox / "a.jpg", "ab"):
        meanwhile = bench.advance(3600)

    assert meanwhile == []
    assert bench.advance(5) == ["a.jpg"]


@pytest.mark.parametrize("relative", ["note.txt", ".a.jpg", "@eaDir/a.jpg", "a.jpg.part"])
def test_unwanted_name_is_dropped_at_its_sighting(bench: Bench, relative: str) -> None:
    bench.put(relative)
    bench.sight(relative, Hint.ARRIVED)

    assert bench.advance(10) == []
    assert bench.lane.news == 0
    assert bench.lane.next_due() is None


def test_file_that_vanished_is_forgotten(bench: Bench) -> None:
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.sight("gone/b.jpg", Hint.ARRIVED)

    assert bench.advance() == []
    assert bench.lane.next_due() is None
    assert bench.lane.left() == {}


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_what_is_no_regular_file_is_forgotten(bench: Bench, kind: str) -> None:
    path = bench.folder.inbox / "a.jpg"
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(__file__)
        case _:
            os.mkfifo(path)
    bench.sight("a.jpg", Hint.ARRIVED)

    assert bench.advance() == []
    assert bench.lane.left() == {}


def test_folder_swapped_for_a_link_costs_its_files_only(bench: Bench, tmp_path: Path) -> None:
    put(tmp_path, "outside/b.jpg", JPEG)
    (bench.folder.inbox / "sub").symlink_to(tmp_path / "outside")
    bench.put("a.jpg")
    bench.sight("sub/b.jpg", Hint.ARRIVED)
    bench.sight("a.jpg", Hint.ARRIVED)

    assert bench.advance() == ["a.jpg"]
    assert bench.listener.of(FolderPaused) == []


@pytest.mark.parametrize("code", [errno.EACCES, errno.ELOOP])
def test_file_that_cannot_be_reached_does_not_stop_the_others(bench: Bench, code: int) -> None:
    class Door(Admission):
        def kind(self, relative: str) -> tuple[Stamp | None, str]:
            if relative.startswith("locked/"):
                raise OSError(code, os.strerror(code), "locked")
            return super().kind(relative)

    bench.make(Door)
    bench.put("a.jpg")
    bench.sight("locked/b.jpg", Hint.ARRIVED)
    bench.sight("a.jpg", Hint.ARRIVED)

    assert bench.advance() == ["a.jpg"]
    assert bench.listener.of(FolderPaused) == []
    assert list(bench.lane.left() or {}) == ["locked/b.jpg"]


def test_scan_finds_what_nobody_told_of(bench: Bench) -> None:
    for name in ("a.jpg", "sub/b.jpg", "note.txt"):
        bench.put(name)

    bench.lane.begin_scan("")

    assert sorted(bench.advance()) == ["a.jpg", "sub/b.jpg"]
    assert bench.lane.news == 2


def test_scan_of_a_subfolder_finds_what_lies_there(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.put("sub/b.jpg")

    bench.lane.begin_scan("sub")

    assert bench.advance() == ["sub/b.jpg"]


def test_subfolder_is_not_scanned_where_subfolders_are_left_alone(bench: Bench) -> None:
    bench.make(recursive=False)
    bench.put("a.jpg")
    bench.put("sub/b.jpg")

    bench.lane.begin_scan("sub")
    bench.lane.begin_scan("")

    assert bench.advance() == ["a.jpg"]


def test_scan_asked_for_during_a_scan_comes_after_it(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.lane.begin_scan("")
    bench.lane.begin_scan("")
    bench.advance()
    bench.put("b.jpg")

    assert bench.advance() == ["a.jpg", "b.jpg"]


def test_full_queue_keeps_files_back_and_loses_none(bench: Bench) -> None:
    bench.room = 2
    for number in range(5):
        bench.put(f"{number}.jpg")
    bench.lane.begin_scan("")

    first = bench.advance()
    claimed = len(bench.claims.held)
    bench.room = 100
    everything = bench.advance()

    assert len(first) == claimed == 2
    assert sorted(everything) == [f"{number}.jpg" for number in range(5)]


def test_more_files_than_the_settler_holds_come_through_all_the_same(bench: Bench) -> None:
    bench.capacity = 3
    bench.make()
    for number in range(20):
        bench.put(f"{number:02}.jpg")
    bench.lane.begin_scan("")

    for _ in range(20):
        bench.advance()

    assert sorted(bench.advance()) == [f"{number:02}.jpg" for number in range(20)]
    assert bench.lane.left() == {}


def test_first_files_of_a_long_scan_become_jobs_before_the_last_are_read(bench: Bench) -> None:
    bench.capacity = 1000
    bench.make()
    for number in range(600):
        bench.put(f"{number:03}.jpg")
    bench.lane.begin_scan("")

    bench.room = 2
    first = len(bench.advance())
    read = bench.lane.news
    bench.room = 600
    while bench.lane.reading:
        bench.advance()

    assert first == 2
    assert read < 600
    assert len(bench.jobs) == 600


def test_new_file_does_not_wait_until_the_receipts_of_those_that_stay_are_read(bench: Bench) -> None:
    bench.capacity = 1000
    bench.make(after=After.KEEP)
    old = [bench.put(f"{number:03}.jpg") for number in range(600)]
    bench.put("sub/new.jpg")  # which a scan comes to last
    os.utime(bench.folder.inbox / "sub/new.jpg", (2e9, 2e9))  # and which is the last in order
    bench.with_receipt = {source.key for source in old}
    asked: set[str] = set()

    def remember(source: SourceFile) -> History:
        asked.add(source.relative)
        return History(ended="delivered") if source in old else History()

    bench.past = remember
    bench.lane.begin_scan("")
    looks = iter(range(3))
    bench.lane.advance(bench.now, lambda: next(looks, None) is not None, bench.submit)
    first, by_then = [job.source.relative for job in bench.jobs], len(asked)
    while bench.lane.reading:
        bench.advance()

    assert first == ["sub/new.jpg"]
    assert by_then < 300
    assert asked == {source.relative for source in old} | {"sub/new.jpg"}
    assert len(bench.jobs) == 1


def test_file_with_a_receipt_of_another_content_is_found_by_the_first_scan(bench: Bench) -> None:
    bench.make(after=After.KEEP)
    bench.with_receipt = {bench.put("a.jpg").key}
    bench.lane.begin_scan("")

    assert bench.advance() == ["a.jpg"]


def test_receipts_that_cannot_be_listed_pause_the_folder_and_cost_no_file(bench: Bench) -> None:
    bench.make(after=After.KEEP)
    bench.put("a.jpg")
    bench.receipts_trouble = OSError(errno.EIO, os.strerror(errno.EIO))
    bench.lane.begin_scan("")

    assert bench.advance() == []
    assert len(bench.listener.of(FolderPaused)) == 1
    assert bench.advance(60) == ["a.jpg"]


def test_sighting_beyond_the_capacity_becomes_a_scan(bench: Bench) -> None:
    bench.capacity = 1
    bench.make()
    bench.put("a.jpg")
    bench.put("b.jpg")

    bench.sight("a.jpg", Hint.ARRIVED)
    bench.sight("b.jpg", Hint.ARRIVED)
    bench.advance()

    assert bench.advance() == ["a.jpg", "b.jpg"]


def test_file_that_the_queue_refuses_is_given_back_and_comes_again(bench: Bench) -> None:
    source = bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.closed = True
    bench.advance()
    released = list(bench.claims.released)
    bench.closed = False

    assert released == [source.key]
    assert bench.advance(10) == ["a.jpg"]


def test_file_that_another_daemon_has_comes_again_later(bench: Bench) -> None:
    source = bench.put("a.jpg")
    bench.claims.others.add(source.key)
    bench.sight("a.jpg", Hint.ARRIVED)

    before = bench.advance()
    left = bench.lane.left()
    bench.claims.others.clear()

    assert before == []
    assert left == {"a.jpg": "another daemon has it"}
    assert bench.advance(10) == ["a.jpg"]


def test_file_that_is_done_is_forgotten(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.past = lambda source: History(ended="delivered: a.png")
    bench.sight("a.jpg", Hint.ARRIVED)

    assert bench.advance() == []
    assert bench.lane.left() == {}
    assert bench.claims.held == {}


def test_file_that_must_wait_waits_and_no_longer(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.past = lambda source: History(wait_s=30.0, wait_reason="disk full")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance()
    left = bench.lane.left()
    bench.past = lambda source: History()

    assert left == {"a.jpg": "disk full"}
    assert bench.advance(29) == []
    assert bench.advance(1) == ["a.jpg"]


def test_file_that_is_known_is_passed_over_without_asking_its_receipt(bench: Bench) -> None:
    def asked(source: SourceFile) -> History:
        raise AssertionError("the disk was asked")

    bench.past = asked
    bench.known.add(bench.put("a.jpg").stamp)

    bench.lane.begin_scan("")
    bench.sight("a.jpg", Hint.ARRIVED)

    assert bench.advance() == []
    assert bench.lane.left() == {}


def test_file_that_never_becomes_whole_is_submitted_with_its_fault(bench: Bench) -> None:
    bench.put("a.jpg", JPEG[:700])
    bench.sight("a.jpg", Hint.ARRIVED)

    for _ in range(120):
        bench.advance(5)

    assert [job.fault for job in bench.jobs] == ["the end of the JPEG file is missing"]


def test_file_that_does_not_come_to_rest_is_announced_once(bench: Bench) -> None:
    bench.put("a.jpg", JPEG[:700])
    bench.sight("a.jpg", Hint.ARRIVED)

    for _ in range(55):
        bench.advance(5)

    waits = bench.listener.of(FileWaits)
    assert [(event.folder, event.relative) for event in waits] == [("photos", "a.jpg")]
    assert "end of the JPEG" in waits[0].reason


def test_what_is_left_is_told_only_when_nothing_else_can_be_done(bench: Bench) -> None:
    bench.put("whole.jpg")
    bench.put("broken.jpg", JPEG[:700])
    bench.sight("whole.jpg", Hint.TOUCHED)
    bench.sight("broken.jpg", Hint.ARRIVED)

    before = bench.lane.left()
    bench.advance()
    between = bench.lane.left()
    bench.advance(3)

    assert (before, between) == (None, None)
    assert bench.lane.left() == {"broken.jpg": "the end of the JPEG file is missing"}


def test_scan_that_was_asked_for_is_not_left_out(bench: Bench) -> None:
    bench.lane.begin_scan("")

    assert bench.lane.left() is None


def test_folder_that_is_not_there_is_paused_and_costs_nothing(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.absent = "/mnt/nas is not mounted"

    assert bench.advance() == []
    assert bench.listener.of(FolderPaused) == [FolderPaused("photos", "/mnt/nas is not mounted")]
    assert bench.claims.held == {}
    assert bench.lane.left() == {"photos": "/mnt/nas is not mounted"}


def test_folder_that_comes_back_resumes_by_itself_with_a_scan(bench: Bench) -> None:
    bench.absent = "/mnt/nas is not mounted"
    bench.advance()
    bench.absent = ""
    bench.put("a.jpg")

    too_soon = bench.advance(1)
    in_time = bench.advance(2)

    assert too_soon == []
    assert in_time == ["a.jpg"]
    assert len(bench.listener.of(FolderResumed)) == 1


def test_pause_is_announced_once_and_grows_while_the_trouble_lasts(bench: Bench) -> None:
    bench.absent = "/mnt/nas is not mounted"
    lengths = []

    for _ in range(8):
        bench.advance()
        lengths.append((bench.lane.next_due() or 0.0) - bench.now)
        bench.now += lengths[-1]

    assert lengths == [2, 4, 8, 16, 32, 60, 60, 60]
    assert len(bench.listener.of(FolderPaused)) == 1


def test_paused_folder_submits_nothing(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.lane.pause("disk full", bench.now, 10.0)

    assert bench.advance(9) == []
    assert bench.advance(1) == ["a.jpg"]


def test_jobs_that_fail_together_make_one_short_pause(bench: Bench) -> None:
    for _ in range(8):
        bench.lane.pause("disk full", bench.now, 5.0)

    assert bench.lane.next_due() == bench.now + 5.0
    assert len(bench.listener.of(FolderPaused)) == 1


def test_success_makes_the_next_pause_short_again(bench: Bench) -> None:
    for _ in range(4):
        bench.lane.pause("disk full", bench.now)
        bench.now = bench.lane.next_due() or 0.0
    bench.advance()

    bench.lane.relieve()
    bench.lane.pause("disk full", bench.now)

    assert bench.lane.next_due() == bench.now + 2.0


def test_success_from_before_the_trouble_does_not_end_the_pause(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.lane.pause("disk full", bench.now, 10.0)

    bench.lane.relieve()

    assert bench.advance(1) == []


def test_trouble_with_a_claim_pauses_and_the_file_comes_again(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.claims.trouble = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bench.advance()
    (paused,) = bench.listener.of(FolderPaused)
    bench.claims.trouble = None

    assert "No space left" in paused.reason
    assert bench.advance(10) == ["a.jpg"]


def test_same_file_is_submitted_once_however_often_it_is_seen(bench: Bench) -> None:
    bench.put("a.jpg")

    for _ in range(3):
        bench.sight("a.jpg", Hint.ARRIVED)
        bench.lane.begin_scan("")
        bench.advance(6)

    assert len(bench.jobs) == 1


def test_file_dropped_again_while_it_is_worked_on_comes_after_it(bench: Bench) -> None:
    first = bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance()
    second = bench.put("a.jpg", encoded("JPEG", draw(80, 60)))
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance(1)

    bench.claims.release(first.key, bench.jobs[0].token)
    bench.advance(10)

    assert [job.source for job in bench.jobs] == [first, second]


def test_file_whose_job_ended_is_looked_at_again_at_once(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance()
    bench.put("a.jpg", encoded("JPEG", draw(80, 60)))
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance(1)  # it is followed, and must wait for its claim

    bench.claims.held.clear()
    bench.lane.look_again("a.jpg", bench.now)

    assert bench.advance() == ["a.jpg", "a.jpg"]


def test_file_that_left_with_its_job_is_not_followed_for_long(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance()
    (bench.folder.inbox / "a.jpg").unlink()

    bench.lane.look_again("a.jpg", bench.now)
    bench.advance()

    assert bench.lane.left() == {}
    assert bench.lane.news == 1


def test_files_that_rested_long_ago_are_credited_for_it(
    tmp_path: Path, claims: FakeClaims, listener: RecordingListener, folder: WatchFolder
) -> None:
    put(folder.inbox, "a.jpg", b"some other picture")
    admission = Admission(
        folder, claims, lambda _: History(), lambda *_: False, local=lambda: True, with_receipt=set
    )
    lane = Lane(
        folder=folder,
        admission=admission,
        settler=Settler(2.0, 300.0, 10),
        absent=str,
        announce=listener,
        quiet_s=lambda stamp: 60.0,
    )
    jobs: list[Job] = []

    lane.begin_scan("")
    lane.advance(0.0, lambda: True, lambda job: not jobs.append(job))

    assert [job.source.relative for job in jobs] == ["a.jpg"]


def test_file_that_needs_a_marker_waits_for_it_and_takes_it_along(bench: Bench) -> None:
    bench.make(ready=Ready.MARKER)
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.lane.begin_scan("")

    without = bench.advance()
    news, left = bench.lane.news, bench.lane.left()
    bench.put("a.jpg.ready", b"")
    bench.sight("a.jpg.ready")
    with_it = bench.advance()
    (bench.folder.inbox / "a.jpg").unlink()
    bench.lane.look_again("a.jpg", bench.now)

    assert without == []
    assert (news, left) == (1, {})
    assert with_it == ["a.jpg"]
    assert os.listdir(bench.folder.inbox) == []


def test_marker_of_a_file_that_stays_stays_too(bench: Bench) -> None:
    bench.make(ready=Ready.MARKER)
    bench.put("a.jpg")
    bench.put("a.jpg.ready", b"")

    bench.lane.look_again("a.jpg", bench.now)

    assert sorted(os.listdir(bench.folder.inbox)) == ["a.jpg", "a.jpg.ready"]


@pytest.mark.parametrize("below", ["", "batch/"])
def test_marker_of_a_batch_lets_all_of_its_folder_pass(bench: Bench, below: str) -> None:
    bench.make(ready=Ready.MARKER)
    for name in ("a.jpg", "b.jpg"):
        bench.put(f"{below}{name}")
    bench.put("other/c.jpg")
    bench.lane.begin_scan("")

    without = bench.advance()
    bench.put(f"{below}.done", b"")
    bench.sight(f"{below}.done")

    assert without == []
    assert sorted(bench.advance()) == [f"{below}a.jpg", f"{below}b.jpg"]


def test_marker_is_any_other_name_where_nobody_asked_for_markers(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.put("a.jpg.ready", b"")
    bench.sight("a.jpg.ready")

    assert bench.advance() == []
    assert os.path.exists(bench.folder.inbox / "a.jpg.ready")


def test_job_tells_how_long_its_file_took_to_settle(bench: Bench) -> None:
    bench.put("a.jpg", JPEG[:500])
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance(1.0)
    bench.put("a.jpg")

    bench.advance(5.0)

    [job] = bench.jobs
    assert job.arrival.sighted == 0.0
    assert 1.0 < job.arrival.settled < 6.0


def test_waiting_for_room_in_the_queue_is_not_settling(bench: Bench) -> None:
    bench.put("a.jpg")
    bench.room = 0
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance(100.0)

    bench.room = 1
    bench.advance()

    assert bench.jobs[0].arrival == Arrival(sighted=0.0, settled=0.0)


def test_waiting_for_another_try_is_neither_settling_nor_in_the_queue(bench: Bench) -> None:
    bench.past = lambda source: History(wait_s=30.0, wait_reason="disk full")
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.advance()

    bench.past = lambda source: History()
    bench.advance(30.0)

    assert bench.jobs[0].arrival == Arrival(sighted=30.0, settled=30.0)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.OLDEST, ["b.jpg", "c.jpg", "a.jpg"]),
        (Order.NEWEST, ["a.jpg", "c.jpg", "b.jpg"]),
        (Order.NAME, ["a.jpg", "b.jpg", "c.jpg"]),
    ],
)
@pytest.mark.parametrize("scanned", [True, False])
def test_waiting_files_are_taken_in_the_order_that_is_asked_for(
    bench: Bench, order: Order, expected: list[str], scanned: bool
) -> None:
    bench.make(order=order)
    for name, seconds in (("a.jpg", 3000), ("b.jpg", 1000), ("c.jpg", 2000)):
        bench.put(name)
        os.utime(bench.folder.inbox / name, (seconds, seconds))
        if not scanned:
            bench.sight(name, Hint.ARRIVED)
    if scanned:
        bench.lane.begin_scan("")

    for room in (1, 2, 3):
        bench.room = room
        bench.advance()

    assert bench.advance() == expected


def test_folder_that_shall_rest_takes_nothing_and_goes_on_once_nobody_wants_that_any_more(
    bench: Bench,
) -> None:
    bench.put("a.jpg")
    bench.sight("a.jpg", Hint.ARRIVED)
    bench.asked = "PAUSE is there"
    resting = bench.advance()
    left = bench.lane.left()
    bench.asked = ""

    assert resting == []
    assert left == {"photos": "PAUSE is there"}
    assert bench.listener.of(FolderPaused) == [FolderPaused("photos", "PAUSE is there", asked=True)]
    assert bench.advance() == ["a.jpg"]
    assert len(bench.listener.of(FolderResumed)) == 1


def test_long_rest_is_told_once_and_looked_after_every_two_seconds(bench: Bench) -> None:
    bench.asked = "PAUSE is there"
    waits = []

    for _ in range(50):
        bench.advance()
        waits.append((bench.lane.next_due() or 0.0) - bench.now)
        bench.now += waits[-1]

    assert set(waits) == {2.0}
    assert len(bench.listener.of(FolderPaused)) == 1


def test_trouble_while_a_folder_rests_is_told_and_then_it_rests_on(bench: Bench) -> None:
    bench.asked = "PAUSE is there"
    bench.advance()

    bench.lane.pause("disk full", bench.now, 10.0)
    meanwhile = bench.lane.left()
    bench.advance(9)
    bench.advance(1)

    assert meanwhile == {"photos": "disk full"}
    assert [event.reason for event in bench.listener.of(FolderPaused)] == [
        "PAUSE is there",
        "disk full",
        "PAUSE is there",
    ]
    assert bench.listener.of(FolderResumed) == []


def test_folder_that_is_away_and_shall_rest_is_away(bench: Bench) -> None:
    bench.asked, bench.absent = "PAUSE is there", "/mnt/nas is not mounted"

    bench.advance()

    assert bench.lane.left() == {"photos": "/mnt/nas is not mounted"}


def test_job_has_the_profile_that_a_rule_makes(bench: Bench) -> None:
    bench.put("sub/.watchd.yml", b"portrait")
    bench.put("sub/a.jpg")
    bench.put("b.jpg")
    bench.lane.begin_scan("")
    bench.advance()

    assert {job.source.relative: job.profile.name for job in bench.jobs} == {
        "sub/a.jpg": "portrait",
        "b.jpg": "default",
    }


def test_files_under_a_wrong_rule_wait_and_others_do_not(bench: Bench) -> None:
    bench.put("sub/.watchd.yml", b"wrong")
    bench.put("sub/a.jpg")
    bench.put("b.jpg")
    bench.sight("sub/a.jpg", Hint.ARRIVED)
    bench.lane.begin_scan("")

    assert bench.advance(10) == ["b.jpg"]
    assert bench.lane.left() == {"sub/.watchd.yml": "sub/.watchd.yml is wrong"}


@pytest.mark.parametrize("mend", ["write", "remove"])
def test_files_come_once_their_rule_is_mended_without_anybody_telling(bench: Bench, mend: str) -> None:
    bench.put("sub/.watchd.yml", b"wrong")
    bench.put("sub/a.jpg")
    bench.lane.begin_scan("")
    bench.advance()
    due = bench.lane.next_due()
    if mend == "write":
        bench.put("sub/.watchd.yml", b"portrait")
    else:
        (bench.folder.inbox / "sub" / ".watchd.yml").unlink()

    assert due is not None
    assert bench.advance(max(due - bench.now, 2.0)) == ["sub/a.jpg"]
    assert bench.lane.left() == {}


def test_wrong_rule_is_noticed_by_its_event_before_any_file_comes(bench: Bench) -> None:
    bench.put("sub/.watchd.yml", b"wrong")

    bench.sight("sub/.watchd.yml", Hint.ARRIVED)
    bench.advance()

    assert bench.lane.left() == {"sub/.watchd.yml": "sub/.watchd.yml is wrong"}
