import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import ManualClock, names

from watchd.domain.job import SourceFile, Stamp, source_key
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree

SOURCE = SourceFile("sub/a.jpg", Stamp(10, 20, 30, 40))
OTHER = SourceFile("sub/a.jpg", Stamp(11, 21, 31, 41))


@pytest.fixture
def receipts(tmp_path: Path, clock: ManualClock) -> Receipts:
    return Receipts(Tree(tmp_path), clock)


def place(root: Path, relative: str) -> Path:
    key = source_key(relative)
    return root / "receipts" / key[:2] / f"{key}.json"


def test_source_that_was_never_tried_has_no_receipt(receipts: Receipts) -> None:
    assert receipts.read("a.jpg") is None
    assert receipts.ended(SOURCE) is None


def test_attempt_is_on_disk_before_it_is_made(receipts: Receipts, tmp_path: Path) -> None:
    receipts.begin(SOURCE, "t")

    assert json.loads(place(tmp_path, SOURCE.relative).read_text())["attempts"] == 1


def test_attempts_at_the_same_content_add_up(receipts: Receipts) -> None:
    counts = [receipts.begin(SOURCE, f"t-{n}").attempts for n in range(3)]

    assert counts == [1, 2, 3]


def test_keys_are_those_of_all_sources_with_a_receipt_also_a_torn_one(
    receipts: Receipts, tmp_path: Path
) -> None:
    before = receipts.keys()
    receipts.begin(SOURCE, "t")
    receipts.begin(SourceFile("b.jpg", SOURCE.stamp), "t")
    place(tmp_path, "b.jpg").write_bytes(b"torn")

    assert before == set()
    assert receipts.keys() == {SOURCE.key, source_key("b.jpg")}


def test_new_content_starts_at_one_again(receipts: Receipts) -> None:
    receipts.begin(SOURCE, "t-1")
    receipts.begin(SOURCE, "t-2")

    assert receipts.begin(OTHER, "t-3").attempts == 1


def test_new_content_keeps_the_ownership_of_its_cutout(receipts: Receipts) -> None:
    receipts.intend(receipts.begin(SOURCE, "t-1"), "sub/a.png", "digest")

    receipt = receipts.begin(OTHER, "t-2")

    assert (receipt.output, receipt.digest, receipt.token) == ("sub/a.png", "digest", "t-2")


@pytest.mark.parametrize(
    ("outcome", "ended"),
    [
        (Delivered("sub/a.png"), True),
        (Rejected("no image"), True),
        (Failed("bug", final=True), True),
        (Failed("bug", final=False, retry_after_s=10), False),
        (Deferred("disk full", 5), False),
        (Skipped("changed"), False),
    ],
)
def test_outcome_tells_whether_the_source_has_ended(
    receipts: Receipts, outcome: Outcome, ended: bool
) -> None:
    receipts.end(receipts.begin(SOURCE, "t"), outcome)

    assert (receipts.ended(SOURCE) is not None) == ended


def test_begun_attempt_has_not_ended(receipts: Receipts) -> None:
    receipts.begin(SOURCE, "t")

    assert receipts.ended(SOURCE) is None


@pytest.mark.parametrize("field", ["size", "mtime_ns", "ctime_ns", "inode"])
def test_end_counts_for_exactly_that_content(receipts: Receipts, field: str) -> None:
    receipts.end(receipts.begin(SOURCE, "t"), Delivered("sub/a.png"))

    assert receipts.ended(replace(SOURCE, stamp=replace(SOURCE.stamp, **{field: 7}))) is None


@pytest.mark.parametrize("outcome", [Deferred("disk full", 5), Skipped("changed")])
def test_attempt_that_was_not_the_files_fault_is_taken_back(receipts: Receipts, outcome: Outcome) -> None:
    receipts.begin(SOURCE, "t-1")

    for n in range(5):
        receipts.end(receipts.begin(SOURCE, f"t-{n}"), outcome)

    assert receipts.begin(SOURCE, "t-9").attempts == 2


def test_attempt_that_failed_stays_counted(receipts: Receipts) -> None:
    receipts.end(receipts.begin(SOURCE, "t-1"), Failed("bug", retry_after_s=10))

    assert receipts.begin(SOURCE, "t-2").attempts == 2


def test_everything_said_of_a_delivery_is_read_back(receipts: Receipts, clock: ManualClock) -> None:
    receipt = receipts.intend(receipts.begin(SOURCE, "t"), "sub/a.png", "digest")

    receipts.end(receipt, Delivered("sub/a.png", "builtin", ("first frame", "no profile")))

    assert receipts.read(SOURCE.relative) == Receipt(
        relative="sub/a.jpg",
        stamp=SOURCE.stamp,
        state="delivered",
        attempts=1,
        token="t",
        output="sub/a.png",
        digest="digest",
        notes=("first frame", "no profile"),
        model="builtin",
        at=clock.now,
    )


def test_intention_is_on_disk_when_it_returns(receipts: Receipts, tmp_path: Path) -> None:
    receipts.intend(receipts.begin(SOURCE, "t"), "sub/a.png", "digest")

    again = Receipts(Tree(tmp_path)).read(SOURCE.relative)

    assert again is not None
    assert (again.state, again.output, again.digest) == ("begun", "sub/a.png", "digest")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\0" * 300,
        b'{"relative": "sub/a.jpg", "stamp": {"size": 10',
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe",
        b'{"relative": "sub/a.jpg"}',
        b'{"relative": "sub/a.jpg", "stamp": [], "notes": []}',
        b'{"relative": "sub/a.jpg", "stamp": {"size": 1}, "notes": []}',
        b"[" * 100_000,
    ],
)
def test_torn_receipt_counts_as_none(receipts: Receipts, tmp_path: Path, text: bytes) -> None:
    path = place(tmp_path, SOURCE.relative)
    path.parent.mkdir(parents=True)
    path.write_bytes(text)

    assert receipts.read(SOURCE.relative) is None
    assert receipts.begin(SOURCE, "t").attempts == 1


