import errno
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes import names, os_error, put, settled

from watchd.domain.errors import SourceChanged, SourceGone
from watchd.domain.job import SourceFile, Stamp
from watchd.store.atomic import is_temp_name, move, publish, remove, replace_quickly, same_content, temp_name
from watchd.store.rights import Rights
from watchd.store.storedfile import BadEntry, StoredFile
from watchd.tree import Spot, Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "out").mkdir()
    return Tree(tmp_path / "out")


@pytest.fixture
def inbox(tmp_path: Path) -> Tree:
    (tmp_path / "inbox").mkdir()
    return Tree(tmp_path / "inbox")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Tree]:
    """A folder on another file system than tmp_path."""
    if not os.path.isdir("/dev/shm") or os.stat("/dev/shm").st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system to write to")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        yield Tree(Path(name))


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Writes beyond `size` fail as on a full disk, with EFBIG."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("replace", [True, False])
def test_published_file_is_whole_and_nothing_lies_beside_it(tree: Tree, replace: bool) -> None:
    data = os.urandom(3_000_001)

    publish(tree, "p/q/a.png", data, "t", replace)

    assert tree.read("p/q/a.png", limit=1 << 30) == data
    assert names(tree.root) == ["p/q/a.png"]


def test_publishing_an_empty_file_works(tree: Tree) -> None:
    publish(tree, "a", b"", "t", replace=False)

    assert tree.read("a") == b""


def test_publishing_without_replace_refuses_a_taken_name_and_leaves_what_is_there(tree: Tree) -> None:
    put(tree.root, "a.png", b"the user's")

    with pytest.raises(FileExistsError):
        publish(tree, "a.png", b"ours", "t", replace=False)

    assert tree.read("a.png") == b"the user's"
    assert names(tree.root) == ["a.png"]


def test_publishing_with_replace_replaces(tree: Tree) -> None:
    put(tree.root, "a.png", b"old")

    publish(tree, "a.png", b"new", "t", replace=True)

    assert tree.read("a.png") == b"new"


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("before", [None, b"old"])
def test_disk_that_fills_in_the_middle_leaves_all_as_it_was(
    tree: Tree, quick: bool, before: bytes | None
) -> None:
    if before is not None:
        put(tree.root, "a.png", before)
    data = bytes(100_000)
    write = replace_quickly if quick else partial(publish, replace=True)

    with no_file_larger_than(50_000), os_error(errno.EFBIG):
        write(tree, "a.png", data, "t")

    assert names(tree.root) == ([] if before is None else ["a.png"])
    assert before is None or tree.read("a.png") == before


def test_folder_that_is_gone_is_an_error_and_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        publish(Tree(tmp_path / "gone"), "a.png", b"x", "t", replace=False)

    assert list(tmp_path.iterdir()) == []


def test_temp_of_a_killed_attempt_is_written_over(tree: Tree) -> None:
    put(tree.root, temp_name("t"), b"a longer half-written file")

    publish(tree, "a.png", b"new", "t", replace=False)

    assert names(tree.root) == ["a.png"]
    assert tree.read("a.png") == b"new"


def test_link_laid_in_the_place_of_the_temp_redirects_nothing(tree: Tree, tmp_path: Path) -> None:
    put(tmp_path, "victim", b"mine")
    (tree.root / temp_name("t")).symlink_to(tmp_path / "victim")

    with os_error():
        publish(tree, "a.png", b"new", "t", replace=False)

    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_link_under_the_final_name_is_replaced_and_not_followed(tree: Tree, tmp_path: Path) -> None:
    put(tmp_path, "victim", b"mine")
    (tree.root / "a.png").symlink_to(tmp_path / "victim")

    replace_quickly(tree, "a.png", b"new", "t")

    assert (tmp_path / "victim").read_bytes() == b"mine"
    assert tree.read("a.png") == b"new"


