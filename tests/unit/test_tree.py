import errno
import os
import random
from pathlib import Path

import pytest
from fakes import os_error

from watchd import tree as tree_module
from watchd.store.rights import Rights
from watchd.tree import Spot, Tree, fitting, rename, rename_exclusive


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the root, which nothing may reach."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "secret").write_bytes(b"secret")
    return place


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    (tmp_path / "root" / "a").mkdir(parents=True)
    (tmp_path / "root" / "a" / "x.jpg").write_bytes(b"x")
    return Tree(tmp_path / "root")


def test_file_is_read_by_its_path_below_the_root(tree: Tree) -> None:
    assert tree.read("a/x.jpg") == b"x"


def test_reading_stops_at_the_limit(tree: Tree) -> None:
    (tree.root / "big").write_bytes(b"0123456789")

    assert tree.read("big", limit=4) == b"0123"


def test_link_at_the_end_of_a_path_is_not_followed(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside / "secret")

    with os_error(errno.ELOOP):
        tree.read("link")


def test_link_at_the_end_of_a_path_is_told_by_stat_as_what_it_is(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside / "secret")

    assert tree.stat("link").st_ino == os.lstat(tree.root / "link").st_ino


def test_link_in_the_middle_of_a_path_is_not_followed(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside)

    for attempt in (tree.read, tree.stat, tree.unlink):
        with os_error(errno.ELOOP, errno.ENOTDIR):
            attempt("link/secret")

    assert (outside / "secret").exists()


def test_folder_swapped_for_a_link_redirects_no_write(tree: Tree, outside: Path) -> None:
    with tree.parent("a/new.png") as spot:
        (tree.root / "a").rename(tree.root / "moved")
        (tree.root / "a").symlink_to(outside)
        os.close(tree_module.open_at(spot, os.O_WRONLY | os.O_CREAT))

    assert (tree.root / "moved" / "new.png").exists()
    assert not (outside / "new.png").exists()


def test_missing_folder_is_not_made_through_a_link(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside)

    with os_error(), tree.folder("link/new", make=True):
        pass

    assert not (outside / "new").exists()


def test_dangling_link_is_not_created_through(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside / "made")

    with os_error():
        tree.open("link", os.O_WRONLY | os.O_CREAT)

    assert not (outside / "made").exists()


@pytest.mark.parametrize(
    "relative",
    ["..", "../outside/secret", "a/../x", "a/..", ".", "a/.", "", "a/", "a\0b", "\0/x", "a/x\0.jpg"],
)
def test_path_that_is_no_name_inside_is_refused(tree: Tree, outside: Path, relative: str) -> None:
    for attempt in (tree.read, tree.stat, tree.unlink, tree.exists):
        with os_error(errno.EINVAL):
            attempt(relative)


def test_absolute_path_is_taken_as_one_below_the_root(tree: Tree) -> None:
    assert tree.read("/a/x.jpg") == b"x"


@pytest.mark.parametrize(
    "name",
    [
        os.fsdecode(b"caf\xe9.jpg"),
        "new\nline.jpg",
        "e\u0301.jpg",
        "\u00e9.jpg",
        "x" * 251 + ".jpg",
        "ü" * 125,
    ],
)
def test_odd_names_are_reached(tree: Tree, name: str) -> None:
    with open(os.path.join(tree.root, "a", name), "wb") as file:
        file.write(b"odd")

    assert tree.read(f"a/{name}") == b"odd"
    assert tree.exists(f"a/{name}")


def test_folders_that_are_missing_are_made(tree: Tree) -> None:
    with tree.parent("p/q/r/x.png", make=True) as spot:
        os.close(tree_module.open_at(spot, os.O_WRONLY | os.O_CREAT))

    assert (tree.root / "p/q/r/x.png").is_file()


def test_folders_are_not_made_unless_asked_for(tree: Tree) -> None:
    with pytest.raises(FileNotFoundError), tree.parent("p/q/x.png"):
        pass

    assert not (tree.root / "p").exists()


