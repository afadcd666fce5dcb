"""Which CPUs are ours, and which thread gets which."""

from pathlib import Path

import pytest

from watchd.domain.errors import ConfigError
from watchd.imaging.cpus import (
    ThreadPlan,
    cpu_quota,
    parse_cpu_list,
    physical_first,
    plan_threads,
    usable_cpus,
)

FOUR = (0, 1, 2, 3)


def plan(
    *,
    workers: int | None = None,
    intra_op: int | None = None,
    inter_op: int | None = None,
    binding: str = "auto",
    cpus: tuple[int, ...] = FOUR,
    quota: float | None = None,
) -> ThreadPlan:
    return plan_threads(workers, intra_op, inter_op, binding, cpus, quota)


def write(root: Path, relative: str, text: str) -> None:
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def test_default_is_one_pinned_worker_on_each_cpu() -> None:
    assert plan() == ThreadPlan(workers=4, intra_op=1, inter_op=1, worker_cpus=FOUR)


def test_workers_are_pinned_in_the_order_of_the_cpus() -> None:
    assert plan(workers=2, cpus=(4, 6, 5, 7)).worker_cpus == (4, 6)


def test_intra_op_leaves_room_for_its_helpers_and_pins_them() -> None:
    made = plan(intra_op=2)

    assert (made.workers, made.worker_cpus, made.intra_affinities) == (2, (0, 1), "3")
    assert made.notes == ("intra_op: its helpers (1) are shared by all 2 workers",)


def test_helpers_are_numbered_from_1_and_one_fewer_than_threads() -> None:
    made = plan(workers=1, intra_op=4)

    assert (made.worker_cpus, made.intra_affinities, made.notes) == ((0,), "2;3;4", ())


def test_more_threads_than_cpus_are_not_pinned() -> None:
    made = plan(workers=6)

    assert made.worker_cpus == (None,) * 6
    assert made.notes[0] == "threads are not pinned: 6 threads share 4 CPUs"


def test_binding_none_pins_nothing() -> None:
    made = plan(intra_op=2, binding="none")

    assert made.worker_cpus == (None, None)
    assert made.intra_affinities == ""
    assert "threads are not pinned: binding is none" in made.notes


def test_binding_list_is_obeyed_and_sets_the_number_of_workers() -> None:
    made = plan(binding="3,1")

    assert (made.workers, made.worker_cpus) == (2, (3, 1))


def test_binding_list_is_gone_through_again_for_more_workers() -> None:
    assert plan(workers=3, binding="2-3").worker_cpus == (2, 3, 2)


def test_cpu_outside_our_mask_is_an_error_that_names_it_and_the_usable_ones() -> None:
    with pytest.raises(ConfigError) as refused:
        plan(binding="1-5", cpus=(2, 0, 1))

    assert str(refused.value) == "binding: we may not use CPU 3, 4, 5 of '1-5'; usable are 0, 1, 2"


@pytest.mark.parametrize(("quota", "workers"), [(2.0, 2), (1.5, 2), (0.5, 1), (3.9, 4)])
def test_quota_limits_the_workers_and_frees_them(quota: float, workers: int) -> None:
    made = plan(quota=quota)

    assert made.workers == workers
    assert made.worker_cpus == (None,) * workers
    assert f"the cgroup grants {quota:g} of 4 CPUs" in made.notes[0]


@pytest.mark.parametrize("quota", [4.0, 64.0])
def test_quota_for_all_cpus_changes_nothing(quota: float) -> None:
    assert plan(quota=quota) == plan()


def test_inter_op_is_told_to_be_slower() -> None:
    made = plan(inter_op=2)

    assert made.inter_op == 2
    assert "ORT_PARALLEL" in made.notes[0]


def test_inter_op_of_one_is_told_to_have_no_effect() -> None:
    assert "no effect" in plan(inter_op=1).notes[0]


def test_too_many_threads_are_told_to_be_slower() -> None:
    assert "more than 4 CPUs" in plan(workers=4, intra_op=2, binding="0-3").notes[-1]


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", (0,)), ("0-3,6", (0, 1, 2, 3, 6)), (" 2 , 0-1", (2, 0, 1)), ("1,1-2", (1, 2))]
)
def test_list_of_cpus_is_understood(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "3-1", "1;2", "0x1", "0-99999999999", "1--2"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="allowed are auto, none, or a list such as 0-3,6"):
        parse_cpu_list(text)


def test_usable_cpus_are_those_of_this_machine() -> None:
    assert usable_cpus() == tuple(sorted(set(usable_cpus())))
    assert usable_cpus()


def test_cores_come_before_their_second_threads(tmp_path: Path) -> None:
    for cpu, siblings in enumerate(["0-1", "0-1", "2-3", "2-3"]):
        write(tmp_path, f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", siblings)

    assert physical_first(FOUR, tmp_path) == (0, 2, 1, 3)
    assert physical_first((1, 2, 3), tmp_path) == (1, 2, 3)


def test_unknown_layout_leaves_the_order(tmp_path: Path) -> None:
    assert physical_first(FOUR, tmp_path) == FOUR


def test_quota_of_cgroup_2_is_the_tightest_on_the_way_up(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/user/watchd")
    write(tmp_path, "sys/fs/cgroup/user/watchd/cpu.max", "max 100000")
    write(tmp_path, "sys/fs/cgroup/user/cpu.max", "150000 100000")
    write(tmp_path, "sys/fs/cgroup/cpu.max", "400000 100000")

    assert cpu_quota(tmp_path) == 1.5


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_quota_of_cgroup_1(tmp_path: Path, mount: str) -> None:
    write(tmp_path, "proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/host/path/of/container\n0::/")
    write(tmp_path, f"sys/fs/cgroup/{mount}/cpu.cfs_quota_us", "50000")
    write(tmp_path, f"sys/fs/cgroup/{mount}/cpu.cfs_period_us", "100000")

    assert cpu_quota(tmp_path) == 0.5


def test_no_limit_in_cgroup_1_is_no_quota(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "4:cpu:/")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1")
    write(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000")

    assert cpu_quota(tmp_path) is None


def test_machine_without_cgroups_has_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
