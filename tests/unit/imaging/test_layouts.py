"""Which layouts are worth a measurement."""

from pathlib import Path

from machines import desktop, server

from watchd.domain.tunereport import Layout
from watchd.imaging.cpus import room_for
from watchd.imaging.layouts import layouts
from watchd.imaging.topology import Cpu, layout


def shapes(binding: str, cpus: tuple[Cpu, ...], quota: float | None = None) -> list[tuple[object, ...]]:
    room = room_for(binding, cpus, quota)
    return [(each.workers, each.intra_op, each.binding) for each in layouts(binding, room)]


def test_two_cores_have_two_workers_or_one_with_both_each_pinned_or_free() -> None:
    cpus = (Cpu(0, core=0), Cpu(1, core=1))

    assert shapes("auto", cpus) == [
        (None, None, "auto"),
        (2, 1, "auto"),
        (2, 1, "none"),
        (1, 2, "auto"),
        (1, 2, "none"),
    ]


def test_two_threads_of_one_core_are_tried_as_two_workers_too() -> None:
    """Half of the machines that are rented out are one core with two threads."""
    cpus = (Cpu(0, core=0), Cpu(1, core=0))

    assert {(1, 1, "auto"), (2, 1, "auto"), (1, 2, "auto")} < set(shapes("auto", cpus))


def test_first_is_the_default_also_where_nothing_is_pinned() -> None:
    [first, *_] = layouts("none", room_for("none", (Cpu(0, core=0),), None))

    assert first == Layout(None, None, "auto")


def test_list_of_cpus_is_obeyed_by_all() -> None:
    cpus = tuple(Cpu(number, core=number) for number in range(4))

    assert {binding for _, _, binding in shapes("2,3", cpus)} == {"2,3"}
    assert max(workers or 0 for workers, _, _ in shapes("2,3", cpus)) == 2


def test_quota_bounds_all() -> None:
    cpus = tuple(Cpu(number, core=number) for number in range(8))

    assert all(workers * each <= 2 for workers, each, _ in shapes("auto", cpus, 1.5)[1:])


def test_large_machines_have_no_more_layouts_than_there_is_time_for(tmp_path: Path) -> None:
    assert len(shapes("auto", layout(range(64), server(tmp_path / "server")))) <= 17
    assert len(shapes("auto", layout(range(24), desktop(tmp_path / "desktop")))) <= 17
