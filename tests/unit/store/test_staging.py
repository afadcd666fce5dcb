"""Batches on a real disk: gathered out of sight, and named once."""

import os
from pathlib import Path

import pytest
from fakes import dead_process, names, put

from watchd.domain.errors import TryAgain
from watchd.domain.job import SourceFile, Stamp
from watchd.domain.outcome import Delivered
from watchd.store.atomic import temp_name
from watchd.store.claims import FileClaims
from watchd.store.receipts import Receipt, Receipts
from watchd.store.staging import STAGED, Batch, Staging
from watchd.tree import NAME_MAX, Tree

LEASE_S = 60.0


class Desk:
    """An outbox with what belongs to it."""

    def __init__(self, root: Path) -> None:
        self.outbox, self.sidecar = root / "outbox", Tree(root / ".watchd")
        for place in (self.outbox, self.sidecar.root):
            place.mkdir()
        self.claims = FileClaims(self.sidecar, LEASE_S)
        self.receipts = Receipts(self.sidecar)
        self.staging = Staging(Tree(self.outbox), self.claims, self.receipts)

    def gather(self, *outputs: str, source: str = "shoot") -> Batch:
        """Cutouts that are there, by their names below the batch."""
        batch = self.staging.batch(source)
        for output in outputs:
            put(self.outbox, f"{batch.place}/{output}")
        return batch

    def receipt(self, relative: str, output: str) -> Receipt:
        receipt = self.receipts.begin(SourceFile(relative, Stamp(1, 2, 3, 4)), "t-1")
        receipt = self.receipts.intend(receipt, output, "digest")
        self.receipts.end(receipt, Delivered(output))
        return receipt

    def output_of(self, relative: str) -> str:
        receipt = self.receipts.read(relative)
        assert receipt is not None
        return receipt.output


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_batch_gets_its_name_with_all_that_it_holds_and_leaves_nothing_behind(desk: Desk) -> None:
    batch = desk.gather("a.png", "x/y/b.png")

    named, cutouts = desk.staging.deliver(batch)

    assert (named.name, cutouts) == ("shoot", 2)
    assert names(desk.outbox) == ["shoot/a.png", "shoot/x/y/b.png"]
    assert os.listdir(desk.outbox) == ["shoot"]
    assert desk.staging.gathered() == []
    assert not desk.staging.open


def test_what_comes_later_goes_into_the_batch_that_is_gathered_and_then_into_the_next(desk: Desk) -> None:
    batch = desk.gather("a.png")
    assert desk.staging.batch("shoot") == batch

    desk.staging.deliver(batch)
    later = desk.gather("b.png")

    assert (later.number, later.name) == (2, "shoot-2")
    assert desk.staging.deliver(later)[0].name == "shoot-2"
    assert names(desk.outbox) == ["shoot-2/b.png", "shoot/a.png"]


def test_name_that_is_taken_meanwhile_is_left_alone_and_receipts_follow(desk: Desk) -> None:
    desk.receipt("shoot/a.jpg", "shoot/a.png")
    desk.receipt("shoot/gone.jpg", "shoot/gone.png")  # of a batch that was delivered and carried away
    desk.receipt("other/a.jpg", "shoot/a.png")
    batch = desk.gather("a.png")
    put(desk.outbox, "shoot/theirs.txt")

    named, _ = desk.staging.deliver(batch)

    assert named.name == "shoot-2"
    assert names(desk.outbox) == ["shoot-2/a.png", "shoot/theirs.txt"]
    assert desk.output_of("shoot/a.jpg") == "shoot-2/a.png"
    assert desk.output_of("shoot/gone.jpg") == "shoot/gone.png"
    assert desk.output_of("other/a.jpg") == "shoot/a.png"


def test_file_that_has_the_name_is_left_alone_too(desk: Desk) -> None:
    batch = desk.gather("a.png")
    put(desk.outbox, "shoot")

    assert desk.staging.deliver(batch)[0].name == "shoot-2"
    assert names(desk.outbox) == ["shoot", "shoot-2/a.png"]


