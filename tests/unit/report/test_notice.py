"""What a receiver gets to know, and what it does not."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fakes import job

from watchd.domain.events import BatchDelivered, JobEnded
from watchd.domain.job import SourceFile, Stamp
from watchd.domain.outcome import Deferred, Delivered, Failed, Rejected, Skipped
from watchd.domain.profile import After, Deliver
from watchd.domain.reuse import Reuse, Tier
from watchd.report.batches import Batch
from watchd.report.notice import Notice, Occasion, of_batch, of_folder, of_job, sample

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

DELIVERED = Delivered("x/a.png", "/srv/nets/own.onnx", ("a note",), Reuse(Tier.EXACT), "x/a-2.jpg")
FAILED = Failed("OSError: /srv/photos/x is bad", "Traceback of /srv", final=True, original="x/a.jpg")


def told(event: JobEnded) -> Notice:
    notice = of_job(event, NOW)
    assert notice is not None
    return notice


def test_a_delivery_is_told_with_paths_below_the_folders_only(ended, tmp_path):
    told_to_all = json.loads(told(ended(DELIVERED, "x/a.jpg")).body(details=False))

    identity = told_to_all.pop("id")
    assert identity.endswith("-delivered")
    assert told_to_all == {
        "event": "delivered",
        "time": "2026-01-02T03:04:05.000Z",
        "folder": "photos",
        "source": "x/a.jpg",
        "output": "x/a.png",
        "seconds": 0.25,
        "model": "own.onnx",
        "cache": "exact",
        "notes": ["a note"],
    }


def test_details_are_the_full_paths_of_what_was_of_what_is_and_of_where_the_original_went(ended, folder):
    body = json.loads(told(ended(DELIVERED, "x/a.jpg")).body(details=True))

    assert body["details"] == {
        "source": f"{folder.inbox}/x/a.jpg",
        "output": f"{folder.outbox}/x/a.png",
        "original": f"{folder.originals}/x/a-2.jpg",
    }


@pytest.mark.parametrize("outcome", [DELIVERED, Rejected("text", original="x/a.jpg"), FAILED])
def test_an_original_that_stays_is_still_in_the_inbox(folder, outcome):
    kept = job(replace(folder, after=After.KEEP), "x/a.jpg")

    notice = told(JobEnded(kept, replace(outcome, original="x/a.jpg"), 1.0))

    assert notice.details["original"] == f"{folder.inbox}/x/a.jpg"


def test_an_original_that_is_deleted_is_nowhere(ended):
    notice = told(ended(replace(DELIVERED, original="")))

    assert "original" not in notice.details
    assert "WATCHD_ORIGINAL" not in notice.environ()


def test_a_rejected_file_is_told_with_reason_and_advice(ended, folder):
    notice = told(ended(Rejected("a.jpg: not an image", "Export it again.", "a-2.jpg")))

    body = json.loads(notice.body(details=False))
    assert (body["event"], body["outcome"]) == ("failed", "rejected")
    assert (body["reason"], body["advice"]) == ("a.jpg: not an image", "Export it again.")
    assert notice.details["original"] == f"{folder.failed}/a-2.jpg"


def test_of_our_own_error_only_those_who_may_see_details_see_the_reason_and_the_trace(ended):
    notice = told(ended(FAILED))

    assert "/srv" not in notice.body(details=False).decode()
    details = json.loads(notice.body(details=True))["details"]
    assert details["reason"] == "OSError: /srv/photos/x is bad"
    assert details["traceback"] == "Traceback of /srv"
    assert "WATCHD_TRACEBACK" not in notice.environ()


@pytest.mark.parametrize("outcome", [Skipped("gone"), Deferred("disk full", 5.0), Failed("bug", final=False)])
def test_of_a_file_that_is_still_to_come_nobody_is_told(ended, outcome):
    assert of_job(ended(outcome), NOW) is None


def test_a_program_gets_full_paths_in_its_environment(ended, folder):
    environ = told(ended(DELIVERED, "x/a.jpg")).environ()

    assert environ["WATCHD_EVENT"] == "delivered"
    assert environ["WATCHD_FOLDER"] == "photos"
    assert environ["WATCHD_SOURCE"] == f"{folder.inbox}/x/a.jpg"
    assert environ["WATCHD_OUTPUT"] == f"{folder.outbox}/x/a.png"
    assert environ["WATCHD_ORIGINAL"] == f"{folder.originals}/x/a-2.jpg"
    assert all("\0" not in value for value in environ.values())


def test_the_same_thing_told_again_has_the_same_id_and_the_file_dropped_again_another(folder):
    first = JobEnded(job(folder, SourceFile("a.jpg", Stamp(1, 2, 3, 4)), "token-1"), DELIVERED, 1.0)
    again = JobEnded(job(folder, SourceFile("a.jpg", Stamp(1, 2, 3, 4)), "token-2"), DELIVERED, 2.0)
    anew = JobEnded(job(folder, SourceFile("a.jpg", Stamp(1, 9, 9, 4)), "token-3"), DELIVERED, 1.0)

    assert told(first).id == told(again).id
    assert told(first).id != told(anew).id


def test_a_name_that_is_no_text_has_an_encoding_in_json_and_its_bytes_in_the_environment(ended, folder):
    notice = told(ended(DELIVERED, "b\udcff\n.jpg"))

    assert json.loads(notice.body(details=True))["source"] == "b\\xff\n.jpg"
    assert notice.environ()["WATCHD_SOURCE"] == f"{folder.inbox}/b\udcff\n.jpg"


def test_a_batch_is_told_with_its_counts(folder):
    notice = of_batch(Batch(folder, 10.0, 14.5, delivered=3, failed=1), NOW)

    body = json.loads(notice.body(details=False))
    assert (body["event"], body["delivered"], body["failed"], body["seconds"]) == ("batch_done", 3, 1, 4.5)
    assert notice.environ()["WATCHD_FAILED"] == "1"
    assert notice.environ()["WATCHD_OUTBOX"] == str(folder.outbox)


@pytest.mark.parametrize("occasion", list(Occasion))
def test_a_sample_says_that_it_is_one(folder, occasion):
    body = json.loads(sample(folder, occasion, NOW).body(details=False))

    assert body["test"] is True
    assert body["event"] == occasion


def test_a_cutout_of_a_batch_is_told_of_with_its_folder_and_a_failure_at_once(folder):
    batches = replace(folder, deliver=Deliver.FOLDERS)

    assert of_job(JobEnded(job(batches, "x/a.jpg"), DELIVERED, 1.0), NOW) is None
    assert told(JobEnded(job(batches, "a.jpg"), DELIVERED, 1.0)).occasion is Occasion.DELIVERED
    assert told(JobEnded(job(batches, "x/a.jpg"), FAILED, 1.0)).occasion is Occasion.FAILED


def test_a_folder_that_is_delivered_is_told_of_as_one_thing(folder):
    notice = of_folder(BatchDelivered(folder, "shoot", "shoot-2", 24), NOW)
    body = json.loads(notice.body(details=True))

    assert body.pop("id").endswith("-delivered")
    assert body == {
        "event": "delivered",
        "time": "2026-01-02T03:04:05.000Z",
        "folder": "photos",
        "source": "shoot",
        "output": "shoot-2",
        "cutouts": 24,
        "details": {"source": f"{folder.inbox}/shoot", "output": f"{folder.outbox}/shoot-2"},
    }
    assert notice.environ()["WATCHD_OUTPUT"] == f"{folder.outbox}/shoot-2"
