import threading
from dataclasses import replace

from fakes import job, wait_until

from watchd.domain.job import Job
from watchd.domain.profile import WatchFolder
from watchd.work.queue import JobQueue


def nothing() -> None:
    pass


def test_jobs_come_out_in_the_order_they_went_in(folder: WatchFolder) -> None:
    queue = JobQueue(3, nothing)
    jobs = [job(folder, name) for name in ("a", "b", "c")]

    for item in jobs:
        assert queue.offer(item)

    assert [queue.take() for _ in jobs] == jobs


def test_full_queue_refuses_at_once(folder: WatchFolder) -> None:
    queue = JobQueue(2, nothing)

    taken = [queue.offer(job(folder, name)) for name in ("a", "b", "c")]

    assert taken == [True, True, False]
    assert len(queue) == 2
    assert not queue.has_room(folder)


def test_room_is_told_when_a_full_queue_has_some_again_and_only_then(folder: WatchFolder) -> None:
    told: list[int] = []
    queue = JobQueue(2, lambda: told.append(len(queue)))
    queue.offer(job(folder, "a"))
    queue.take()
    before = list(told)

    queue.offer(job(folder, "a"))
    queue.offer(job(folder, "b"))
    queue.take()
    queue.take()

    assert before == []
    assert told == [1]


def test_room_is_told_outside_of_the_lock(folder: WatchFolder) -> None:
    def refill() -> None:
        helper = threading.Thread(target=lambda: queue.offer(job(folder, "b")))
        helper.start()
        helper.join(5)

    queue = JobQueue(1, refill)
    queue.offer(job(folder, "a"))
    queue.take()

    assert len(queue) == 1


def test_taker_waits_for_a_job(folder: WatchFolder) -> None:
    queue = JobQueue(1, nothing)
    got: list[Job | None] = []
    taker = threading.Thread(target=lambda: got.append(queue.take()))
    taker.start()

    queue.offer(job(folder, "a"))
    taker.join(5)

    assert [item.source.relative for item in got if item] == ["a"]


def test_closing_gives_the_unbegun_jobs_back_and_refuses_new_ones(folder: WatchFolder) -> None:
    queue = JobQueue(5, nothing)
    jobs = [job(folder, name) for name in ("a", "b", "c")]
    for item in jobs:
        queue.offer(item)
    queue.take()

    unbegun = queue.close()

    assert unbegun == jobs[1:]
    assert queue.close() == []
    assert not queue.offer(job(folder, "d"))
    assert not queue.has_room(folder)
    assert queue.take() is None


def test_closing_wakes_everyone_who_waits() -> None:
    queue = JobQueue(1, nothing)
    got: list[Job | None] = []
    takers = [threading.Thread(target=lambda: got.append(queue.take())) for _ in range(4)]
    for taker in takers:
        taker.start()

    queue.close()
    for taker in takers:
        taker.join(5)

    assert got == [None] * 4


def test_no_job_is_lost_or_doubled_between_many_threads(folder: WatchFolder) -> None:
    queue = JobQueue(8, nothing)
    got: list[str] = []

    def work() -> None:
        while (item := queue.take()) is not None:
            got.append(item.source.relative)

    takers = [threading.Thread(target=work) for _ in range(4)]
    for taker in takers:
        taker.start()

    for number in range(500):
        item = job(folder, str(number))
        wait_until(lambda item=item: queue.offer(item))
    wait_until(lambda: len(got) == 500)
    queue.close()
    for taker in takers:
        taker.join(5)

    assert sorted(got, key=int) == [str(number) for number in range(500)]


def test_queue_that_grows_tells_of_its_room(folder: WatchFolder) -> None:
    told: list[int] = []
    queue = JobQueue(1, lambda: told.append(1))
    queue.offer(job(folder, "a"))

    queue.resize(1)
    queue.resize(2)

    assert told == [1]
    assert queue.offer(job(folder, "b"))


def test_queue_that_shrinks_keeps_its_jobs_and_tells_of_room_only_once_there_is_some(
    folder: WatchFolder,
) -> None:
    told: list[int] = []
    queue = JobQueue(3, lambda: told.append(len(queue)))
    for name in "abc":
        queue.offer(job(folder, name))

    queue.resize(1)
    taken = [queue.take() for _ in range(3)]

    assert [each.source.relative for each in taken if each] == ["a", "b", "c"]
    assert told == [0]


def test_taker_that_is_dismissed_leaves_the_job_of_which_it_was_told_to_another(folder: WatchFolder) -> None:
    queue, dismissed = JobQueue(5, nothing), threading.Event()
    got: dict[str, Job | None] = {}
    takers = [
        threading.Thread(target=lambda: got.update(leaving=queue.take(dismissed.is_set))),
        threading.Thread(target=lambda: got.update(staying=queue.take())),
    ]
    for number, taker in enumerate(takers, 1):
        taker.start()
        wait_until(lambda number=number: len(queue._jobs_changed._waiters) == number)

    dismissed.set()
    queue.offer(job(folder, "a"))
    for taker in takers:
        taker.join(5)
    ended = [not taker.is_alive() for taker in takers]
    queue.close()

    assert ended == [True, True]
    assert got["leaving"] is None
    assert (left := got["staying"]) is not None
    assert left.source.relative == "a"


def of(folder: WatchFolder, name: str, priority: int = 0) -> WatchFolder:
    return replace(folder, name=name, priority=priority)


def offer(queue: JobQueue, folder: WatchFolder, *names: str) -> list[bool]:
    return [queue.offer(job(folder, name)) for name in names]


def taken(queue: JobQueue) -> list[str]:
    jobs = [queue.take() for _ in range(len(queue))]
    return [f"{each.folder.name}/{each.source.relative}" for each in jobs if each]


def test_folders_take_turns_and_each_keeps_its_order(folder: WatchFolder) -> None:
    queue = JobQueue(10, nothing)
    offer(queue, of(folder, "many"), "1", "2", "3", "4")
    offer(queue, of(folder, "few"), "a", "b")

    assert taken(queue) == ["many/1", "few/a", "many/2", "few/b", "many/3", "many/4"]


def test_single_file_of_one_folder_does_not_wait_behind_a_queue_full_of_another(folder: WatchFolder) -> None:
    queue = JobQueue(3, nothing)
    offer(queue, of(folder, "many"), "1", "2", "3", "4")
    queue.take()
    offer(queue, of(folder, "many"), "4")

    room = [queue.has_room(of(folder, name)) for name in ("many", "one")]
    offer(queue, of(folder, "one"), "a", "b")

    assert room == [False, True]
    assert taken(queue) == ["many/2", "one/a", "many/3", "many/4"]


def test_folder_of_higher_priority_goes_first(folder: WatchFolder) -> None:
    queue = JobQueue(10, nothing)
    offer(queue, of(folder, "archive", -10), "1", "2")
    offer(queue, of(folder, "daily"), "a", "b")
    offer(queue, of(folder, "studio"), "x", "y")

    assert taken(queue) == ["daily/a", "studio/x", "daily/b", "studio/y", "archive/1", "archive/2"]


def test_room_is_told_to_a_folder_whose_only_job_was_taken_from_a_full_queue(folder: WatchFolder) -> None:
    told: list[int] = []
    queue = JobQueue(2, lambda: told.append(len(queue)))
    offer(queue, of(folder, "one", 10), "a")
    offer(queue, of(folder, "many"), "1")
    queue.resize(1)

    queue.take()

    assert told == [1]
    assert offer(queue, of(folder, "one", 10), "b") == [True]
    assert not queue.has_room(of(folder, "many"))
