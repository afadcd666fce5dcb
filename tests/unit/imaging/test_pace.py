"""How fast workers are."""

import os
import threading
import time

import pytest

from watchd.imaging.pace import pace


def test_each_worker_works_at_least_once_also_when_the_time_is_up() -> None:
    workers: set[int] = set()
    both = threading.Barrier(2)

    def work() -> None:
        workers.add(threading.get_ident())
        both.wait(10)

    found = pace(work, (None, None), until=0)

    assert len(workers) == 2
    assert found.per_second > 0


def test_speed_is_that_of_all_workers_and_latency_that_of_one() -> None:
    stopping = threading.Event()

    found = pace(lambda: stopping.wait(0.01), (None,) * 4, until=time.perf_counter() + 0.2)

    assert found.latency_p95_s >= found.latency_p50_s >= 0.01
    assert found.per_second <= 4 / 0.01
    assert found.peak_bytes > 1_000_000


def test_worker_is_pinned_to_its_cpu_and_the_caller_is_not() -> None:
    before, pinned = os.sched_getaffinity(0), set()
    cpu = max(before)

    pace(lambda: pinned.update(os.sched_getaffinity(0)), (cpu,), until=0)

    assert pinned == {cpu}
    assert os.sched_getaffinity(0) == before


def test_trouble_of_a_worker_is_raised() -> None:
    def work() -> None:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        pace(work, (None,), until=0)
