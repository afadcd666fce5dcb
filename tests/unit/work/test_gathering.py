"""When a batch is delivered: on a real disk, with a clock that the test moves."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from fakes import FakeClaims, ManualClock, RecordingListener, names, put

from watchd.domain.events import BatchDelivered
from watchd.domain.hook import Hooks
from watchd.domain.profile import Deliver, WatchFolder
from watchd.intake.stillness import Stillness
from watchd.store.places import Places
from watchd.tree import Tree
from watchd.work.gathering import Gathering

REST_S = 10.0


class SlowClaims(FakeClaims):
    """`meanwhile` happens while a claim is made."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = lambda: None

    def acquire(self, key: str) -> str | None:
        self.meanwhile()
        return super().acquire(key)


class Studio:
    """A watch folder whose pictures are done by hand."""

    def __init__(self, folder: WatchFolder, clock: ManualClock, listener: RecordingListener) -> None:
        self.folder = replace(folder, deliver=Deliver.FOLDERS, hooks=Hooks(rest_s=REST_S))
        self.claims = SlowClaims()
        self.why_not = ""
        self.clock = clock
        self.listener = listener
        self.make()

    def make(self) -> None:
        """As a daemon does when it is started."""
        self.gathering = Gathering(
            self.folder,
            Places.of(self.folder, 60).staging,
            Stillness(Tree(self.folder.inbox), lambda path, _: not path.endswith(".jpg"), self.clock),
            self.claims,
            resting=lambda: self.why_not,
            announce=self.listener,
        )

    def done(self, *outputs: str, source: str = "shoot") -> None:
        for output in outputs:
            put(self.folder.outbox, f".watchd-batches/{source}/1/{output}")

    def rest(self, seconds: float = REST_S) -> None:
        self.gathering.turn()
        self.clock.advance(seconds)
        self.gathering.turn()

    def outputs(self) -> list[str]:
        return [name for name in names(self.folder.outbox) if not name.startswith(".")]


@pytest.fixture
def studio(folder: WatchFolder, clock: ManualClock, listener: RecordingListener) -> Studio:
    return Studio(folder, clock, listener)


def test_batch_is_delivered_once_it_has_been_at_rest(studio: Studio) -> None:
    studio.done("a.png", "b.png")

    studio.rest(REST_S - 1)
    early = studio.outputs()
    studio.rest(1)

    assert early == []
    assert studio.outputs() == ["shoot/a.png", "shoot/b.png"]
    assert studio.listener.events == [BatchDelivered(studio.folder, "shoot", "shoot", 2)]
    assert studio.claims.held == {}
    studio.gathering.turn()
    assert not studio.gathering.open


def test_batch_waits_for_a_file_that_is_not_done(studio: Studio) -> None:
    studio.done("a.png")
    put(studio.folder.inbox, "shoot/b.jpg")

    studio.rest(100)

    assert studio.outputs() == []
    assert studio.gathering.open


def test_other_batches_wait_for_none_but_their_own(studio: Studio) -> None:
    studio.done("a.png")
    studio.done("b.png", source="other")
    put(studio.folder.inbox, "shoot/b.jpg")

    studio.rest()

    assert studio.outputs() == ["other/b.png"]


def test_file_that_comes_between_the_look_and_the_claim_is_waited_for(studio: Studio) -> None:
    studio.done("a.png")
    studio.claims.meanwhile = lambda: put(studio.folder.inbox, "shoot/b.jpg")

    studio.rest()

    assert studio.outputs() == []
    assert studio.claims.held == {}


def test_batch_that_another_daemon_delivers_just_now_is_left_to_it(studio: Studio) -> None:
    studio.done("a.png")
    [batch] = Places.of(studio.folder, 60).staging.gathered()
    studio.claims.others.add(batch.key)

    studio.rest()

    assert studio.outputs() == []
    assert studio.listener.events == []


def test_nothing_is_delivered_while_the_folder_rests_and_the_time_begins_anew_then(studio: Studio) -> None:
    studio.done("a.png")
    studio.gathering.turn()
    studio.why_not = "PAUSE is there"
    studio.rest(100)
    studio.why_not = ""

    studio.gathering.turn()
    early = studio.outputs()
    studio.rest()

    assert early == []
    assert studio.outputs() == ["shoot/a.png"]


def test_daemon_that_is_started_anew_finishes_what_was_gathered(studio: Studio) -> None:
    studio.done("a.png")

    studio.make()
    studio.rest()

    assert studio.outputs() == ["shoot/a.png"]


def test_what_was_gathered_is_delivered_though_files_are_delivered_by_themselves_now(studio: Studio) -> None:
    studio.done("a.png")
    studio.folder = replace(studio.folder, deliver=Deliver.FILES)

    studio.make()
    studio.rest()

    assert studio.outputs() == ["shoot/a.png"]


def test_disk_that_refuses_one_batch_keeps_no_other_and_is_told_once(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    studio.done("a.png")
    studio.done("b.png", source="other")
    studio.claims.trouble = OSError(5, "Input/output error")

    studio.rest()
    failed = studio.gathering.deliver(rest_s=0.0)
    studio.claims.trouble = None
    studio.gathering.turn()

    assert failed == dict.fromkeys(("shoot", "other"), "not delivered: Input/output error")
    assert [record.getMessage() for record in caplog.records] == ["batch not delivered"] * 2
    assert studio.outputs() == ["other/b.png", "shoot/a.png"]
