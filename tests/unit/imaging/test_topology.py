"""The CPUs of machines that we do not have, from their sysfs as it was recorded."""

import os
from pathlib import Path

import pytest
from machines import container, desktop, phone, server, write

from watchd.imaging.topology import Cpu, cpu_list, layout, spread, together, usable_cpus


def numbers(cpus: tuple[Cpu, ...]) -> list[int]:
    return [cpu.number for cpu in cpus]


def test_layout_tells_cores_nodes_and_caches_of_a_server(tmp_path: Path) -> None:
    cpus = layout(range(64), server(tmp_path))

    assert cpus[0] == Cpu(0, core=0, node=0, cache=0)
    assert cpus[31] == Cpu(31, core=31, node=1, cache=24)
    assert cpus[63] == Cpu(63, core=31, node=1, cache=24)


def test_layout_tells_the_kinds_of_cores_of_a_desktop(tmp_path: Path) -> None:
    cpus = layout(range(24), desktop(tmp_path))

    fast = {cpu.number for cpu in cpus if cpu.strength == max(each.strength for each in cpus)}
    assert fast == set(range(16))


def test_layout_tells_the_kinds_of_cores_of_an_arm_by_their_capacity(tmp_path: Path) -> None:
    assert [cpu.strength for cpu in layout(range(4), phone(tmp_path))] == [430, 430, 1024, 1024]


def test_container_without_sysfs_has_cpus_that_are_all_alike(tmp_path: Path) -> None:
    assert layout((4, 2), container(tmp_path)) == (Cpu(2, core=2), Cpu(4, core=4))


def test_offline_cpu_is_left_out(tmp_path: Path) -> None:
    root = server(tmp_path)
    write(root, "sys/devices/system/cpu/online", "0-2,4-63")

    assert numbers(layout(range(5), root)) == [0, 1, 2, 4]


@pytest.mark.parametrize("online", ["", "none", "64-127"])
def test_list_of_online_cpus_that_says_nothing_of_ours_is_not_believed(tmp_path: Path, online: str) -> None:
    write(tmp_path, "sys/devices/system/cpu/online", online)

    assert numbers(layout((0, 1), tmp_path)) == [0, 1]


def test_usable_cpus_are_those_of_our_mask() -> None:
    assert {cpu.number for cpu in usable_cpus()} == os.sched_getaffinity(0)


def test_workers_are_spread_over_the_sockets_and_their_caches(tmp_path: Path) -> None:
    order = numbers(spread(layout(range(64), server(tmp_path))))

    assert order[:8] == [0, 16, 8, 24, 1, 17, 9, 25]


def test_second_threads_come_after_every_core(tmp_path: Path) -> None:
    order = numbers(spread(layout(range(64), server(tmp_path))))

    assert set(order[:32]) == set(range(32))
    assert set(order) == set(range(64))


def test_fast_cores_come_first_then_slow_ones_then_second_threads(tmp_path: Path) -> None:
    order = numbers(spread(layout(range(24), desktop(tmp_path))))

    assert order == [*range(0, 16, 2), *range(16, 24), *range(1, 16, 2)]


def test_fast_cores_of_an_arm_come_first(tmp_path: Path) -> None:
    assert numbers(spread(layout(range(4), phone(tmp_path)))) == [2, 3, 0, 1]


def test_siblings_without_their_cores_count_as_cores(tmp_path: Path) -> None:
    order = numbers(spread(layout((32, 33, 48, 0), server(tmp_path))))

    assert order == [0, 48, 33, 32]


def test_threads_of_one_run_share_a_cache_then_a_socket(tmp_path: Path) -> None:
    order = numbers(together(layout(range(64), server(tmp_path))))

    assert order == list(range(64))


def test_threads_of_one_run_stay_where_most_cores_are_ours(tmp_path: Path) -> None:
    order = numbers(together(layout((0, 1, 8, 16, 24, 25, 26), server(tmp_path))))

    assert order == [24, 25, 26, 16, 0, 1, 8]


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", (0,)), ("0-3,6", (0, 1, 2, 3, 6)), (" 2 , 0-1", (2, 0, 1)), ("1,1-2", (1, 2))]
)
def test_list_of_cpus_is_understood(text: str, cpus: tuple[int, ...]) -> None:
    assert cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1;2", "0x1", "0-99999999999", "1--2"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^" + text.replace("-", "[-]")):
        cpu_list(text)
