"""Networks that come and go; the threads here wait for each other, never for a time."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from random import Random

import numpy as np
import pytest
from fakes import wait_until

from watchd.imaging.arrays import Batch, Map
from watchd.imaging.resident import ResidentNetwork, Residents

BATCH: Batch = np.zeros((1, 3, 8, 8), np.float32)


class FakeNetwork:
    channels_last = False

    def run(self, batch: Batch) -> Map:
        return batch[:, :1]


class Shelf:
    """Where networks are loaded from: remembers which were, and keeps none of them."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.trouble: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None
        self._alive: list[weakref.ref[FakeNetwork]] = []

    def load(self, name: str) -> Callable[[], FakeNetwork]:
        def load() -> FakeNetwork:
            self.loads.append(name)
            self.meanwhile()
            if self.trouble is not None:
                raise self.trouble
            network = FakeNetwork()
            self._alive.append(weakref.ref(network))
            return network

        return load

    def alive(self) -> int:
        return sum(each() is not None for each in self._alive)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def use(residents: Residents[FakeNetwork], shelf: Shelf, name: str) -> None:
    with residents.using(name, shelf.load(name)) as network:
        network.run(BATCH)


def test_network_is_loaded_once_and_used_again(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=1)

    use(residents, shelf, "a")
    use(residents, shelf, "a")

    assert shelf.loads == ["a"]


def test_longest_unused_makes_room(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=2)

    for name in ("a", "b", "a", "c"):
        use(residents, shelf, name)

    assert residents.loaded() == ("a", "c")


def test_network_is_freed_before_another_is_loaded(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=1)
    use(residents, shelf, "a")
    alive: list[int] = []
    shelf.meanwhile = lambda: alive.append(shelf.alive())

    gc.disable()
    use(residents, shelf, "b")
    gc.enable()

    assert alive == [0]


def test_network_at_work_stays_until_it_is_done(shelf: Shelf, pool: ThreadPoolExecutor) -> None:
    residents = Residents[FakeNetwork](most=1)

    with residents.using("a", shelf.load("a")):
        other = pool.submit(use, residents, shelf, "b")
        wait_until(lambda: residents.waiting == 1)
        assert shelf.loads == ["a"]

    other.result()
    assert residents.loaded() == ("b",)


def test_network_at_rest_goes_rather_than_the_longest_unused_one_at_work(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=2)

    with residents.using("a", shelf.load("a")):
        use(residents, shelf, "b")
        use(residents, shelf, "c")

    assert residents.loaded() == ("a", "c")


def test_network_gets_no_new_work_while_its_place_is_wanted(shelf: Shelf, pool: ThreadPoolExecutor) -> None:
    residents = Residents[FakeNetwork](most=1)

    with residents.using("a", shelf.load("a")):
        pool.submit(use, residents, shelf, "b")
        wait_until(lambda: residents.waiting == 1)
        again = pool.submit(use, residents, shelf, "a")
        wait_until(lambda: residents.waiting == 2)

    again.result()
    assert shelf.loads == ["a", "b", "a"]


def test_all_who_wait_for_a_network_are_served_by_one_load(shelf: Shelf, pool: ThreadPoolExecutor) -> None:
    residents = Residents[FakeNetwork](most=1)

    with residents.using("a", shelf.load("a")):
        waiting = [pool.submit(use, residents, shelf, "b") for _ in range(4)]
        wait_until(lambda: residents.waiting == 4)

    for each in waiting:
        each.result()
    assert shelf.loads == ["a", "b"]


def test_load_that_has_begun_serves_who_comes_meanwhile(shelf: Shelf, pool: ThreadPoolExecutor) -> None:
    residents = Residents[FakeNetwork](most=1)
    loading, others_wait = threading.Event(), threading.Event()
    shelf.meanwhile = lambda: (loading.set(), others_wait.wait(10))
    uses = [pool.submit(use, residents, shelf, "a")]
    loading.wait(10)

    uses.append(pool.submit(use, residents, shelf, "b"))
    wait_until(lambda: residents.waiting == 1)
    uses.append(pool.submit(use, residents, shelf, "a"))
    wait_until(lambda: residents.waiting == 2)
    others_wait.set()

    for each in uses:
        each.result()
    assert shelf.loads == ["a", "b"]


