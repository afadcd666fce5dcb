import contextlib
import errno
import json
import os
import shutil
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import (
    Deaths,
    FakeClaims,
    FakeSegmenter,
    ManualClock,
    RecordingListener,
    dead_process,
    draw,
    encoded,
    names,
    put,
    recall_of,
    settled,
    watch_folder,
)
from PIL import Image

from watchd.domain.events import JobBegun, JobEnded
from watchd.domain.job import Arrival, Job, JobId, SourceFile
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped
from watchd.domain.profile import After, Profile, Refine
from watchd.domain.reuse import CachePolicy, Tier
from watchd.domain.stages import Stage
from watchd.imaging.decode import open_picture
from watchd.store.atomic import temp_name
from watchd.store.flight import Flight
from watchd.store.places import Places
from watchd.store.receipts import Receipt, Receipts
from watchd.tree import Tree
from watchd.work.attempts import Attempts
from watchd.work.budget import PixelBudget
from watchd.work.processor import Limits, Processor

LIMITS = Limits(max_pixels=1_000_000, max_bytes=1_000_000, attempts=3)


class Bench:
    """A processor at one watch folder; `drop` puts a picture into the inbox, `handle` works on it."""

    def __init__(
        self,
        root: Path,
        claims: FakeClaims,
        segmenter: FakeSegmenter,
        listener: RecordingListener,
        **changes: Any,
    ) -> None:
        forgetful = Profile(cache=CachePolicy(enabled=False))
        self.folder = watch_folder(root, **{"profile": forgetful} | changes)
        self.claims = claims
        self.segmenter = segmenter
        self.listener = listener
        self.clock = ManualClock()
        self.budget = PixelBudget(1 << 30)
        self.limits = LIMITS
        self.open_picture: Any = open_picture
        self.places = replace(Places.of(self.folder, lease_s=60), claims=claims)

    def drop(self, relative: str = "a.jpg", data: bytes | None = None) -> SourceFile:
        return put(self.folder.inbox, relative, encoded() if data is None else data)

    def job(self, relative: str = "a.jpg", fault: str = "") -> Job:
        source = settled(self.folder.inbox, relative)
        token = self.claims.acquire(source.key)
        assert token is not None
        return Job(JobId(source.key[:8]), self.folder, source, token, fault)

    def attempts(self) -> Attempts:
        """As of a process that has just begun."""
        return Attempts(Flight(boot="boot", holder=dead_process()))

    def handle(self, job: Job | None = None) -> Outcome:
        processor = Processor(
            places=self.places,
            attempts=self.attempts(),
            open_picture=self.open_picture,
            recall=lambda profile: recall_of(replace(self.folder, profile=profile), self.segmenter),
            budget=self.budget,
            limits=self.limits,
            announce=self.listener,
            clock=self.clock,
        )
        processor.handle(job or self.job())
        (*_, ended) = self.listener.of(JobEnded)
        outcome: Outcome = ended.outcome
        return outcome

    def receipt(self, relative: str = "a.jpg") -> Receipt:
        receipt = self.places.receipts.read(relative)
        assert receipt is not None
        return receipt

    def report(self, name: str = "a.jpg.error.json") -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.folder.failed / name).read_bytes())
        return report


@pytest.fixture
def bench(tmp_path: Path, claims: FakeClaims, segmenter: FakeSegmenter, listener: RecordingListener) -> Bench:
    return Bench(tmp_path, claims, segmenter, listener)


def raising(error: BaseException) -> Callable[[], None]:
    def do() -> None:
        raise error

    return do


def test_photo_becomes_a_cutout_and_its_original_is_moved(bench: Bench) -> None:
    bench.drop("sub/a.jpg")

    outcome = bench.handle(bench.job("sub/a.jpg"))

    assert outcome == Delivered("sub/a.png", "builtin", original="sub/a.jpg")
    assert names(bench.folder.inbox) == []
    assert names(bench.folder.originals) == ["sub/a.jpg"]
    assert names(bench.folder.outbox) == ["sub/a.png"]
    assert names(bench.folder.failed) == []


