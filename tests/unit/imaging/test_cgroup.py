"""What the control groups grant, from their files as they were recorded."""

from pathlib import Path

import pytest
from machines import container, write

from watchd.imaging.cgroup import cpu_quota, memory_limit


def test_quota_of_a_container(tmp_path: Path) -> None:
    assert cpu_quota(container(tmp_path, "150000 100000")) == 1.5


def test_quota_is_the_tightest_on_the_way_up(tmp_path: Path) -> None:
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


def test_no_limit_is_no_quota(tmp_path: Path) -> None:
    assert cpu_quota(container(tmp_path)) is None


def test_machine_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None
    assert memory_limit(tmp_path) is None


def test_memory_limit_is_the_tightest_on_the_way_up(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/system.slice/watchd.service")
    write(tmp_path, "sys/fs/cgroup/system.slice/watchd.service/memory.max", "500000000")
    write(tmp_path, "sys/fs/cgroup/system.slice/memory.max", "max")

    assert memory_limit(tmp_path) == 500_000_000


def test_memory_limit_of_cgroup_1(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "5:memory:/host/path\n4:cpu,cpuacct:/host/path\n0::/")
    write(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824")

    assert memory_limit(tmp_path) == 1 << 30
