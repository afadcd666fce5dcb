"""What others leave us, from files of /proc and /sys as they were recorded."""

import os
from pathlib import Path

import pytest
from machines import server, write

from watchd.imaging.load import Load, LoadMeter

TICKS = os.sysconf("SC_CLK_TCK")
FOUR = {0, 1, 2, 3}


class Machine:
    """Four CPUs that are four cores; seconds of use are added up as the kernel does."""

    def __init__(self, root: Path, cpus: set[int] = FOUR) -> None:
        self.root = root
        self.cpus = cpus
        self.meter = LoadMeter(root, mask=lambda: self.cpus)
        self.now = 100.0
        self.busy = dict.fromkeys(range(64), 1000.0)
        self.ours = {"self": 50.0}
        self.stalls = {"cpu": 7.0, "memory": 3.0}
        self.memory(available=0.5)
        self.write()
        self.meter.read(self.now)

    def memory(self, available: float) -> None:
        write(
            self.root,
            "proc/meminfo",
            f"MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: {1000 * available:.0f} kB",
        )

    def write(self) -> None:
        rows = [f"cpu{cpu} {busy * TICKS:.0f} 0 0 77 88 0 0 99 0 0" for cpu, busy in self.busy.items()]
        write(self.root, "proc/stat", "\n".join(["cpu  1 1 1 1 1 1 1 1 1 1", *rows, "intr 1 2 3"]))
        for pid, seconds in self.ours.items():
            ticks = f"{seconds * TICKS / 2:.0f} {seconds * TICKS / 2:.0f} 0 0"
            write(self.root, f"proc/{pid}/stat", f"9 (a) (b) S 1 2 3 4 5 6 7 8 9 10 {ticks} 20 0")
        for kind, stalls in self.stalls.items():
            write(
                self.root,
                f"proc/pressure/{kind}",
                f"some avg10=1.00 avg60=1.00 avg300=1.00 total={stalls * 1e6:.0f}\nfull avg10=0.00 total=5",
            )

    def after(self, seconds: float, busy: float = 0.0, ours: float = 0.0, **stalls: float) -> Load | None:
        """What is told once so many CPUs were busy for so long, and so many of them with us."""
        self.now += seconds
        self.busy[0] += busy * seconds
        self.ours["self"] += ours * seconds
        for kind, part in stalls.items():
            self.stalls[kind] += part * seconds
        self.write()
        return self.meter.read(self.now)


