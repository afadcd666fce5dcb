import errno
import grp
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import watch_folder

from watchd.domain.errors import ConfigError
from watchd.domain.profile import Permissions
from watchd.store.places import prepare
from watchd.store.rights import FolderRights
from watchd.tree import Tree

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file to any group")
_NO_GROUP, _SOMEBODY = 54_321, 4711


def made(tmp_path: Path, **folder: Any) -> tuple[os.stat_result, os.stat_result]:
    """A file, and the folder around it, as they are made in the outbox."""
    tree = Tree(tmp_path, FolderRights(watch_folder(tmp_path, **folder)).give)
    with tree.parent("sub/a.png", make=True) as spot:
        handle = os.open(spot.name, os.O_WRONLY | os.O_CREAT, dir_fd=spot.folder)
        try:
            tree.give_rights(handle)
        finally:
            os.close(handle)
    return os.stat(tmp_path / "sub" / "a.png"), os.stat(tmp_path / "sub")


@pytest.mark.parametrize(
    ("mode", "of_folders"), [(0o640, 0o750), (0o664, 0o775), (0o600, 0o700), (0o622, 0o722)]
)
def test_file_has_the_mode_whatever_the_umask_and_its_folder_may_be_entered_where_it_may_be_read(
    tmp_path: Path, mode: int, of_folders: int
) -> None:
    before = os.umask(0o077)
    try:
        file, folder = made(tmp_path, mode=mode)
    finally:
        os.umask(before)

    assert (file.st_mode & 0o7777, folder.st_mode & 0o7777) == (mode, of_folders)


def test_folder_keeps_the_set_group_id_bit_of_the_one_around_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o2755)

    _, folder = made(tmp_path, mode=0o660)

    assert folder.st_mode & 0o7777 == 0o2770


@as_root
@pytest.mark.parametrize("group", [str(_NO_GROUP), grp.getgrgid(1).gr_name])
def test_file_and_folder_have_the_group_by_number_or_by_name(tmp_path: Path, group: str) -> None:
    file, folder = made(tmp_path, group=group)

    gid = int(group) if group.isdecimal() else 1
    assert (file.st_gid, folder.st_gid) == (gid, gid)
    assert file.st_uid == os.geteuid()


@as_root
def test_group_and_mode_go_before_what_the_inbox_has(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path)
    os.chown(folder.inbox, 12, 34)
    folder.inbox.chmod(0o700)

    file, _ = made(tmp_path, permissions=Permissions.INHERIT, group=str(_NO_GROUP), mode=0o644)

    assert (file.st_uid, file.st_gid, file.st_mode & 0o777) == (12, _NO_GROUP, 0o644)


@as_root
def test_folders_that_are_prepared_have_them_but_for_inbox_and_sidecar(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path, group=str(_NO_GROUP), mode=0o660)
    for place in folder.places().values():
        place.rmdir()

    prepare(folder)

    ours = {key for key, path in folder.places().items() if path.stat().st_gid == _NO_GROUP}
    assert ours == {"outbox", "originals", "failed"}
    assert folder.outbox.stat().st_mode & 0o777 == 0o770


def test_group_that_does_not_exist_is_named_before_anything_is_made(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path, group="nobody-has-this")
    folder.outbox.rmdir()

    with pytest.raises(
        ConfigError, match=r"watch\[\]\.group: there is no group 'nobody-has-this' here; make it"
    ):
        prepare(folder)

    assert not folder.outbox.exists()


def test_group_that_we_are_no_member_of_is_named(of_somebody: Path) -> None:
    folder = watch_folder(of_somebody, group=str(_NO_GROUP))

    with pytest.raises(ConfigError, match=rf"group: {_NO_GROUP} is not a group of the user .*\(uid [0-9]+\)"):
        prepare(folder)


def test_what_is_refused_while_it_runs_is_told_once_and_delivers_all_the_same(
    of_somebody: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rights = FolderRights(watch_folder(of_somebody, group=str(_NO_GROUP), mode=0o640))

    for name in ("a.png", "b.png"):
        with open(of_somebody / name, "xb") as file:
            rights.give(file.fileno())

    assert (of_somebody / "b.png").stat().st_mode & 0o777 == 0o640
    [warning] = caplog.records
    assert warning.__dict__["reason"] == os.strerror(errno.EPERM)


@pytest.fixture
def of_somebody() -> Iterator[Path]:
    """A folder of a user of no further groups, whom this process is while the test lasts."""
    with tempfile.TemporaryDirectory() as made:
        if os.geteuid() != 0:
            yield Path(made)
            return
        os.chown(made, _SOMEBODY, _SOMEBODY)
        groups, gid = os.getgroups(), os.getegid()
        os.setgroups([])
        os.setegid(_SOMEBODY)
        os.seteuid(_SOMEBODY)
        try:
            yield Path(made)
        finally:
            os.seteuid(0)
            os.setegid(gid)
            os.setgroups(groups)
