from pathlib import Path

import pytest

from watchd.intake.mounts import Mount, mount_of

MOUNTINFO = r"""22 28 0:20 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
31 28 0:25 / /dev/shm rw,nosuid,nodev shared:4 - tmpfs tmpfs rw,inode64
60 28 0:45 / /mnt/nas rw,relatime shared:30 - nfs4 nas.local:/photos rw,vers=4.2,hard
61 60 0:46 / /mnt/nas/local rw,relatime - xfs /dev/sdb1 rw
62 28 0:47 / /mnt/win rw,relatime shared:31 - cifs //server/share rw,vers=3.1.1
63 28 0:48 / /mnt/ssh rw,nosuid,nodev,relatime - fuse.sshfs me@host: rw,user_id=0
64 28 0:49 / /mnt/c rw,noatime - 9p drvfs rw,dirsync,aname=drvfs;path=C:\;uid=1000
65 28 0:50 / /mnt/my\040photos\011of\0122024 rw - smb3 //server/x rw
66 28 0:51 / /mnt/back\134slash rw - nfs nas:/b rw
67 28 0:52 / /mnt/twice rw - nfs nas:/t rw
68 28 254:3 / /mnt/twice rw - ext4 /dev/vdc rw
69 28 254:4 /sub /mnt/bind rw,relatime shared:1 master:2 propagate_from:3 - btrfs /dev/vdd rw
70 28 0:53 / /mnt/nasty rw - overlay overlay rw
"""


@pytest.mark.parametrize(
    ("path", "point", "kind", "local"),
    [
        ("/home/me/photos/inbox", "/", "ext4", True),
        ("/dev/shm/inbox", "/dev/shm", "tmpfs", True),
        ("/mnt/nas/inbox", "/mnt/nas", "nfs4", False),
        ("/mnt/nas", "/mnt/nas", "nfs4", False),
        ("/mnt/nas/local/inbox", "/mnt/nas/local", "xfs", True),
        ("/mnt/win/inbox", "/mnt/win", "cifs", False),
        ("/mnt/ssh/inbox", "/mnt/ssh", "fuse.sshfs", False),
        ("/mnt/c/Users/me", "/mnt/c", "9p", False),
        ("/mnt/my photos\tof\n2024/inbox", "/mnt/my photos\tof\n2024", "smb3", False),
        ("/mnt/back\\slash/inbox", "/mnt/back\\slash", "nfs", False),
        ("/mnt/twice/inbox", "/mnt/twice", "ext4", True),
        ("/mnt/bind/inbox", "/mnt/bind", "btrfs", True),
        ("/mnt/nasty/inbox", "/mnt/nasty", "overlay", True),
        ("/mnt/nast/inbox", "/", "ext4", True),
    ],
)
def test_mount_is_the_innermost_and_the_last_one_at_its_point(
    path: str, point: str, kind: str, local: bool
) -> None:
    mount = mount_of(Path(path), MOUNTINFO)

    assert mount == Mount(point, kind)
    assert mount.local == local


@pytest.mark.parametrize(
    "kind", ["nfs", "smb3", "vboxsf", "virtiofs", "fuse", "fuse.rclone", "ceph", "drvfs"]
)
def test_file_system_that_others_write_to_is_not_local(kind: str) -> None:
    assert not Mount("/mnt", kind).local


def test_folder_of_this_machine_lies_on_a_mount(tmp_path: Path) -> None:
    mount = mount_of(tmp_path)

    assert mount.kind != "unknown"
    assert mount.number


def test_mount_made_again_has_another_number() -> None:
    assert mount_of(Path("/mnt/nas/inbox"), MOUNTINFO).number == "60"


def test_without_any_mounts_the_root_is_taken() -> None:
    assert mount_of(Path("/photos"), "") == Mount("/", "unknown")
