import os
import random
import threading
from collections.abc import Callable, Sequence

import pytest
from fakes import Crashes, job, wait_until

from watchd.background import Grace
from watchd.domain.job import Job
from watchd.domain.profile import WatchFolder
from watchd.work.pool import WorkerPool
from watchd.work.queue import JobQueue


class Bench:
    """A pool with its queue; `handled` and `returned` are names."""

    def __init__(self, folder: WatchFolder, crashes: Crashes) -> None:
        self.folder = folder
        self.queue = JobQueue(50, lambda: None)
        self.crashes = crashes
        self.handled: list[str] = []
        self.returned: list[str] = []
        self.do: Callable[[Job], None] = lambda item: None
        self.on_return: Callable[[Job], None] = lambda item: None

    def pool(self, cpus: Sequence[int | None] = (None, None), grace_s: float = 5.0) -> WorkerPool:
        return WorkerPool(
            handle=self.handle,
            give_back=self.give_back,
            queue=self.queue,
            cpus=cpus,
            on_crash=self.crashes,
            grace=Grace(grace_s),
        )

    def handle(self, item: Job) -> None:
        self.do(item)
        self.handled.append(item.source.relative)

    def give_back(self, item: Job) -> None:
        self.returned.append(item.source.relative)
        self.on_return(item)

    def offer(self, *names: str) -> None:
        for name in names:
            assert self.queue.offer(job(self.folder, name))


class HesitantQueue(JobQueue):
    """Whoever is dismissed is held at the door until `go_on`."""

    def __init__(self, size: int, on_room: Callable[[], None]) -> None:
        super().__init__(size, on_room)
        self.dismissed, self.go_on = threading.Event(), threading.Event()

    def take(self, dismissed: Callable[[], bool] = lambda: False) -> Job | None:
        taken = super().take(dismissed)
        if taken is None:
            self.dismissed.set()
            self.go_on.wait(5)
        return taken


@pytest.fixture
def bench(folder: WatchFolder, crashes: Crashes) -> Bench:
    return Bench(folder, crashes)


def test_every_job_is_handled(bench: Bench) -> None:
    bench.offer(*"abcdefgh")

    with bench.pool() as pool:
        wait_until(lambda: len(bench.handled) == 8)

    assert sorted(bench.handled) == list("abcdefgh")
    assert bench.returned == []
    assert pool.busy_at_exit == 0


def test_workers_work_at_the_same_time(bench: Bench) -> None:
    together = threading.Barrier(3)
    bench.do = lambda item: together.wait(5) and None
    bench.offer("a", "b", "c")

    with bench.pool((None, None, None)):
        wait_until(lambda: len(bench.handled) == 3)

    assert bench.crashes.seen == []


def test_leaving_lets_a_begun_job_finish_and_gives_the_others_back(bench: Bench) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow(item: Job) -> None:
        begun.set()
        finish.wait(5)

    bench.do = slow
    bench.on_return = lambda item: finish.set()
    bench.offer("a", "b", "c")

    with bench.pool((None,)):
        assert begun.wait(5)

    assert bench.handled == ["a"]
    assert bench.returned == ["b", "c"]


def test_job_longer_than_the_grace_is_left_behind_and_counted(bench: Bench) -> None:
    begun, finish = threading.Event(), threading.Event()

    def endless(item: Job) -> None:
        begun.set()
        finish.wait(10)

    bench.do = endless
    bench.offer("a")

    with bench.pool(grace_s=0.05) as pool:
        assert begun.wait(5)
    busy = pool.busy_at_exit
    finish.set()

    assert busy == 1


def test_share_that_is_gone_while_jobs_are_given_back_does_not_stop_the_drain(bench: Bench) -> None:
    begun, finish = threading.Event(), threading.Event()

    def slow(item: Job) -> None:
        begun.set()
        finish.wait(5)

    def trouble(item: Job) -> None:
        finish.set()
        raise OSError(116, "Stale file handle")

    bench.do, bench.on_return = slow, trouble
    bench.offer("a", "b", "c")

    with bench.pool((None,)) as pool:
        assert begun.wait(5)

    assert bench.handled == ["a"]
    assert bench.returned == ["b", "c"]
    assert pool.busy_at_exit == 0


def test_worker_that_dies_is_reported_by_name(bench: Bench) -> None:
    def bug(item: Job) -> None:
        raise RuntimeError("a bug of ours")

    bench.do = bug
    bench.offer("a")

    with bench.pool((None,)):
        assert bench.crashes.told.wait(5)

    assert [(name, str(error)) for name, error in bench.crashes.seen] == [("worker-1", "a bug of ours")]


def test_each_worker_is_pinned_to_its_own_cpu_and_nobody_else_is(bench: Bench) -> None:
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        pytest.skip("needs two CPUs")
    seen: dict[str, set[int]] = {}
    together = threading.Barrier(2)

    def look(item: Job) -> None:
        seen[threading.current_thread().name] = os.sched_getaffinity(0)
        together.wait(5)

    bench.do = look
    bench.offer("a", "b")

    with bench.pool(usable[:2]):
        wait_until(lambda: len(bench.handled) == 2)

    assert seen == {"worker-1": {usable[0]}, "worker-2": {usable[1]}}
    assert os.sched_getaffinity(0) == set(usable)