def test_folder_called_like_the_next_batch_of_another_is_another_batch(desk: Desk) -> None:
    batches = [desk.gather("a.png"), desk.gather("b.png", source="shoot-2")]

    assert [desk.staging.deliver(batch)[0].name for batch in batches] == ["shoot", "shoot-2"]
    assert desk.staging.batch("shoot").name == "shoot-3"


def test_name_may_be_as_long_as_names_can_be(desk: Desk) -> None:
    source = "s" * NAME_MAX
    desk.staging.deliver(desk.gather("a.png", source=source))

    named, _ = desk.staging.deliver(desk.gather("b.png", source=source))

    assert len(named.name) == NAME_MAX
    assert names(desk.outbox) == sorted([f"{source}/a.png", f"{named.name}/b.png"])


def test_temps_of_the_dead_are_no_part_of_a_batch(desk: Desk) -> None:
    batch = desk.gather("a.png", temp_name("t"), f"x/{temp_name('u')}")

    assert desk.staging.deliver(batch)[1] == 1
    assert names(desk.outbox) == ["shoot/a.png"]


def test_batch_without_a_cutout_is_not_delivered_and_goes(desk: Desk) -> None:
    batch = desk.gather(temp_name("t"), f"x/y/{temp_name('u')}")

    assert desk.staging.deliver(batch)[1] == 0
    assert os.listdir(desk.outbox) == []


def test_who_comes_second_delivers_nothing(desk: Desk) -> None:
    batch = desk.gather("a.png")
    desk.staging.deliver(batch)

    assert desk.staging.deliver(batch)[1] == 0
    assert names(desk.outbox) == ["shoot/a.png"]


def test_what_is_gathered_is_found_on_the_disk_and_what_is_none_of_ours_is_not(desk: Desk) -> None:
    desk.gather("a.png")
    desk.gather("b.png", source="other")
    put(desk.outbox, f"{STAGED}/readme.txt")
    put(desk.outbox, f"{STAGED}/shoot/notes/x.png")
    anew = Staging(Tree(desk.outbox), desk.claims, desk.receipts)

    assert not anew.open
    assert sorted(batch.source for batch in anew.gathered()) == ["other", "shoot"]
    assert anew.open


def test_cutout_is_too_late_for_a_batch_that_is_being_delivered(desk: Desk) -> None:
    batch = desk.gather("a.png", temp_name("t"))
    desk.staging.must_be_open(batch, "shoot/b.png", "t")
    token = desk.claims.acquire(batch.key)
    assert token is not None

    with pytest.raises(TryAgain, match="next batch"):
        desk.staging.must_be_open(batch, "shoot/b.png", "t")

    desk.claims.release(batch.key, token)
    desk.staging.must_be_open(batch, "shoot/b.png", "t")


def test_cutout_is_too_late_for_a_batch_that_was_delivered_since_its_temp_was_written(desk: Desk) -> None:
    batch = desk.gather("a.png", temp_name("t"))
    os.rename(desk.outbox / batch.place, desk.outbox / "shoot")

    with pytest.raises(TryAgain):
        desk.staging.must_be_open(batch, "shoot/b.png", "t")


def test_daemon_that_died_while_it_delivered_holds_up_nobody(desk: Desk) -> None:
    batch = desk.gather("a.png", temp_name("t"))
    FileClaims(desk.sidecar, LEASE_S, dead_process).acquire(batch.key)

    desk.staging.must_be_open(batch, "shoot/b.png", "t")

    assert desk.claims.acquire(batch.key) is not None


def test_cutout_is_looked_for_where_it_is(desk: Desk) -> None:
    receipt = desk.receipt("shoot/x/a.jpg", "shoot/x/a.png")
    by_itself = desk.receipt("a.jpg", "a.png")
    batch = desk.gather("x/a.png")
    before = desk.staging.spot_of(receipt)

    desk.staging.deliver(batch)

    assert before == f"{STAGED}/shoot/1/x/a.png"
    assert desk.staging.spot_of(receipt) == "shoot/x/a.png"
    assert desk.staging.spot_of(by_itself) == "a.png"