def test_reader_sees_the_old_or_the_new_file_and_never_a_part(tree: Tree) -> None:
    old, new = b"o" * 200_000, b"n" * 300_000
    put(tree.root, "a", old)
    script = (
        "import sys\nfrom pathlib import Path\nfrom watchd.store.atomic import replace_quickly\n"
        "from watchd.tree import Tree\ntree = Tree(Path(sys.argv[1]))\nprint('ready', flush=True)\n"
        "for turn in range(300):\n"
        " replace_quickly(tree, 'a', b'n' * 300000 if turn % 2 else b'o' * 200000, 't')\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(tree.root)], stdout=subprocess.PIPE)
    seen = set()

    with child:
        assert child.stdout is not None
        child.stdout.readline()
        while child.poll() is None:
            seen.add(tree.read("a"))

    assert child.returncode == 0
    assert seen <= {old, new}


def test_temp_is_hidden_and_short_enough_for_any_name(tree: Tree) -> None:
    name = "x" * 251 + ".png"

    publish(tree, name, b"x", "0123456789abcdef01234567-12", replace=False)

    assert temp_name("t").startswith(".")
    assert is_temp_name(temp_name("t"))
    assert names(tree.root) == [name]


def test_same_content_is_that_of_a_regular_file_with_the_digest(tree: Tree) -> None:
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    put(tree.root, "a", b"x")
    put(tree.root, "b", b"y")
    (tree.root / "link").symlink_to("a")
    (tree.root / "folder").mkdir()
    os.mkfifo(tree.root / "fifo")

    same = [name for name in ("a", "b", "link", "folder", "fifo", "gone") if same_content(tree, name, digest)]

    assert same == ["a"]


def test_moved_file_is_the_same_file_under_the_first_free_name(inbox: Tree, tree: Tree) -> None:
    source = put(inbox.root, "sub/a.jpg", b"original")
    put(tree.root, "sub/a.jpg", b"another")

    arrived = move(inbox, source, tree, ["sub/a.jpg", "sub/a-2.jpg", "sub/a-3.jpg"], "t")

    assert arrived == "sub/a-2.jpg"
    assert tree.stat(arrived).st_ino == source.stamp.inode
    assert tree.read("sub/a.jpg") == b"another"
    assert names(inbox.root) == []


def test_move_that_finds_no_free_name_leaves_the_source(inbox: Tree, tree: Tree) -> None:
    source = put(inbox.root, "a.jpg")
    put(tree.root, "a.jpg", b"another")

    with pytest.raises(FileExistsError):
        move(inbox, source, tree, ["a.jpg"], "t")

    assert names(inbox.root) == ["a.jpg"]


def test_file_swapped_before_its_move_is_put_back(inbox: Tree, tree: Tree) -> None:
    source = put(inbox.root, "a.jpg", b"worked on")
    put(inbox.root, "new.tmp", b"a new version")
    os.rename(inbox.root / "new.tmp", inbox.root / "a.jpg")

    with pytest.raises(SourceChanged):
        move(inbox, source, tree, ["a.jpg"], "t")

    assert inbox.read("a.jpg") == b"a new version"
    assert names(tree.root) == []


def test_second_half_of_a_move_by_hard_link_is_made_up_for(inbox: Tree, tree: Tree) -> None:
    put(inbox.root, "a.jpg", b"original")
    os.link(inbox.root / "a.jpg", tree.root / "a.jpg")
    source = settled(inbox.root, "a.jpg")

    arrived = move(inbox, source, tree, ["a.jpg", "a-2.jpg"], "t")

    assert arrived == "a.jpg"
    assert names(inbox.root) == []
    assert tree.read("a.jpg") == b"original"


def test_move_of_what_is_gone_says_so(inbox: Tree, tree: Tree) -> None:
    with pytest.raises(SourceGone):
        move(inbox, SourceFile("a.jpg", Stamp(1, 2, 3, 4)), tree, ["a.jpg"], "t")


def test_move_to_another_file_system_keeps_content_and_time(inbox: Tree, elsewhere: Tree) -> None:
    data = os.urandom(2_500_000)
    put(inbox.root, "a.jpg", data)
    os.utime(inbox.root / "a.jpg", ns=(10**18, 10**18))
    source = settled(inbox.root, "a.jpg")

    arrived = move(inbox, source, elsewhere, ["p/a.jpg"], "t")

    assert elsewhere.read(arrived, limit=1 << 30) == data
    assert elsewhere.stat(arrived).st_mtime_ns == 10**18
    assert names(inbox.root) == []
    assert names(elsewhere.root) == ["p/a.jpg"]


def test_move_to_another_file_system_overwrites_nothing(inbox: Tree, elsewhere: Tree) -> None:
    source = put(inbox.root, "a.jpg", b"original")
    put(elsewhere.root, "a.jpg", b"another")

    arrived = move(inbox, source, elsewhere, ["a.jpg", "a-2.jpg"], "t")

    assert arrived == "a-2.jpg"
    assert elsewhere.read("a.jpg") == b"another"
    assert names(elsewhere.root) == ["a-2.jpg", "a.jpg"]


def test_move_to_another_file_system_that_is_full_keeps_the_source(inbox: Tree, elsewhere: Tree) -> None:
    source = put(inbox.root, "a.jpg", bytes(100_000))

    with no_file_larger_than(50_000), os_error():
        move(inbox, source, elsewhere, ["a.jpg"], "t")

    assert settled(inbox.root, "a.jpg") == source
    assert names(elsewhere.root) == []


@pytest.mark.parametrize("how", ["rewritten", "grown", "replaced"])
def test_source_changed_before_its_move_to_another_file_system_stays(
    inbox: Tree, elsewhere: Tree, how: str
) -> None:
    source = put(inbox.root, "a.jpg", b"worked on")
    match how:
        case "rewritten":
            put(inbox.root, "a.jpg", b"rewritten")
        case "grown":
            put(inbox.root, "a.jpg", b"worked on, and on")
        case _:
            put(inbox.root, "b.jpg", b"worked on")
            os.rename(inbox.root / "b.jpg", inbox.root / "a.jpg")

    with pytest.raises(SourceChanged):
        move(inbox, source, elsewhere, ["a.jpg"], "t")

    assert names(inbox.root) == ["a.jpg"]
    assert names(elsewhere.root) == []


def test_new_version_that_comes_right_after_the_copy_is_not_removed(inbox: Tree, elsewhere: Tree) -> None:
    source = put(inbox.root, "a.jpg", b"worked on")

    def drop_again() -> None:
        put(inbox.root, "new.tmp", b"a new version")
        os.rename(inbox.root / "new.tmp", inbox.root / "a.jpg")

    with suppress(SourceChanged):
        move(inbox, source, Telling(elsewhere.root, drop_again), ["a.jpg"], "t")

    assert inbox.read("a.jpg") == b"a new version"
    assert elsewhere.read("a.jpg") == b"worked on"


class Telling(Tree):
    """Calls back when its folder is used for the first time after a file has come to stand at the name."""

    def __init__(self, root: Path, arrived: Callable[[], None]) -> None:
        super().__init__(root)
        self._arrived = arrived

    @contextmanager
    def parent(self, relative: str, make: bool = False) -> Iterator[Any]:
        tree = self

        class Here(Spot):
            @property
            def folder(self) -> int:
                if self.name in os.listdir(self[0]):
                    arrived, tree._arrived = tree._arrived, lambda: None
                    arrived()
                return self[0]

        with super().parent(relative, make) as spot:
            yield Here(*spot)


@pytest.mark.parametrize("replace", [True, False])
def test_file_that_is_not_confirmed_at_the_last_moment_gets_no_name(tree: Tree, replace: bool) -> None:
    def lost() -> None:
        raise SourceGone("taken over")

    with pytest.raises(SourceGone):
        publish(tree, "a.png", b"late", "t", replace, confirm=lost)

    assert names(tree.root) == []


def test_move_to_another_file_system_that_was_cut_short_is_finished_and_not_doubled(
    inbox: Tree, elsewhere: Tree
) -> None:
    source = put(inbox.root, "a.jpg", b"original")
    shutil.copy2(inbox.root / "a.jpg", elsewhere.root / "a.jpg")

    arrived = move(inbox, source, elsewhere, ["a.jpg", "a-2.jpg"], "t")

    assert arrived == "a.jpg"
    assert names(inbox.root) == []
    assert names(elsewhere.root) == ["a.jpg"]


def test_file_of_the_same_size_and_time_is_not_taken_for_half_a_move(inbox: Tree, elsewhere: Tree) -> None:
    source = put(inbox.root, "a.jpg", b"original")
    (elsewhere.root / "a.jpg").write_bytes(b"stranger")
    os.utime(elsewhere.root / "a.jpg", ns=(source.stamp.mtime_ns, source.stamp.mtime_ns))

    arrived = move(inbox, source, elsewhere, ["a.jpg", "a-2.jpg"], "t")

    assert arrived == "a-2.jpg"
    assert elsewhere.read("a.jpg") == b"stranger"


def test_move_to_another_file_system_keeps_the_mode(inbox: Tree, elsewhere: Tree) -> None:
    put(inbox.root, "a.jpg")
    (inbox.root / "a.jpg").chmod(0o640)

    move(inbox, settled(inbox.root, "a.jpg"), elsewhere, ["a.jpg"], "t")

    assert elsewhere.stat("a.jpg").st_mode & 0o777 == 0o640


def test_removed_file_is_gone_and_nothing_lies_in_its_place(inbox: Tree) -> None:
    source = put(inbox.root, "p/a.jpg")

    remove(inbox, source, "t")

    assert names(inbox.root) == []


def test_new_version_that_took_the_name_is_not_removed(inbox: Tree) -> None:
    source = put(inbox.root, "a.jpg", b"old")
    put(inbox.root, "b.jpg", b"the new version")
    (inbox.root / "b.jpg").rename(inbox.root / "a.jpg")

    with pytest.raises(SourceChanged):
        remove(inbox, source, "t")

    assert names(inbox.root) == ["a.jpg"]
    assert inbox.read("a.jpg") == b"the new version"


@contextmanager
def stored(folder: Tree, data: bytes, digest_of: bytes | None = None) -> Iterator[StoredFile]:
    """A file as the cache has it, for nobody else to read; `digest_of` is what it should have been."""
    put(folder.root, "entry", data)
    (folder.root / "entry").chmod(0o600)
    digest = hashlib.sha256(data if digest_of is None else digest_of).hexdigest()
    with StoredFile(folder.open("entry"), "entry", len(data), digest) as file:
        yield file


@pytest.mark.parametrize("size", [0, 3_000_001])
def test_stored_file_is_published_whole_and_stays_where_it_is(inbox: Tree, tree: Tree, size: int) -> None:
    data = os.urandom(size)

    with stored(inbox, data) as content:
        publish(tree, "p/a.png", content, "t", replace=False)

    assert tree.read("p/a.png", limit=1 << 30) == data
    assert names(tree.root) == ["p/a.png"]
    assert inbox.read("entry", limit=1 << 30) == data


def test_stored_file_is_published_to_another_file_system(inbox: Tree, elsewhere: Tree) -> None:
    with stored(inbox, b"cutout" * 100_000) as content:
        publish(elsewhere, "a.png", content, "t", replace=True)

    assert elsewhere.read("a.png") == b"cutout" * 100_000


def test_published_copy_of_a_stored_file_is_not_as_private_as_the_cache(inbox: Tree, tree: Tree) -> None:
    publish(tree, "fresh", b"cutout", "t", replace=False)
    (tree.root / "shared").mkdir(mode=0o770)
    (tree.root / "shared").chmod(0o770)

    with stored(inbox, b"cutout") as content:
        publish(tree, "a.png", content, "t", replace=False)
        publish(Tree(tree.root, Rights.of(tree.root / "shared").give), "b.png", content, "t", replace=False)

    assert tree.stat("a.png").st_mode == tree.stat("fresh").st_mode
    assert tree.stat("b.png").st_mode & 0o777 == 0o660


@pytest.mark.parametrize("now", [b"cutouT", b"cut", b"", b"cutout and more"])
def test_stored_file_that_is_damaged_gets_no_name(inbox: Tree, tree: Tree, now: bytes) -> None:
    put(tree.root, "a.png", b"the last one")

    with stored(inbox, now, digest_of=b"cutout") as content, pytest.raises(BadEntry, match="damaged"):
        publish(tree, "a.png", content, "t", replace=True)

    assert names(tree.root) == ["a.png"]
    assert tree.read("a.png") == b"the last one"


def test_stored_file_that_shrank_since_it_was_opened_gets_no_name(inbox: Tree, tree: Tree) -> None:
    with stored(inbox, b"cutout") as content:
        (inbox.root / "entry").write_bytes(b"cut")
        with pytest.raises(BadEntry):
            publish(tree, "a.png", content, "t", replace=False)

    assert names(tree.root) == []


def test_disk_that_fills_while_a_stored_file_is_copied_is_not_the_fault_of_the_cache(
    inbox: Tree, tree: Tree
) -> None:
    with stored(inbox, bytes(100_000)) as content, no_file_larger_than(50_000), os_error(errno.EFBIG):
        publish(tree, "a.png", content, "t", replace=False)

    assert names(tree.root) == []


def test_disk_that_does_not_keep_a_copy_is_not_the_fault_of_the_cache(inbox: Tree, tree: Tree) -> None:
    class Lossy(Tree):
        def give_rights(self, handle: int) -> None:
            os.pwrite(handle, b"more than was asked for", 0)

    with stored(inbox, b"cutout") as content, os_error(errno.EIO):
        publish(Lossy(tree.root), "a.png", content, "t", replace=False)

    assert names(tree.root) == []


class Spoiling(Tree):
    """A disk that does not keep what it is given: something else stands in front of it."""

    def give_rights(self, handle: int) -> None:
        os.write(handle, b"?")


@pytest.mark.parametrize("content", [b"", b"cutout", b"cutout" * 400_000])
def test_what_does_not_read_back_gets_no_name(tree: Tree, content: bytes) -> None:
    with pytest.raises(OSError, match="does not read back"):
        publish(Spoiling(tree.root), "a.png", content, "t1", replace=False)

    assert not list(tree.root.iterdir())