def test_cpu_that_was_taken_away_costs_the_pinning_and_not_the_work(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.offer("a")

    with bench.pool((1023,)):
        wait_until(lambda: bench.handled == ["a"])

    assert bench.crashes.seen == []
    assert [record.message for record in caplog.records] == ["worker is not pinned"]


def test_pool_that_grows_works_with_more_at_once(bench: Bench) -> None:
    together = threading.Barrier(3)
    bench.do = lambda item: together.wait(5) and None
    with bench.pool((None,)) as pool:
        bench.offer("a", "b", "c")
        pool.resize((None, None, None))
        wait_until(lambda: len(bench.handled) == 3)

    assert bench.crashes.seen == []


def test_worker_that_is_too_many_finishes_its_job_and_takes_no_other(bench: Bench) -> None:
    finish, begun = threading.Event(), threading.Barrier(3)
    at_work: set[str] = set()

    def slow(item: Job) -> None:
        at_work.add(threading.current_thread().name)
        if item.source.relative in "ab":
            begun.wait(5)
            finish.wait(5)

    bench.do = slow
    bench.offer("a", "b")
    with bench.pool((None, None)) as pool:
        begun.wait(5)
        pool.resize((None,))
        finish.set()
        wait_until(lambda: pool.busy_at_exit == 1)
        at_work.clear()
        bench.offer(*"cdefgh")
        wait_until(lambda: len(bench.handled) == 8)

    assert at_work == {"worker-1"}
    assert sorted(bench.handled) == list("abcdefgh")


def test_worker_that_is_wanted_again_before_it_has_gone_stays(bench: Bench) -> None:
    queue = bench.queue = HesitantQueue(50, lambda: None)
    together = threading.Barrier(2)
    bench.do = lambda item: together.wait(5) and None

    with bench.pool((None, None)) as pool:
        pool.resize((None,))
        assert queue.dismissed.wait(5)
        pool.resize((None, None))
        queue.go_on.set()
        bench.offer("a", "b")
        wait_until(lambda: len(bench.handled) == 2)
        alive = [thread.name for thread in threading.enumerate() if thread.name.startswith("worker-")]

    assert sorted(alive) == ["worker-1", "worker-2"]
    assert bench.crashes.seen == []


def test_no_job_is_lost_or_doubled_while_workers_come_and_go(bench: Bench) -> None:
    chance = random.Random(1)
    wanted = [str(number) for number in range(400)]
    with bench.pool((None,)) as pool:
        for name in wanted:
            wait_until(lambda name=name: bench.queue.offer(job(bench.folder, name)))
            if chance.random() < 0.2:
                pool.resize((None,) * chance.choice((1, 2, 8)))
        wait_until(lambda: len(bench.handled) == len(wanted))

    assert sorted(bench.handled, key=int) == wanted
    assert bench.crashes.seen == []


def test_pool_that_was_left_starts_nobody_any_more(bench: Bench) -> None:
    with bench.pool((None,)) as pool:
        pass

    pool.resize((None, None))

    assert pool.busy_at_exit == 0


def test_worker_moves_to_another_cpu_before_its_next_job_and_is_let_off_it(bench: Bench) -> None:
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        pytest.skip("needs two CPUs")
    seen: list[set[int]] = []
    bench.do = lambda item: seen.append(os.sched_getaffinity(0))

    with bench.pool((usable[0],)) as pool:
        for name, cpu in (("a", usable[0]), ("b", usable[1]), ("c", None)):
            pool.resize((cpu,))
            bench.offer(name)
            wait_until(lambda name=name: name in bench.handled)

    assert seen == [{usable[0]}, {usable[1]}, set(usable)]


def test_polite_workers_have_a_lower_priority_and_give_way_to_others_once_they_need_not_be(
    bench: Bench,
) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    seen: list[tuple[str, int]] = []
    bench.do = lambda item: seen.append(
        (threading.current_thread().name, os.getpriority(os.PRIO_PROCESS, 0) - before)
    )

    with bench.pool((None,)) as pool:
        for name, polite in (("a", False), ("b", True), ("c", False)):
            pool.resize((None,), polite)
            wait_until(lambda: pool.busy_at_exit == 1)
            bench.offer(name)
            wait_until(lambda name=name: name in bench.handled)

    assert seen == [("worker-1", 0), ("worker-1", 10), ("worker-1", 0)]
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


def test_no_job_is_lost_or_doubled_while_workers_become_polite_and_rest(bench: Bench) -> None:
    chance = random.Random(2)
    wanted = [str(number) for number in range(400)]
    with bench.pool((None,)) as pool:
        for name in wanted:
            wait_until(lambda name=name: bench.queue.offer(job(bench.folder, name)) or pool.resize((None,)))
            if chance.random() < 0.2:
                pool.resize((None,) * chance.choice((0, 1, 4)), polite=chance.random() < 0.5)
        pool.resize((None, None))
        wait_until(lambda: len(bench.handled) == len(wanted))
        wait_until(lambda: pool.busy_at_exit == 2)

    assert sorted(bench.handled, key=int) == wanted
    assert bench.crashes.seen == []


def test_pool_that_rests_begins_nothing_and_gives_all_back_when_it_is_left(bench: Bench) -> None:
    with bench.pool((None, None)) as pool:
        pool.resize(())
        wait_until(lambda: pool.busy_at_exit == 0)
        bench.offer("a", "b")

    assert bench.handled == []
    assert bench.returned == ["a", "b"]