def test_cutout_keeps_the_subject_and_hides_the_rest(bench: Bench) -> None:
    bench.drop(data=encoded("PNG"))
    bench.handle(bench.job())

    with Image.open(bench.folder.outbox / "a.png") as cutout:
        pixels = np.asarray(cutout)

    assert pixels.shape == (48, 64, 4)
    assert tuple(pixels[24, 32]) == (178, 34, 34, 255)
    assert tuple(pixels[0, 0]) == (0, 0, 0, 0)


def test_delivered_source_has_a_receipt_and_its_claim_is_free(bench: Bench) -> None:
    source = bench.drop()

    bench.handle()

    receipt = bench.receipt()
    assert (receipt.state, receipt.attempts, receipt.output) == ("delivered", 1, "a.png")
    assert receipt.stamp == source.stamp
    assert bench.claims.released == [source.key]


def test_listeners_hear_of_the_beginning_and_the_end_with_its_duration(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = lambda: bench.clock.advance(1.5)
    job = bench.job()

    bench.handle(job)

    begun, ended = bench.listener.events
    assert begun == JobBegun(job)
    delivered = Delivered("a.png", "builtin", original="a.jpg")
    assert (ended.job, ended.outcome, ended.seconds) == (job, delivered, 1.5)


def test_end_tells_how_long_each_stage_took(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = lambda: bench.clock.advance(1.5)
    job = replace(bench.job(), arrival=Arrival(sighted=bench.clock() - 9, settled=bench.clock() - 4))

    bench.handle(job)

    [ended] = bench.listener.of(JobEnded)
    assert ended.stages == {
        Stage.SETTLE: 5.0,
        Stage.QUEUE: 4.0,
        Stage.DECODE: 0.0,
        Stage.INFER: 1.5,
        Stage.COMPOSE: 0.0,
        Stage.ENCODE: 0.0,
        Stage.DELIVER: 0.0,
    }


def test_stages_that_a_job_did_not_come_to_have_no_time(bench: Bench) -> None:
    bench.drop(data=b"no picture")

    bench.handle()

    [ended] = bench.listener.of(JobEnded)
    assert ended.stages.keys() == {Stage.SETTLE, Stage.QUEUE}


def test_a_stage_that_fails_has_its_time_up_to_then(bench: Bench) -> None:
    def fail() -> None:
        bench.clock.advance(2.0)
        raise ValueError("boom")

    bench.drop()
    bench.segmenter.meanwhile = fail

    bench.handle()

    [ended] = bench.listener.of(JobEnded)
    assert ended.stages[Stage.INFER] == 2.0
    assert Stage.ENCODE not in ended.stages


def test_claim_is_free_when_the_listeners_hear_of_the_end(bench: Bench) -> None:
    bench.drop()
    held = []

    def listen(event: object) -> None:
        bench.listener.events.append(event)  # type: ignore[arg-type]
        held.append(bool(bench.claims.held))

    processor = Processor(
        places=bench.places,
        attempts=bench.attempts(),
        open_picture=open_picture,
        recall=lambda _: recall_of(bench.folder, bench.segmenter),
        budget=bench.budget,
        limits=bench.limits,
        announce=listen,
    )
    processor.handle(bench.job())

    assert held == [True, False]


def test_note_of_an_animated_file_reaches_the_receipt(bench: Bench) -> None:
    frames = [draw(mode="P"), draw(48, 64, "L").resize((64, 48)).convert("P")]
    bench.drop("a.gif", encoded("GIF", frames[0], save_all=True, append_images=frames[1:]))

    outcome = bench.handle(bench.job("a.gif"))

    assert isinstance(outcome, Delivered)
    assert "first of 2 frames" in outcome.notes
    assert bench.receipt("a.gif").notes == outcome.notes


def test_same_source_dropped_again_replaces_its_cutout(bench: Bench) -> None:
    bench.drop()
    bench.handle()
    bench.drop(data=encoded("JPEG", draw(80, 60)))
    bench.handle()

    with Image.open(bench.folder.outbox / "a.png") as cutout:
        size = cutout.size

    assert names(bench.folder.outbox) == ["a.png"]
    assert size == (80, 60)
    assert names(bench.folder.originals) == ["a-2.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"only some text", "text"),
        (b"", "empty"),
        (encoded()[:700], "truncated"),
        (bytes(range(150, 249)), "not an image"),
    ],
)
def test_file_that_is_the_trouble_is_rejected_at_once(bench: Bench, data: bytes, word: str) -> None:
    bench.drop(data=data)

    outcome = bench.handle()

    assert isinstance(outcome, Rejected)
    assert word in outcome.reason
    assert names(bench.folder.inbox) == names(bench.folder.outbox) == []
    assert names(bench.folder.failed) == ["a.jpg", "a.jpg.error.json"]
    report = bench.report()
    assert (report["outcome"], report["source"], report["reason"]) == ("rejected", "a.jpg", outcome.reason)
    assert report["advice"]
    assert bench.receipt().state == "rejected"


def test_picture_of_too_many_pixels_is_rejected_with_the_limit(bench: Bench) -> None:
    bench.limits = replace(LIMITS, max_pixels=1000)
    bench.drop()

    outcome = bench.handle()

    assert isinstance(outcome, Rejected)
    assert "1000 pixels (limits.max_pixels)" in outcome.reason
    assert bench.segmenter.sizes == []


def test_file_of_too_many_bytes_is_rejected_without_a_look_inside(bench: Bench) -> None:
    bench.limits = replace(LIMITS, max_bytes=100)
    bench.drop(data=b"x" * 101)

    outcome = bench.handle()

    assert isinstance(outcome, Rejected)
    assert "101 bytes exceed the limit of 100 (limits.max_bytes)" in outcome.reason


def test_file_that_never_became_whole_is_rejected_with_its_fault(bench: Bench) -> None:
    bench.drop()

    outcome = bench.handle(bench.job(fault="the end of the JPEG file is missing"))

    assert isinstance(outcome, Rejected)
    assert "the end of the JPEG file is missing" in outcome.reason
    assert bench.segmenter.sizes == []


def test_source_that_is_gone_is_skipped(bench: Bench) -> None:
    bench.drop()
    job = bench.job()
    (bench.folder.inbox / "a.jpg").unlink()

    assert isinstance(bench.handle(job), Skipped)
    assert names(bench.folder.outbox) == names(bench.folder.failed) == []


@pytest.mark.parametrize("how", ["rewritten", "replaced"])
def test_source_that_changes_during_the_work_is_skipped_and_nothing_delivered(bench: Bench, how: str) -> None:
    bench.drop()
    new = encoded("JPEG", draw(32, 32))

    def change() -> None:
        if how == "rewritten":
            bench.drop(data=new)
        else:
            put(bench.folder.inbox, "b.tmp", new)
            os.rename(bench.folder.inbox / "b.tmp", bench.folder.inbox / "a.jpg")

    bench.segmenter.meanwhile = change
    outcome = bench.handle()

    assert isinstance(outcome, Skipped)
    assert names(bench.folder.outbox) == names(bench.folder.originals) == []
    assert (bench.folder.inbox / "a.jpg").read_bytes() == new


def test_source_that_is_removed_during_the_work_is_skipped(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = (bench.folder.inbox / "a.jpg").unlink

    assert isinstance(bench.handle(), Skipped)
    assert names(bench.folder.outbox) == []


def test_bad_file_that_changes_while_it_is_read_is_not_rejected(bench: Bench) -> None:
    """What was read was half the old and half the new file; only the new one counts."""
    bench.drop(data=encoded()[:900])
    job = bench.job()
    bench.drop()

    assert isinstance(bench.handle(job), Skipped)
    assert names(bench.folder.failed) == []


def test_skipping_costs_no_attempt(bench: Bench) -> None:
    bench.drop()
    for _ in range(5):
        bench.segmenter.meanwhile = lambda: os.utime(bench.folder.inbox / "a.jpg")
        bench.handle()
    bench.segmenter.meanwhile = lambda: None

    assert isinstance(bench.handle(), Delivered)


def test_claim_that_was_lost_delivers_nothing(bench: Bench) -> None:
    source = bench.drop()
    bench.segmenter.meanwhile = lambda: bench.claims.lose(source.key)

    outcome = bench.handle()

    assert isinstance(outcome, Skipped)
    assert "another daemon" in outcome.reason
    assert names(bench.folder.outbox) == []
    assert names(bench.folder.inbox) == ["a.jpg"]


def test_who_lost_the_claim_leaves_the_new_owners_receipt_alone(bench: Bench) -> None:
    source = bench.drop()

    def overtake() -> None:
        bench.claims.lose(source.key)
        theirs = bench.places.receipts.begin(source, "theirs")
        bench.places.receipts.end(
            bench.places.receipts.intend(theirs, "a.png", "digest"), Delivered("a.png", "builtin")
        )

    bench.segmenter.meanwhile = overtake
    bench.handle()

    receipt = bench.receipt()
    assert (receipt.state, receipt.token) == ("delivered", "theirs")


@pytest.mark.parametrize("fault", ["", "the end is missing"])
def test_who_lost_the_claim_puts_nothing_into_failed(bench: Bench, fault: str) -> None:
    source = bench.drop(data=b"only some text")
    job = bench.job(fault=fault)
    bench.claims.lose(source.key)

    assert isinstance(bench.handle(job), Skipped)
    assert names(bench.folder.failed) == []
    assert names(bench.folder.inbox) == ["a.jpg"]


def test_bug_of_ours_fails_and_the_file_stays_for_another_attempt(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = raising(ValueError("a bug"))

    outcome = bench.handle()

    assert isinstance(outcome, Failed)
    assert (outcome.final, outcome.reason) == (False, "ValueError: a bug")
    assert names(bench.folder.inbox) == ["a.jpg"]
    assert bench.receipt().not_before > 0


def test_bug_of_ours_ends_in_failed_with_the_last_attempt(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = raising(ValueError("a bug"))

    outcomes = [bench.handle() for _ in range(3)]

    assert [outcome.final for outcome in outcomes if isinstance(outcome, Failed)] == [False, False, True]
    assert names(bench.folder.inbox) == []
    report = bench.report()
    assert (report["outcome"], report["attempts"], report["model"]) == ("failed", 3, "builtin")
    assert "a bug" in report["traceback"]
    assert "watchd retry" in report["advice"]


def test_file_that_ended_the_process_at_every_attempt_is_not_tried_again(
    bench: Bench, deaths: Deaths
) -> None:
    bench.drop()
    for _ in range(3):
        job = bench.job()
        deaths.in_the_middle_of(bench.attempts().begin(job, bench.places))
        bench.claims.release(job.source.key, job.token)

    outcome = bench.handle()

    assert isinstance(outcome, Failed)
    assert outcome.final
    assert bench.segmenter.sizes == []
    assert names(bench.folder.failed) == ["a.jpg", "a.jpg.error.json"]


def test_disk_that_is_full_defers_and_costs_no_attempt(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = raising(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    outcomes = [bench.handle() for _ in range(5)]
    bench.segmenter.meanwhile = lambda: None

    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert bench.receipt().attempts == 0
    assert isinstance(bench.handle(), Delivered)


def test_memory_that_is_short_defers(bench: Bench) -> None:
    bench.drop()
    bench.segmenter.meanwhile = raising(MemoryError())

    assert isinstance(bench.handle(), Deferred)
    assert names(bench.folder.inbox) == ["a.jpg"]


@pytest.mark.parametrize("place", ["outbox", "originals"])
def test_folder_that_is_gone_defers_until_it_is_back(bench: Bench, place: str) -> None:
    path = getattr(bench.folder, place)
    bench.drop()
    path.rmdir()

    outcomes = [bench.handle() for _ in range(4)]
    path.mkdir()

    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert names(bench.folder.inbox) == ["a.jpg"]
    assert isinstance(bench.handle(), Delivered)
    assert names(bench.folder.outbox) == ["a.png"]


def test_failed_folder_that_is_gone_defers_the_rejection(bench: Bench) -> None:
    bench.drop(data=b"only some text")
    bench.folder.failed.rmdir()

    outcomes = [bench.handle() for _ in range(5)]
    bench.folder.failed.mkdir()

    assert all(isinstance(outcome, Deferred) for outcome in outcomes)
    assert names(bench.folder.inbox) == ["a.jpg"]
    assert isinstance(bench.handle(), Rejected)


def test_bad_file_that_is_removed_before_it_can_be_put_aside_is_skipped(bench: Bench) -> None:
    bench.drop()
    job = bench.job(fault="the end is missing")
    (bench.folder.inbox / "a.jpg").unlink()

    assert isinstance(bench.handle(job), Skipped)
    assert names(bench.folder.failed) == []


def test_bad_file_that_is_replaced_before_it_can_be_put_aside_is_skipped(bench: Bench) -> None:
    bench.drop()
    job = bench.job(fault="the end is missing")
    bench.drop(data=encoded("JPEG", draw(32, 32)))

    assert isinstance(bench.handle(job), Skipped)
    assert names(bench.folder.inbox) == ["a.jpg"]


def test_sidecar_that_is_gone_defers_and_nothing_is_tried(bench: Bench) -> None:
    bench.drop()
    shutil.rmtree(bench.folder.sidecar)

    outcome = bench.handle()

    assert isinstance(outcome, Deferred)
    assert "receipt" in outcome.reason
    assert bench.segmenter.sizes == []
    assert names(bench.folder.inbox) == ["a.jpg"]


def test_receipt_that_cannot_be_written_at_the_end_takes_no_original_away(bench: Bench) -> None:
    class Stubborn(Receipts):
        def end(self, receipt: Receipt, outcome: Outcome) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    bench.drop()
    bench.places = replace(bench.places, receipts=Stubborn(Tree(bench.folder.sidecar)))

    outcome = bench.handle()

    assert isinstance(outcome, Delivered)
    assert names(bench.folder.originals) == ["a.jpg"]
    assert names(bench.folder.outbox) == ["a.png"]
    assert bench.claims.held == {}


def test_temp_of_a_killed_attempt_is_cleared(bench: Bench) -> None:
    source = bench.drop("sub/a.jpg")
    killed = bench.places.receipts.begin(source, "killed")
    bench.places.receipts.intend(killed, "sub/a.png", "digest")
    put(bench.folder.outbox, f"sub/{temp_name('killed')}", b"half a cutout")

    bench.handle(bench.job("sub/a.jpg"))

    assert names(bench.folder.outbox) == ["sub/a.png"]


def test_attempt_killed_between_delivery_and_retiring_gives_the_same_files(bench: Bench) -> None:
    bench.drop()
    bench.handle()
    (bench.folder.originals / "a.jpg").rename(bench.folder.inbox / "a.jpg")

    bench.handle()

    assert names(bench.folder.outbox) == ["a.png"]
    assert names(bench.folder.originals) == ["a.jpg"]


def test_claim_that_cannot_be_released_does_not_end_the_worker(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.drop()
    job = bench.job()

    def trouble() -> None:
        bench.claims.trouble = OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    bench.segmenter.meanwhile = trouble
    outcome = bench.handle(job)

    assert isinstance(outcome, Deferred)
    assert [record.message for record in caplog.records] == ["claim not released"]


def test_pixels_are_given_back_to_the_budget_whatever_happens(bench: Bench) -> None:
    bench.drop()
    inside = []
    bench.segmenter.meanwhile = lambda: inside.append(bench.budget.in_flight)
    bench.handle()
    bench.drop(data=encoded()[:1200])
    bench.handle()

    assert inside[0] >= 64 * 48 * 3
    assert bench.budget.in_flight == 0


@pytest.mark.parametrize("after", [After.KEEP, After.DELETE])
def test_original_is_treated_as_the_folder_says(
    tmp_path: Path, claims: FakeClaims, segmenter: FakeSegmenter, listener: RecordingListener, after: After
) -> None:
    bench = Bench(tmp_path, claims, segmenter, listener, after=after)
    bench.drop()

    bench.handle()

    assert names(bench.folder.inbox) == (["a.jpg"] if after is After.KEEP else [])
    assert names(bench.folder.originals) == []
    assert names(bench.folder.outbox) == ["a.png"]


def test_bad_file_that_is_kept_is_rejected_once(
    tmp_path: Path, claims: FakeClaims, segmenter: FakeSegmenter, listener: RecordingListener
) -> None:
    bench = Bench(tmp_path, claims, segmenter, listener, after=After.KEEP)
    source = bench.drop(data=b"only some text")

    bench.handle()

    assert names(bench.folder.inbox) == ["a.jpg"]
    assert names(bench.folder.failed) == ["a.jpg.error.json"]
    assert bench.places.receipts.ended(source) is not None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"])
def test_picture_is_recognised_by_its_content(bench: Bench, kind: str) -> None:
    bench.drop("picture.jpg", encoded(kind))

    assert isinstance(bench.handle(bench.job("picture.jpg")), Delivered)


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff.jpg"), "new\nline.jpg", "x" * 251 + ".jpg", "ü.JPG"])
def test_odd_name_goes_the_whole_way(bench: Bench, name: str) -> None:
    bench.drop(name)

    outcome = bench.handle(bench.job(name))

    assert isinstance(outcome, Delivered)
    assert names(bench.folder.originals) == [name]
    assert names(bench.folder.outbox) == [outcome.output]


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff.jpg"), "new\nline.jpg", "x" * 251 + ".jpg"])
def test_odd_name_goes_the_whole_way_to_failed(bench: Bench, name: str) -> None:
    bench.drop(name, b"only some text")

    assert isinstance(bench.handle(bench.job(name)), Rejected)
    assert name in names(bench.folder.failed)


def test_who_was_overtaken_does_not_end_the_new_owners_receipt(bench: Bench) -> None:
    """Frozen after its delivery; meanwhile a new version was dropped, and another daemon works on it."""
    bench.drop()
    original = bench.places.inbox.retire

    class Frozen(type(bench.places.inbox)):  # type: ignore[misc]
        def retire(self, source: SourceFile, token: str) -> None:
            original(source, token)
            bench.places.receipts.begin(bench.drop(data=encoded("JPEG", draw(32, 32))), "theirs")

    bench.places = replace(
        bench.places, inbox=Frozen(Tree(bench.folder.inbox), Tree(bench.folder.originals), After.MOVE)
    )
    bench.handle()

    receipt = bench.receipt()
    assert (receipt.token, receipt.state) == ("theirs", "begun")


def test_picture_is_freed_before_its_share_of_the_budget_is(bench: Bench) -> None:
    pictures: list[weakref.ref[object]] = []
    alive: list[bool] = []

    def opening(*asked: Any) -> Any:
        header = open_picture(*asked)
        load, picture = header.load, None

        def remembered() -> Any:
            nonlocal picture
            picture = load()
            pictures.append(weakref.ref(picture.image))
            loaded, picture = picture, None
            return loaded

        header.load = remembered  # type: ignore[method-assign]
        return header

    class Watching(PixelBudget):
        @contextlib.contextmanager
        def reserve(self, *asked: Any) -> Iterator[None]:
            with super().reserve(*asked):
                yield
                alive.append(pictures[-1]() is not None)

    bench.budget, bench.open_picture = Watching(1 << 30), opening
    bench.drop()

    assert isinstance(bench.handle(), Delivered)

    assert alive == [False]


def test_format_that_the_profile_does_not_want_is_rejected(bench: Bench) -> None:
    bench.folder = replace(bench.folder, profile=Profile(inputs=("png",)))
    bench.drop("a.jpg", encoded("JPEG"))

    outcome = bench.handle()

    assert isinstance(outcome, Rejected)
    assert "inputs of the profile" in outcome.reason


@pytest.fixture
def remembering(
    tmp_path: Path, claims: FakeClaims, segmenter: FakeSegmenter, listener: RecordingListener
) -> Bench:
    return Bench(tmp_path, claims, segmenter, listener, profile=Profile())


def test_same_picture_again_is_delivered_without_being_decoded(remembering: Bench) -> None:
    remembering.drop("a.jpg")
    remembering.handle(remembering.job("a.jpg"))
    remembering.drop("b.jpg")
    remembering.open_picture = raising(AssertionError("decoded"))

    outcome = remembering.handle(remembering.job("b.jpg"))

    assert isinstance(outcome, Delivered)
    assert outcome.reuse.tier is Tier.OUTPUT
    assert remembering.receipt("b.jpg").reuse == outcome.reuse
    outbox = remembering.folder.outbox
    assert (outbox / "b.png").read_bytes() == (outbox / "a.png").read_bytes()


def test_remembered_cutout_that_is_damaged_is_made_afresh(remembering: Bench) -> None:
    remembering.drop("a.jpg")
    remembering.handle(remembering.job("a.jpg"))
    (stored,) = (remembering.folder.sidecar / "cache/v1/outputs").glob("*/*.png")
    stored.write_bytes(stored.read_bytes()[:-1] + b"x")
    remembering.drop("b.jpg")

    outcome = remembering.handle(remembering.job("b.jpg"))

    assert isinstance(outcome, Delivered)
    assert outcome.reuse.tier is Tier.EXACT
    outbox = remembering.folder.outbox
    assert (outbox / "b.png").read_bytes() == (outbox / "a.png").read_bytes() == stored.read_bytes()


def test_source_that_changes_before_a_remembered_cutout_is_delivered_is_left_alone(
    remembering: Bench,
) -> None:
    remembering.drop("a.jpg")
    remembering.handle(remembering.job("a.jpg"))
    remembering.drop("b.jpg")
    job = remembering.job("b.jpg")
    remembering.drop("b.jpg", encoded("JPEG", draw(80, 60)))

    outcome = remembering.handle(job)

    assert isinstance(outcome, Skipped)
    assert names(remembering.folder.outbox) == ["a.png"]


def test_time_of_a_job_runs_until_its_end_was_told(bench: Bench) -> None:
    """A worker that hangs at the claim or at a listener hangs as much as one in the network."""
    bench.drop()
    attempts, seen = bench.attempts(), []
    bench.attempts = lambda: attempts
    tell = bench.listener
    bench.listener = lambda event: seen.append(attempts.longest() is not None) or tell(event)
    bench.listener.of = tell.of

    bench.handle()

    assert seen == [True, True]
    assert attempts.longest() is None


def test_job_with_a_rule_is_made_by_that_rule_alone(bench: Bench) -> None:
    bench.drop()
    rule = replace(bench.folder.profile, model="u2netp", cache=CachePolicy())

    outcome = bench.handle(replace(bench.job(), rule=rule))

    assert isinstance(outcome, Delivered)
    assert (outcome.model, outcome.reuse.tier) == ("u2netp", Tier.MISS)


def test_cutout_has_the_edges_that_its_profile_asks_for(bench: Bench) -> None:
    drawn: dict[tuple[Refine, bool], bytes] = {}
    for refine, decontaminate in product(Refine, (False, True)):
        bench.drop(data=encoded(image=draw(640, 480)))
        rule = replace(bench.folder.profile, refine=refine, decontaminate=decontaminate)
        assert isinstance(bench.handle(replace(bench.job(), rule=rule)), Delivered)
        drawn[refine, decontaminate] = (bench.folder.outbox / "a.png").read_bytes()

    assert len(set(drawn.values())) == 4
    assert drawn[Refine.AUTO, False] == drawn[Refine.GUIDED, False]  # the profile's model is builtin