def test_load_that_fails_is_told_to_all_who_wait_and_tried_again_later(
    shelf: Shelf, pool: ThreadPoolExecutor
) -> None:
    residents = Residents[FakeNetwork](most=1)
    loading, others_wait = threading.Event(), threading.Event()
    shelf.trouble, shelf.meanwhile = OSError("gone"), lambda: (loading.set(), others_wait.wait(10))
    first = pool.submit(use, residents, shelf, "a")
    loading.wait(10)
    second = pool.submit(use, residents, shelf, "a")
    wait_until(lambda: residents.waiting == 1)
    others_wait.set()

    for each in (first, second):
        with pytest.raises(OSError, match="gone"):
            each.result()
    shelf.trouble = None
    use(residents, shelf, "a")

    assert shelf.loads == ["a", "a"]


def test_failed_load_leaves_its_place_to_others(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=1)
    shelf.trouble = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        use(residents, shelf, "a")
    shelf.trouble = None

    use(residents, shelf, "b")

    assert residents.loaded() == ("b",)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_never_more_are_loaded_than_there_are_places(
    shelf: Shelf, pool: ThreadPoolExecutor, most: int
) -> None:
    residents = Residents[FakeNetwork](most)
    others: list[int] = []
    shelf.meanwhile = lambda: others.append(len(residents.loaded()))

    def work(seed: int) -> None:
        random = Random(seed)
        for _ in range(200):
            use(residents, shelf, random.choice("abcd"))

    for each in [pool.submit(work, seed) for seed in range(8)]:
        each.result()

    assert max(others) == most - 1
    assert len(residents.loaded()) == most


def test_as_many_as_there_are_places_are_at_work_together(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=3)

    with ExitStack() as together:
        for name in "abcaabbcc":
            together.enter_context(residents.using(name, shelf.load(name)))

    assert shelf.loads == ["a", "b", "c"]


def test_resident_network_answers_whether_or_not_it_was_in_memory(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=1)
    network = ResidentNetwork(residents, "a", shelf.load("a"), channels_last=False)

    before = network.run(BATCH)
    use(residents, shelf, "b")

    assert np.array_equal(network.run(BATCH), before)
    assert shelf.loads == ["a", "b", "a"]


def test_fewer_places_take_away_the_longest_unused_at_once_and_those_at_work_later(
    shelf: Shelf, pool: ThreadPoolExecutor
) -> None:
    residents = Residents[FakeNetwork](most=3)
    use(residents, shelf, "b")
    with residents.using("a", shelf.load("a")):
        residents.limit(1)
        during = residents.loaded()
    use(residents, shelf, "c")

    assert during == ("a",)
    assert residents.loaded() == ("c",)


def test_network_that_is_dropped_serves_whoever_uses_it_and_is_loaded_again_for_the_next(
    shelf: Shelf,
) -> None:
    residents = Residents[FakeNetwork](most=1)

    with residents.using("a", shelf.load("a")) as old:
        residents.drop("a")
        use(residents, shelf, "a")
        old.run(BATCH)
    residents.drop("never loaded")

    assert shelf.loads == ["a", "a"]
    assert residents.loaded() == ("a",)


def test_network_that_is_dropped_while_its_load_fails_leaves_its_successor_alone(shelf: Shelf) -> None:
    residents = Residents[FakeNetwork](most=1)
    successor = Shelf()

    def drop_and_fail() -> None:
        residents.drop("a")
        use(residents, successor, "a")
        shelf.trouble = ValueError("gone")

    shelf.meanwhile = drop_and_fail
    with pytest.raises(ValueError, match="gone"):
        use(residents, shelf, "a")

    assert residents.loaded() == ("a",)