@pytest.fixture
def box(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_first_look_tells_nothing_nor_one_without_time_between(tmp_path):
    machine = Machine(tmp_path)

    assert LoadMeter(tmp_path).read(1.0) is None
    assert machine.meter.read(machine.now) is None


def test_what_we_use_is_ours_and_what_others_use_is_not(box):
    load = box.after(0.5, busy=3.0, ours=1.0)

    assert load is not None
    assert load.spare_cores == pytest.approx(2.0)
    assert load.memory_available == 0.5


def test_cpus_that_we_may_not_use_are_nobody_s_concern(box):
    box.busy[4] += 100

    assert box.after(1.0, busy=1.0).spare_cores == pytest.approx(3.0)


def test_our_children_are_ours(box):
    write(box.root, "proc/self/task/11/children", "41 42")
    box.ours |= {"41": 5.0, "42": 6.0}
    box.after(1.0)
    box.ours["41"] += 1.0

    assert box.after(1.0, busy=2.0, ours=1.0).spare_cores == pytest.approx(4.0)


def test_child_that_has_ended_meanwhile_is_no_trouble(box):
    write(box.root, "proc/self/task/11/children", "41")

    assert box.after(1.0, busy=1.0, ours=1.0).spare_cores == pytest.approx(4.0)


def test_two_threads_of_a_core_count_as_one_core(tmp_path):
    machine = Machine(server(tmp_path), cpus={0, 1, 32, 33})

    assert machine.after(1.0, busy=1.0).spare_cores == pytest.approx(1.0)


def test_change_of_the_cpus_that_we_may_use_begins_anew(box):
    box.cpus = {0, 1}

    assert box.after(1.0, busy=1.0) is None
    assert box.after(1.0, busy=1.0).spare_cores == pytest.approx(1.0)


def test_pressure_tells_whether_anybody_waits(box):
    assert box.after(1.0, busy=4.0, cpu=0.02).contended is False
    assert box.after(1.0, busy=1.0, cpu=0.5).contended is True


def test_others_who_wait_for_us_want_as_much_again_as_they_get(box):
    assert box.after(1.0, busy=4.0, ours=2.5, cpu=1.0).spare_cores == pytest.approx(1.0)
    assert box.after(1.0, busy=4.0, ours=3.0, cpu=0.2).spare_cores == pytest.approx(2.8)
    assert box.after(1.0, busy=4.0, ours=4.0, cpu=1.0).spare_cores == pytest.approx(4.0)


def test_without_pressure_a_machine_with_nothing_idle_lets_somebody_wait(box):
    for path in (box.root / "proc/pressure").iterdir():
        path.unlink()
    box.stalls.clear()
    box.after(1.0)

    assert box.after(1.0, busy=3.0).contended is False
    assert box.after(1.0, busy=3.9).contended is True
    assert box.after(1.0).memory_stalls == 0.0


def test_memory_that_is_waited_for_is_told_as_a_part_of_the_time(box):
    assert box.after(0.5, memory=0.3).memory_stalls == pytest.approx(0.3)


def test_memory_that_our_own_group_waits_for_counts_too(box):
    write(box.root, "proc/self/cgroup", "0::/watchd")
    pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total="
    write(box.root, "sys/fs/cgroup/watchd/memory.pressure", f"{pressure}9000000")
    box.after(1.0)
    write(box.root, "sys/fs/cgroup/watchd/memory.pressure", f"{pressure}9400000")

    assert box.after(1.0).memory_stalls == pytest.approx(0.4)


@pytest.mark.parametrize("generation", [1, 2])
def test_quota_of_a_group_is_shared_with_others_in_it(box, generation):
    def used(seconds: float, throttled: int) -> None:
        if generation == 2:
            text = f"usage_usec {seconds * 1e6:.0f}\nuser_usec 5\nnr_throttled {throttled}"
            write(box.root, "sys/fs/cgroup/pod/cpu.stat", text)
        else:
            write(box.root, "sys/fs/cgroup/cpu,cpuacct/pod/cpuacct.usage", f"{seconds * 1e9:.0f}")
            write(box.root, "sys/fs/cgroup/cpu,cpuacct/pod/cpu.stat", f"nr_throttled {throttled}")

    if generation == 2:
        write(box.root, "proc/self/cgroup", "0::/pod")
        write(box.root, "sys/fs/cgroup/pod/cpu.max", "150000 100000")
    else:
        write(box.root, "proc/self/cgroup", "4:cpu,cpuacct:/pod")
        write(box.root, "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us", "150000")
        write(box.root, "sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us", "100000")
    used(20.0, 3)
    box.after(1.0)
    used(21.4, 4)
    throttled = box.after(1.0, busy=1.4, ours=0.4)
    used(21.5, 4)
    quiet = box.after(1.0, busy=0.1)

    assert (throttled.spare_cores, throttled.contended) == (pytest.approx(1.0), True)
    assert (quiet.spare_cores, quiet.contended) == (pytest.approx(1.9), False)


def test_machine_that_tells_nothing_is_taken_to_be_ours(tmp_path):
    meter = LoadMeter(tmp_path, mask=lambda: FOUR)
    meter.read(1.0)

    assert meter.read(2.0) == Load(4.0, contended=False)


def test_this_machine_is_read():
    meter = LoadMeter()
    meter.read(1.0)

    load = meter.read(2.0)

    assert load is not None
    assert 0 < load.memory_available <= 1
