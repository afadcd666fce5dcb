"""Events on their way to real programs and a real server, by threads that are stopped."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import Crashes, ManualClock, job, wait_until
from receiver import Receiver, answers, never_answers

from watchd.background import Grace
from watchd.domain.events import BatchDelivered, Event, HookEnded, JobBegun, JobEnded, StateChanged
from watchd.domain.hook import CommandHook, Hook, Hooks, Told, WebHook
from watchd.domain.outcome import Deferred, Delivered, Rejected
from watchd.domain.profile import WatchFolder
from watchd.report.hookthreads import HookThreads

DELIVERED = Delivered("a.png", original="a.jpg")


class Bench:
    """A watch folder with hooks, and the threads that tell them."""

    def __init__(self, folder: WatchFolder, clock: ManualClock, crashes: Crashes) -> None:
        self.folder = folder
        self.clock = clock
        self.crashes = crashes
        self.grace_s = 20.0
        self.backoff_s = 0.01
        self._life = ExitStack()
        self._count = 0
        self.announced: list[Event] = []

    def start(self, **hooks: object) -> None:
        self.folder = replace(self.folder, hooks=replace(Hooks(), **hooks))  # type: ignore[arg-type]
        environ = {"PATH": "/usr/bin:/bin"}
        self.threads = self._life.enter_context(
            HookThreads(
                environ,
                lambda _: False,
                self.announced.append,
                self.crashes,
                Grace(self.grace_s),
                clock=self.clock,
                backoff_s=lambda _: self.backoff_s,
            )
        )

    def end(self, outcome: object = DELIVERED) -> None:
        self._count += 1
        ended = job(self.folder, f"{self._count}.jpg")
        self.threads.listen(JobBegun(ended))
        self.threads.listen(JobEnded(ended, outcome, 1.0))  # type: ignore[arg-type]

    def came_of(self) -> list[str]:
        """In no order: of what was told, and of what was not."""
        assert all(
            isinstance(event, HookEnded) and event.folder == self.folder.name for event in self.announced
        )
        return sorted(event.told for event in self.announced if isinstance(event, HookEnded))

    def stop(self) -> None:
        self._life.close()


@pytest.fixture
def bench(folder: WatchFolder, clock: ManualClock, crashes: Crashes) -> Iterator[Bench]:
    bench = Bench(folder, clock, crashes)
    yield bench
    bench.stop()
    assert crashes.seen == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("hooks")]


def appending(file: Path) -> CommandHook:
    return CommandHook(("/bin/sh", "-c", f'echo "$WATCHD_EVENT $WATCHD_SOURCE" >> {file}'))


def warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


def events(receiver: Receiver) -> list[str]:
    return [json.loads(post.body)["event"] for post in receiver.posts]


def test_each_outcome_is_told_to_those_who_asked_for_it(
    bench: Bench, receiver: Receiver, tmp_path: Path
) -> None:
    bench.start(on_delivered=(appending(tmp_path / "done"),), on_failed=(WebHook(receiver.url()),))

    bench.end()
    bench.end(Rejected("text"))
    bench.end(Deferred("disk full", 5.0))
    bench.threads.listen(StateChanged("draining"))
    bench.stop()

    assert (tmp_path / "done").read_text() == f"delivered {bench.folder.inbox}/1.jpg\n"
    assert events(receiver) == ["failed"]


def test_folder_at_rest_is_told_of_once(bench: Bench, receiver: Receiver) -> None:
    bench.start(on_batch_done=(WebHook(receiver.url()),), rest_s=10.0)
    bench.end()
    bench.end()

    bench.clock.advance(9.0)
    bench.threads.end_batches()
    bench.clock.advance(1.0)
    bench.threads.end_batches()
    bench.threads.end_batches()
    wait_until(lambda: receiver.posts, within_s=20)
    bench.stop()

    assert [json.loads(post.body)["delivered"] for post in receiver.posts] == [2]


def test_batch_that_is_open_at_the_end_is_told_of_then(bench: Bench, receiver: Receiver) -> None:
    bench.start(on_batch_done=(WebHook(receiver.url()),))

    bench.end()
    bench.stop()

    assert events(receiver) == ["batch_done"]


def test_what_waits_at_the_end_is_told_within_the_grace(bench: Bench, tmp_path: Path) -> None:
    bench.start(on_delivered=(appending(tmp_path / "done"),))

    for _ in range(20):
        bench.end()
    bench.stop()

    names = [line.rpartition("/")[2] for line in (tmp_path / "done").read_text().splitlines()]
    assert names == [f"{number}.jpg" for number in range(1, 21)]


def test_what_is_left_after_the_grace_is_dropped_and_running_programs_are_killed(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench.grace_s = 0.2
    hanging = CommandHook(("/bin/sh", "-c", f"echo >> {tmp_path}/begun; sleep 600"), 600.0)
    bench.start(on_delivered=(hanging,))
    for _ in range(3):
        bench.end()
    wait_until((tmp_path / "begun").exists, within_s=20)

    bench.stop()

    [dropped, killed] = warnings(caplog)
    assert (dropped.getMessage(), vars(dropped)["dropped"]) == ("hooks not told before the end", 2)
    assert vars(killed)["reason"] == "killed: the daemon ends"
    assert bench.came_of() == [Told.DROPPED, Told.DROPPED, Told.FAILED]


def test_receiver_in_trouble_is_tried_again_until_it_is_told(bench: Bench, receiver: Receiver) -> None:
    receiver.habits = [answers(500), answers(503), answers(200)]
    bench.start(on_delivered=(WebHook(receiver.url()),))

    bench.end()
    wait_until(lambda: len(receiver.posts) == 3, within_s=20)
    bench.end()
    bench.stop()

    ids = [post.headers["webhook-id"] for post in receiver.posts]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    assert len(ids) == 4
    assert bench.came_of() == [Told.TOLD, Told.TOLD]


def test_receiver_that_stays_in_trouble_is_given_up_with_a_warning(
    bench: Bench, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.habits = [answers(500, b"no such luck")]
    bench.start(on_delivered=(WebHook(receiver.url("/secret"), attempts=3),))

    bench.end()
    wait_until(lambda: warnings(caplog), within_s=20)

    [warning] = warnings(caplog)
    told = vars(warning)
    assert (told["reason"], told["output"], told["attempts"]) == ("answered 500", "no such luck", 3)
    assert "secret" not in str(told)
    assert len(receiver.posts) == 3
    assert bench.came_of() == [Told.FAILED]


@pytest.mark.parametrize(
    ("hook", "came_of_it"),
    [
        (CommandHook(("/bin/true",)), Told.TOLD),
        (CommandHook(("/bin/false",)), Told.FAILED),
        (CommandHook(("/bin/sleep", "600"), timeout_s=0.1), Told.TIMED_OUT),
    ],
)
def test_what_came_of_a_program_is_announced(bench: Bench, hook: Hook, came_of_it: Told) -> None:
    bench.start(on_delivered=(hook,))

    bench.end()
    bench.stop()

    assert bench.came_of() == [came_of_it]


def test_receiver_that_never_answers_is_announced_as_too_late(bench: Bench, receiver: Receiver) -> None:
    receiver.habits = [never_answers]
    bench.start(on_delivered=(WebHook(receiver.url(), timeout_s=0.2, attempts=2),))

    bench.end()
    wait_until(lambda: bench.announced, within_s=20)

    assert bench.came_of() == [Told.TIMED_OUT]
    assert len(receiver.posts) == 2


def test_program_that_fails_is_run_once(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench.start(on_delivered=(CommandHook(("/bin/sh", "-c", f"echo x >> {tmp_path}/runs; exit 1")),))

    bench.end()
    wait_until(lambda: warnings(caplog), within_s=20)
    bench.stop()

    assert (tmp_path / "runs").read_text() == "x\n"


def test_hook_that_hangs_holds_up_no_other(bench: Bench, receiver: Receiver, tmp_path: Path) -> None:
    bench.grace_s = 0.2
    receiver.habits = [never_answers]
    bench.start(
        on_delivered=(
            CommandHook(("/bin/sh", "-c", "sleep 600"), 600.0),
            WebHook(receiver.url(), 2.0),
            appending(tmp_path / "done"),
        )
    )

    for _ in range(5):
        bench.end()

    wait_until(lambda: (tmp_path / "done").exists() and (tmp_path / "done").read_text().count("\n") == 5, 20)


def test_dead_receiver_does_not_hold_up_the_end(
    bench: Bench, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """It has one more chance, and then all that waits for it is dropped."""
    bench.backoff_s = 1000.0
    receiver.habits = [answers(500)]
    bench.start(on_delivered=(WebHook(receiver.url()),))

    for _ in range(100):
        bench.end()
    bench.stop()

    assert len(receiver.posts) <= 2
    [warning] = warnings(caplog)
    assert vars(warning)["dropped"] == 99
    assert bench.came_of() == [*[Told.DROPPED] * 99, Told.FAILED]


def test_worker_is_not_held_up_however_much_waits(
    bench: Bench, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    bench.grace_s = 0.2
    receiver.habits = [never_answers]
    bench.start(on_delivered=(WebHook(receiver.url(), 1.0),))

    for _ in range(3000):
        bench.end()

    behind = [record for record in warnings(caplog) if "falls behind" in record.getMessage()]
    assert len(behind) == 1
    assert bench.came_of().count(Told.DROPPED) >= 1900


def test_folder_that_is_delivered_is_told_to_who_asks_for_deliveries(bench: Bench, tmp_path: Path) -> None:
    bench.start(on_delivered=(appending(tmp_path / "told"),))

    bench.threads.listen(BatchDelivered(bench.folder, "shoot", "shoot-2", 24))
    bench.stop()

    assert (tmp_path / "told").read_text() == f"delivered {bench.folder.inbox}/shoot\n"
