from contextlib import AbstractContextManager

import pytest
from fakes import Deaths, ManualClock, dead_process, names, put

from watchd.domain.errors import ClaimLost
from watchd.domain.job import Job, JobId
from watchd.domain.outcome import Failed
from watchd.domain.profile import WatchFolder
from watchd.store.atomic import temp_name
from watchd.store.flight import Flight
from watchd.store.places import Places
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree
from watchd.work.attempts import Attempts


class _Process(Attempts):
    """With the places of the one folder that it watches."""

    def __init__(self, folder: WatchFolder, clock: ManualClock) -> None:
        super().__init__(Flight("boot", dead_process()), clock)
        self.places = Places.of(folder, 60)

    def begin(self, job: Job) -> AbstractContextManager[Receipt]:  # type: ignore[override]
        return super().begin(job, self.places)


@pytest.fixture
def job(folder: WatchFolder) -> Job:
    return _job(folder, "a.jpg")


def test_file_that_ends_the_process_alone_is_counted_each_time(
    folder: WatchFolder, job: Job, deaths: Deaths
) -> None:
    receipts = [deaths.in_the_middle_of(_process(folder).begin(job)) for _ in range(3)]

    assert [receipt.attempts for receipt in receipts] == [1, 2, 3]


def test_files_that_die_together_are_forgiven(folder: WatchFolder, job: Job, deaths: Deaths) -> None:
    other, process = _job(folder, "b.jpg"), _process(folder)
    deaths.in_the_middle_of(process.begin(job))
    deaths.in_the_middle_of(process.begin(other))

    for each in (job, other):
        with _process(folder).begin(each) as receipt:
            assert receipt.attempts == 1


def test_attempt_that_ended_in_a_failure_counts(folder: WatchFolder, job: Job) -> None:
    process = _process(folder)
    with process.begin(job) as receipt:
        process.places.receipts.end(receipt, Failed("bug", retry_after_s=1))

    with process.begin(job) as receipt:
        assert receipt.attempts == 2


def test_longest_tells_the_job_that_is_under_way_longest(folder: WatchFolder, job: Job) -> None:
    clock = ManualClock()
    process = _process(folder, clock)
    other = _job(folder, "b.jpg")

    assert process.longest() is None
    with process.under_way(job):
        clock.advance(5)
        with process.under_way(other):
            clock.advance(7)
            assert process.longest() == (job, 12)
    assert process.longest() is None


def test_accused_job_is_counted_though_another_was_there(
    folder: WatchFolder, job: Job, deaths: Deaths
) -> None:
    process, other = _process(folder), _job(folder, "b.jpg")
    deaths.in_the_middle_of(process.begin(job))
    deaths.in_the_middle_of(process.begin(other))
    process.accuse(job)

    with _process(folder).begin(job) as receipt:
        assert receipt.attempts == 2
    with _process(folder).begin(other) as receipt:
        assert receipt.attempts == 1


def test_attempt_of_which_no_end_could_be_written_does_not_count(folder: WatchFolder, job: Job) -> None:
    process = _process(folder)
    for _ in range(5):
        with process.begin(job):
            pass

    with process.begin(job) as receipt:
        assert receipt.attempts == 1


def test_job_that_was_taken_over_is_not_begun_and_the_new_owners_temp_stays(
    folder: WatchFolder, job: Job
) -> None:
    theirs = Receipts(Tree(folder.sidecar)).begin(job.source, "theirs", "another process")
    places = Places.of(folder, 60)
    put(folder.originals, temp_name(theirs.token))
    places.claims.release(job.source.key, job.token)

    with pytest.raises(ClaimLost), _process(folder).begin(job):
        pass

    assert names(folder.originals) == [temp_name(theirs.token)]
    assert places.receipts.read("a.jpg") == theirs


def test_time_in_which_a_job_waits_for_others_does_not_count(folder: WatchFolder, job: Job) -> None:
    clock = ManualClock()
    process = _process(folder, clock)

    with process.begin(job):
        with process.waiting(job):
            clock.advance(1000)
            assert process.longest() is None
        clock.advance(2)
        assert process.longest() == (job, 2)


def _process(folder: WatchFolder, clock: ManualClock | None = None) -> "_Process":
    """What a process that has just begun has."""
    return _Process(folder, clock or ManualClock())


def _job(folder: WatchFolder, name: str) -> Job:
    source = put(folder.inbox, name)
    token = Places.of(folder, 60).claims.acquire(source.key)
    assert token is not None
    return Job(JobId(source.key[:8]), folder, source, token)
