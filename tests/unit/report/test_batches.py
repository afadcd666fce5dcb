"""When a watch folder counts as having come to rest."""

from dataclasses import replace

import pytest
from fakes import job, watch_folder

from watchd.domain.events import JobBegun, JobEnded, StateChanged
from watchd.domain.hook import Hooks
from watchd.domain.outcome import Deferred, Delivered, Failed, Rejected, Skipped
from watchd.report.batches import Batches


def idle(name: str) -> bool:
    return False


@pytest.fixture
def batches():
    return Batches()


@pytest.fixture
def resting(folder):
    return replace(folder, hooks=Hooks(rest_s=10.0))


def work(batches, folder, outcome, now):
    batches.tell(JobBegun(job(folder)), now - 1)
    batches.tell(JobEnded(job(folder), outcome, 1.0), now)


def test_a_folder_where_nothing_has_ended_is_never_done(batches, resting):
    batches.tell(StateChanged("running"), 0.0)
    batches.tell(JobBegun(job(resting)), 0.0)

    assert list(batches.take_done(1e9, idle)) == []


def test_a_batch_is_done_once_its_folder_has_rested_and_only_once(batches, resting):
    work(batches, resting, Delivered("a.png"), 100.0)
    work(batches, resting, Rejected("text"), 105.0)
    work(batches, resting, Failed("bug", final=True), 106.0)

    assert list(batches.take_done(115.9, idle)) == []
    [batch] = batches.take_done(116.0, idle)
    assert (batch.delivered, batch.failed, batch.seconds) == (1, 2, 7.0)
    assert list(batches.take_done(1e9, idle)) == []


@pytest.mark.parametrize("outcome", [Skipped("gone"), Deferred("full", 5.0), Failed("bug")])
def test_a_file_that_is_still_to_come_neither_counts_nor_keeps_the_batch_open(batches, resting, outcome):
    work(batches, resting, Delivered("a.png"), 100.0)
    work(batches, resting, outcome, 109.0)

    [batch] = batches.take_done(110.0, idle)
    assert (batch.delivered, batch.failed) == (1, 0)


def test_a_job_in_flight_keeps_the_batch_open_however_long_it_takes(batches, resting):
    work(batches, resting, Delivered("a.png"), 100.0)
    batches.tell(JobBegun(job(resting, "slow.jpg")), 101.0)

    assert list(batches.take_done(1000.0, idle)) == []

    batches.tell(JobEnded(job(resting, "slow.jpg"), Skipped("gone"), 900.0), 1001.0)
    assert len(list(batches.take_done(1001.0, idle))) == 1


def test_files_that_wait_at_the_door_keep_the_batch_open(batches, resting):
    work(batches, resting, Delivered("a.png"), 100.0)

    assert list(batches.take_done(1000.0, lambda name: name == "photos")) == []
    assert len(list(batches.take_done(1000.0, idle))) == 1


def test_folders_have_batches_of_their_own(batches, resting, tmp_path):
    other = watch_folder(tmp_path / "other", name="other", hooks=Hooks(rest_s=1.0))
    work(batches, resting, Delivered("a.png"), 100.0)
    work(batches, other, Delivered("a.png"), 100.0)

    assert [batch.folder.name for batch in batches.take_done(101.0, idle)] == ["other"]
    assert [batch.folder.name for batch in batches.take_done(110.0, idle)] == ["photos"]


def test_a_reload_holds_for_the_batch_that_is_open(batches, resting):
    work(batches, resting, Delivered("a.png"), 100.0)
    work(batches, replace(resting, hooks=Hooks(rest_s=50.0)), Delivered("b.png"), 101.0)

    assert list(batches.take_done(120.0, idle)) == []


def test_at_the_end_every_batch_is_given_up_to_there(batches, resting):
    work(batches, resting, Delivered("a.png"), 100.0)

    assert [batch.delivered for batch in batches.take_all()] == [1]
    assert list(batches.take_all()) == []