@pytest.mark.parametrize("cut", [1, 20, 100, 200])
def test_receipt_cut_anywhere_counts_as_none(receipts: Receipts, tmp_path: Path, cut: int) -> None:
    receipts.begin(SOURCE, "t")
    path = place(tmp_path, SOURCE.relative)
    os.truncate(path, path.stat().st_size - cut - 2)

    assert receipts.read(SOURCE.relative) is None


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": "many"}, {"attempts": None}, {"not_before": "soon"}, {"output": 7}, {"token": None}],
)
def test_receipt_with_values_of_another_kind_counts_as_none(
    receipts: Receipts, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    receipts.begin(SOURCE, "t")
    path = place(tmp_path, SOURCE.relative)
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))

    assert receipts.begin(SOURCE, "t").attempts == 1


def test_receipt_of_another_path_counts_as_none(receipts: Receipts, tmp_path: Path) -> None:
    receipts.begin(SOURCE, "t")
    foreign = place(tmp_path, "b.jpg")
    foreign.parent.mkdir(parents=True, exist_ok=True)
    place(tmp_path, SOURCE.relative).rename(foreign)

    assert receipts.read("b.jpg") is None


@pytest.mark.parametrize(
    "relative", [os.fsdecode(b"caf\xe9.jpg"), "new\nline.jpg", "ü.jpg", '"quoted\\.jpg', "😀.jpg"]
)
def test_any_name_survives(receipts: Receipts, relative: str) -> None:
    source = replace(SOURCE, relative=relative)

    receipts.end(receipts.begin(source, "t"), Delivered(relative + ".png"))

    receipt = receipts.ended(source)
    assert receipt is not None
    assert (receipt.relative, receipt.output) == (relative, relative + ".png")


def test_deferral_says_how_long_to_wait(receipts: Receipts, clock: ManualClock) -> None:
    receipts.end(receipts.begin(SOURCE, "t"), Deferred("disk full", 30))
    receipt = receipts.read(SOURCE.relative)
    assert receipt is not None

    waits = [receipts.wait_s(receipt, 3600)]
    clock.advance(20)
    waits.append(receipts.wait_s(receipt, 3600))
    clock.advance(20)
    waits.append(receipts.wait_s(receipt, 3600))

    assert waits == [30, 10, 0]


def test_clock_that_was_set_back_makes_nobody_wait_for_ever(receipts: Receipts, clock: ManualClock) -> None:
    receipts.end(receipts.begin(SOURCE, "t"), Deferred("disk full", 30))
    receipt = receipts.read(SOURCE.relative)
    assert receipt is not None

    clock.advance(-86400)

    assert receipts.wait_s(receipt, 3600) == 0


def test_source_that_ended_is_known_without_a_disk(receipts: Receipts, tmp_path: Path) -> None:
    receipts.end(receipts.begin(SOURCE, "t"), Delivered("sub/a.png"))
    before = receipts.knows(SOURCE.relative, SOURCE.stamp)
    receipts.ended(SOURCE)
    place(tmp_path, SOURCE.relative).unlink()

    known = [receipts.knows(SOURCE.relative, stamp) for stamp in (SOURCE.stamp, OTHER.stamp)]

    assert not before
    assert known == [True, False]


def test_forgotten_source_starts_afresh_and_keeps_its_cutout(receipts: Receipts) -> None:
    receipts.end(receipts.intend(receipts.begin(SOURCE, "t"), "a.png", "digest"), Failed("bug", final=True))
    receipts.ended(SOURCE)

    receipts.forget(SOURCE.relative)

    receipt = receipts.begin(SOURCE, "t-2")
    assert not receipts.knows(SOURCE.relative, SOURCE.stamp)
    assert (receipt.attempts, receipt.output, receipt.digest) == (1, "a.png", "digest")


def test_forgotten_source_without_a_cutout_leaves_no_receipt(receipts: Receipts, tmp_path: Path) -> None:
    receipts.end(receipts.begin(SOURCE, "t"), Rejected("text"))

    receipts.forget(SOURCE.relative)
    receipts.forget("never seen.jpg")

    assert names(tmp_path) == []


def test_pruning_removes_old_receipts_of_sources_that_left(tmp_path: Path, clock: ManualClock) -> None:
    receipts = Receipts(Tree(tmp_path), clock)
    for relative, age_s in (("old-gone", 100), ("old-there", 100), ("new-gone", 10)):
        receipts.begin(replace(SOURCE, relative=relative), "t")
        os.utime(place(tmp_path, relative), (clock.now - age_s, clock.now - age_s))

    pruned = receipts.prune(50, still_there=lambda relative: relative == "old-there")

    assert pruned == 1
    assert [receipts.read(name) is not None for name in ("old-gone", "old-there", "new-gone")] == [
        False,
        True,
        True,
    ]


def test_pruning_removes_old_rubbish(receipts: Receipts, tmp_path: Path, clock: ManualClock) -> None:
    (tmp_path / "receipts" / "ab").mkdir(parents=True)
    for name in ("torn.json", ".watchd-t.tmp"):
        path = tmp_path / "receipts" / "ab" / name
        path.write_bytes(b"{")
        os.utime(path, (0, 0))

    assert receipts.prune(50, still_there=lambda _: True) == 2
    assert names(tmp_path) == []


def test_pruning_where_nothing_was_ever_written_is_no_error(receipts: Receipts) -> None:
    assert receipts.prune(0, still_there=lambda _: False) == 0