def test_root_itself_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Tree(tmp_path / "gone").folder("a", make=True):
        pass

    assert not (tmp_path / "gone").exists()


def test_file_where_a_folder_should_be_is_an_error(tree: Tree) -> None:
    with pytest.raises(NotADirectoryError), tree.folder("a/x.jpg/deeper", make=True):
        pass


def test_fifo_is_refused_without_waiting_for_a_writer(tree: Tree) -> None:
    os.mkfifo(tree.root / "fifo")

    with os_error():
        tree.open("fifo")


def test_exists_tells_what_is_there_and_counts_a_dangling_link(tree: Tree) -> None:
    (tree.root / "dangling").symlink_to("nowhere")

    found = [tree.exists(name) for name in ("a/x.jpg", "a", "dangling", "b", "b/c", "a/x.jpg/c")]

    assert found == [True, True, True, False, False, False]


def test_unlinking_what_is_gone_is_no_error(tree: Tree) -> None:
    tree.unlink("a/x.jpg")
    tree.unlink("a/x.jpg")
    tree.unlink("gone/x.jpg")

    assert not tree.exists("a/x.jpg")


def test_unlinking_removes_a_link_and_not_what_it_points_to(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside / "secret")

    tree.unlink("link")

    assert (outside / "secret").exists()
    assert not os.path.lexists(tree.root / "link")


def test_nothing_stays_open(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside)
    before = len(os.listdir("/proc/self/fd"))

    tree.read("a/x.jpg")
    tree.stat("a/x.jpg")
    for attempt in ("a", "gone", "gone/x", "link/secret", "a/../x"):
        with os_error():
            tree.read(attempt)

    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("way", ["rename_exclusive", "_link_or_look"])
def test_exclusive_rename_moves_to_a_free_name(tree: Tree, way: str) -> None:
    with tree.parent("a/x.jpg") as source, tree.parent("y.jpg") as target:
        getattr(tree_module, way)(source, target)

    assert tree.read("y.jpg") == b"x"
    assert not tree.exists("a/x.jpg")


@pytest.mark.parametrize("way", ["rename_exclusive", "_link_or_look"])
@pytest.mark.parametrize("taken_by", ["file", "dangling link", "folder"])
def test_exclusive_rename_never_overwrites(tree: Tree, way: str, taken_by: str) -> None:
    target_path = tree.root / "y.jpg"
    match taken_by:
        case "file":
            target_path.write_bytes(b"the user's")
        case "folder":
            target_path.mkdir()
        case _:
            target_path.symlink_to("nowhere")
    before = os.lstat(target_path)

    with (
        tree.parent("a/x.jpg") as source,
        tree.parent("y.jpg") as target,
        pytest.raises(FileExistsError),
    ):
        getattr(tree_module, way)(source, target)

    assert os.lstat(target_path) == before
    assert tree.read("a/x.jpg") == b"x"


def test_exclusive_rename_without_links_looks_before_it_renames(tree: Tree) -> None:
    """A folder cannot be hard-linked, as a file cannot where the file system has no links."""
    (tree.root / "here").mkdir()
    (tree.root / "taken").mkdir()

    with tree.parent("here") as source, tree.parent("taken") as target, pytest.raises(FileExistsError):
        tree_module._link_or_look(source, target)
    with tree.parent("here") as source, tree.parent("free") as target:
        tree_module._link_or_look(source, target)

    assert (tree.root / "free").is_dir()
    assert not (tree.root / "here").exists()


def test_exclusive_rename_of_what_is_gone_raises(tree: Tree) -> None:
    with tree.parent("gone") as source, tree.parent("y") as target, pytest.raises(FileNotFoundError):
        rename_exclusive(source, target)


