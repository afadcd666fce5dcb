"""Which thread gets which CPU."""

from pathlib import Path

import pytest
from machines import desktop, server

from watchd.domain.errors import ConfigError
from watchd.imaging.cpus import ThreadPlan, parse_cpu_list, plan_threads
from watchd.imaging.topology import Cpu, layout

FOUR = (0, 1, 2, 3)


def alone(*numbers: int) -> tuple[Cpu, ...]:
    """CPUs that are a core each."""
    return tuple(Cpu(number, core=number) for number in numbers)


def plan(
    *,
    workers: int | None = None,
    intra_op: int | None = None,
    inter_op: int | None = None,
    binding: str = "auto",
    cpus: tuple[Cpu, ...] | None = None,
    quota: float | None = None,
    runs_that_fit: int | None = None,
) -> ThreadPlan:
    return plan_threads(workers, intra_op, inter_op, binding, cpus or alone(*FOUR), quota, runs_that_fit)


def test_default_is_one_pinned_worker_on_each_cpu() -> None:
    assert plan() == ThreadPlan(workers=4, intra_op=1, inter_op=1, worker_cpus=FOUR)


def test_server_has_a_worker_on_each_core_and_none_on_second_threads(tmp_path: Path) -> None:
    made = plan(cpus=layout(range(64), server(tmp_path)))

    assert made.workers == 32
    assert set(made.worker_cpus) == set(range(32))


def test_few_workers_take_turns_over_the_sockets(tmp_path: Path) -> None:
    assert plan(workers=4, cpus=layout(range(64), server(tmp_path))).worker_cpus == (0, 16, 8, 24)


def test_threads_of_one_worker_stay_in_one_socket(tmp_path: Path) -> None:
    made = plan(workers=1, intra_op=4, cpus=layout(range(16, 64), server(tmp_path)))

    assert (made.worker_cpus, made.intra_affinities) == ((16,), "18;19;20")


def test_desktop_has_a_worker_on_each_core_the_fast_ones_first(tmp_path: Path) -> None:
    made = plan(cpus=layout(range(24), desktop(tmp_path)))

    assert made.worker_cpus == (*range(0, 16, 2), *range(16, 24))


def test_container_with_a_quota_has_so_many_workers(tmp_path: Path) -> None:
    made = plan(cpus=layout(range(64), server(tmp_path)), quota=2.5)

    assert made.worker_cpus == (None, None, None)


def test_mask_of_both_threads_of_one_core_is_one_core(tmp_path: Path) -> None:
    assert plan(cpus=layout((5, 37), server(tmp_path))).worker_cpus == (5,)


def test_mask_of_second_threads_only_is_as_many_cores(tmp_path: Path) -> None:
    made = plan(cpus=layout((32, 33, 34), server(tmp_path)))

    assert set(made.worker_cpus) == {32, 33, 34}


def test_intra_op_uses_second_threads_rather_than_going_without(tmp_path: Path) -> None:
    made = plan(intra_op=48, cpus=layout(range(64), server(tmp_path)))

    assert (made.workers, made.intra_op) == (1, 48)


def test_nothing_is_pinned_outside_our_mask(tmp_path: Path) -> None:
    ours = (3, 9, 17, 35, 40)

    made = plan(workers=2, intra_op=2, cpus=layout(ours, server(tmp_path)))

    assert {*made.worker_cpus, int(made.intra_affinities) - 1} <= set(ours)


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


def test_binding_list_may_name_second_threads(tmp_path: Path) -> None:
    made = plan(binding="0,32", cpus=layout(range(64), server(tmp_path)))

    assert made.worker_cpus == (0, 32)


def test_binding_list_is_gone_through_again_for_more_workers() -> None:
    assert plan(workers=3, binding="2-3").worker_cpus == (2, 3, 2)


def test_cpu_outside_our_mask_is_an_error_that_names_it_and_the_usable_ones() -> None:
    with pytest.raises(ConfigError) as refused:
        plan(binding="1-5", cpus=alone(2, 0, 1))

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


def test_threads_of_a_run_are_fewer_where_the_workers_want_the_cpus() -> None:
    made = plan(workers=2, intra_op=4)

    assert (made.workers, made.intra_op) == (2, 2)
    assert "intra_op: 2 instead of 4, since 2 × 4 threads want more than 4 CPUs" in made.notes[-1]


def test_threads_of_a_run_are_no_more_than_the_quota_grants() -> None:
    assert plan(intra_op=4, quota=1.5).intra_op == 2


@pytest.mark.parametrize("workers", [None, 1, 2, 3, 4])
@pytest.mark.parametrize("intra_op", [None, 1, 2, 3, 4, 9])
@pytest.mark.parametrize("runs_that_fit", [None, 1, 3])
def test_workers_times_threads_are_never_more_than_the_cpus(
    workers: int | None, intra_op: int | None, runs_that_fit: int | None
) -> None:
    made = plan(workers=workers, intra_op=intra_op, runs_that_fit=runs_that_fit)

    assert made.workers * made.intra_op <= 4


def test_more_workers_than_cpus_are_obeyed_and_told_to_be_slower() -> None:
    made = plan(workers=5)

    assert made.workers == 5
    assert made.notes[-1] == "5 workers want more than 4 CPUs: 5 to 20 % slower"


def test_little_memory_is_for_fewer_workers_with_more_threads_each() -> None:
    made = plan(runs_that_fit=2)

    assert (made.workers, made.intra_op) == (2, 2)
    assert made.notes[-1] == "2 workers instead of 4, since limits.memory is not enough for more"


def test_little_memory_leaves_the_threads_that_were_asked_for() -> None:
    made = plan(intra_op=1, runs_that_fit=1)

    assert (made.workers, made.intra_op) == (1, 1)


def test_enough_memory_is_not_spoken_of() -> None:
    assert plan(runs_that_fit=4) == plan()
    assert plan(runs_that_fit=100) == plan()


def test_workers_that_were_asked_for_are_obeyed_and_told_to_want_more_memory() -> None:
    made = plan(workers=4, runs_that_fit=2)

    assert made.workers == 4
    assert made.notes == ("4 workers want more memory than limits.memory, which is enough for 2",)


def test_list_of_cpus_is_in_the_order_given() -> None:
    assert parse_cpu_list("6,0-2") == (6, 0, 1, 2)


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "0-99999999999"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="allowed are auto, none, or a list such as 0-3,6"):
        parse_cpu_list(text)
