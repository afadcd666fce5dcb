import json
import os
from dataclasses import replace

import pytest
from fakes import encoded, put, settled

from watchd.domain.errors import FolderError
from watchd.domain.outcome import Rejected
from watchd.domain.profile import After, WatchFolder
from watchd.errands import below, explain, pause, put_back, resume
from watchd.store.places import Places


def test_path_below_a_place_is_told_relative_to_it(folder: WatchFolder) -> None:
    put(folder.inbox, "sub/a.jpg")

    assert below(folder.inbox / "sub" / "a.jpg", folder.inbox) == "sub/a.jpg"
    assert below(folder.inbox / "sub" / ".." / "a.jpg", folder.inbox) == "a.jpg"
    assert below(folder.inbox, folder.inbox) is None
    assert below(folder.outbox / "a.png", folder.inbox) is None


def test_link_is_named_itself_and_not_what_it_points_to(folder: WatchFolder) -> None:
    put(folder.outbox, "a.png")
    (folder.inbox / "link.jpg").symlink_to(folder.outbox / "a.png")

    assert below(folder.inbox / "link.jpg", folder.inbox) == "link.jpg"


def test_explain_answers_every_gate_of_a_good_file(folder: WatchFolder) -> None:
    put(folder.inbox, "a.jpg", encoded())

    gates, receipt = explain(folder, "a.jpg")

    assert [gate.name for gate in gates] == [
        "name",
        "regular file",
        "whole",
        "not done before",
        "not waiting",
        "not paused",
    ]
    assert all(gate.passed for gate in gates)
    assert receipt is None


def test_explain_tells_what_was_rejected_and_why(folder: WatchFolder) -> None:
    source = put(folder.inbox, "a.jpg", encoded())
    receipts = Places.of(folder, 60).receipts
    receipts.end(receipts.begin(source, "t"), Rejected("too large"))

    gates, receipt = explain(folder, "a.jpg")

    assert [gate.name for gate in gates if not gate.passed] == ["not done before"]
    assert receipt is not None
    assert "too large" in receipt.in_words()


def test_all_failed_files_are_put_back_with_their_attempts_forgotten(folder: WatchFolder) -> None:
    for name in ("a.jpg", "sub/b.jpg"):
        _reject(folder, name)

    back = list(put_back(folder, None))

    assert sorted(back) == ["a.jpg", "sub/b.jpg"]
    assert sorted(os.listdir(folder.inbox)) == ["a.jpg", "sub"]
    assert Places.of(folder, 60).receipts.read("a.jpg") is None


def test_only_what_is_named_is_put_back(folder: WatchFolder) -> None:
    for name in ("a.jpg", "sub/b.jpg", "subway.jpg"):
        _reject(folder, name)

    assert list(put_back(folder, folder.failed / "sub")) == ["sub/b.jpg"]
    assert list(put_back(folder, folder.failed / "a.jpg")) == ["a.jpg"]
    assert (folder.failed / "subway.jpg").exists()


def test_name_that_is_taken_in_the_inbox_meanwhile_is_not_overwritten(folder: WatchFolder) -> None:
    _reject(folder, "a.jpg")
    put(folder.inbox, "a.jpg", b"new")

    assert list(put_back(folder, None)) == ["a-2.jpg"]
    assert (folder.inbox / "a.jpg").read_bytes() == b"new"


def test_kept_file_that_failed_is_tried_again_where_it_lies(folder: WatchFolder) -> None:
    folder = replace(folder, after=After.KEEP)
    source = put(folder.inbox, "a.jpg")
    places = Places.of(folder, 60)
    receipt = places.receipts.begin(source, "t")
    places.failed.take(source, {"reason": "bad"}, "t")
    places.receipts.end(receipt, Rejected("bad"))

    assert list(put_back(folder, None)) == ["a.jpg"]
    assert Places.of(folder, 60).receipts.ended(settled(folder.inbox, "a.jpg")) is None


def _reject(folder: WatchFolder, name: str) -> None:
    source = put(folder.inbox, name)
    places = Places.of(folder, 60)
    receipt = places.receipts.begin(source, "t")
    path = places.failed.take(source, {"reason": "bad"}, "t")
    places.receipts.end(receipt, Rejected("bad"))
    assert json.loads((folder.failed / f"{path}.error.json").read_text())["source"] == name


def test_paused_folder_is_paused_once_and_goes_on_once(folder: WatchFolder) -> None:
    folder = replace(folder, root=folder.inbox.parent)

    assert [pause(folder), pause(folder)] == [True, False]
    assert "until this file is removed" in (folder.inbox.parent / "PAUSE").read_text()
    assert [resume(folder), resume(folder)] == [True, False]
    assert not (folder.inbox.parent / "PAUSE").exists()


def test_folder_that_is_away_cannot_be_paused(folder: WatchFolder) -> None:
    away = replace(folder, root=folder.inbox / "away")

    with pytest.raises(FolderError, match=r"photos cannot be paused: .*/away/PAUSE: No such file"):
        pause(away)


def test_what_cannot_be_removed_is_named(folder: WatchFolder) -> None:
    (folder.inbox / "PAUSE").mkdir()

    with pytest.raises(FolderError, match=r"photos cannot go on: remove .*/inbox/PAUSE: Is a directory"):
        resume(folder)


def test_explain_tells_that_the_folder_is_paused(folder: WatchFolder) -> None:
    put(folder.inbox, "a.jpg", encoded())
    pause(folder)

    gates, _ = explain(folder, "a.jpg")

    assert [gate.name for gate in gates if not gate.passed] == ["not paused"]


def test_explain_tells_what_a_gathered_folder_waits_for(folder: WatchFolder) -> None:
    put(folder.outbox, ".watchd-batches/shoot/1/a.png")
    put(folder.inbox, "shoot/b.jpg", encoded())
    waiting = explain(folder, "shoot/a.jpg")[0][-1]
    os.unlink(folder.inbox / "shoot/b.jpg")
    resting = explain(folder, "shoot")[0][-1]

    assert (waiting.name, waiting.passed) == ("delivered with its folder", False)
    assert waiting.answer == "shoot/b.jpg has no outcome yet"
    assert resting.answer == "nothing is left to do: once nothing has changed in shoot for 10 s"
    assert explain(folder, "other/a.jpg")[0][-1].name == "not paused"