def test_exclusive_rename_does_not_follow_a_link(tree: Tree, outside: Path) -> None:
    (tree.root / "link").symlink_to(outside / "secret")

    with tree.parent("link") as source, tree.parent("y") as target:
        tree_module._link_or_look(source, target)

    assert (tree.root / "y").is_symlink()


def test_rename_replaces(tree: Tree) -> None:
    (tree.root / "y").write_bytes(b"old")

    with tree.parent("a/x.jpg") as source, tree.parent("y") as target:
        rename(source, target)

    assert tree.read("y") == b"x"


def test_spot_beside_is_in_the_same_folder() -> None:
    assert Spot(7, "a").beside("b") == Spot(7, "b")


def test_name_that_fits_stays_as_it_is() -> None:
    assert fitting("x" * 251, ".png") == "x" * 251 + ".png"
    assert fitting("a.tar", ".png") == "a.tar.png"


@pytest.mark.parametrize(
    "stem", ["x" * 252, "ü" * 126, "x" + "ü" * 127, "日" * 84, "😀" * 63, "a" + "😀" * 63]
)
def test_name_that_is_too_long_is_cut_at_a_character(stem: str) -> None:
    name = fitting(stem, ".png")

    assert len(name.encode()) <= 255
    assert name.endswith(".png")
    assert "~" in name
    assert stem.startswith(name.rpartition("~")[0])


def test_names_that_are_cut_stay_different() -> None:
    stems = ["x" * 250 + ending for ending in ("aaaa", "bbbb", "aaab", "a" * 5, "")]

    assert len({fitting(stem, "-2.png") for stem in stems}) == len(stems)


def test_any_name_of_bytes_fits_and_is_one_that_a_folder_takes(tmp_path: Path) -> None:
    dice = random.Random(5)

    for _ in range(300):
        raw = bytes(
            dice.choice((0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80, 0xFF, 0x41)) for _ in range(dice.randint(1, 255))
        )
        name = fitting(os.fsdecode(raw), dice.choice((".png", "-99998.jpeg", ".error.json")))
        assert len(os.fsencode(name)) <= 255
        assert "/" not in name
        (tmp_path / name).touch()


@pytest.mark.parametrize("mode", [0o2775, 0o750, 0o700])
def test_folder_made_after_an_example_has_its_mode_and_group(tree: Tree, tmp_path: Path, mode: int) -> None:
    example = tmp_path / "inbox"
    example.mkdir()
    if os.geteuid() == 0:
        os.chown(example, 12, 34)
    example.chmod(mode)

    with Tree(tree.root, Rights.of(example).give).folder("b/c", make=True) as handle:
        made = os.fstat(handle)

    wanted = example.stat()
    assert (made.st_mode, made.st_uid, made.st_gid) == (wanted.st_mode, wanted.st_uid, wanted.st_gid)
    assert (tree.root / "b").stat().st_mode == wanted.st_mode


def test_folder_that_is_there_keeps_its_mode(tree: Tree, tmp_path: Path) -> None:
    (tree.root / "a").chmod(0o711)

    with Tree(tree.root, Rights.of(tmp_path).give).folder("a", make=True) as handle:
        assert os.fstat(handle).st_mode & 0o777 == 0o711


def test_files_are_told_without_following_links_into_folders(tree: Tree, outside: Path) -> None:
    (tree.root / "a" / "b").mkdir()
    (tree.root / "a" / "b" / "y.jpg").write_bytes(b"y")
    (tree.root / "link").symlink_to(outside)

    assert sorted(tree.files()) == ["a/b/y.jpg", "a/x.jpg", "link"]


def test_folder_that_vanishes_while_files_are_told_is_passed_over(tree: Tree) -> None:
    (tree.root / "b").mkdir()
    (tree.root / "c.jpg").write_bytes(b"c")

    files = tree.files()
    first = next(files)
    (tree.root / "b").rmdir()

    assert sorted([first, *files]) == ["a/x.jpg", "c.jpg"]
