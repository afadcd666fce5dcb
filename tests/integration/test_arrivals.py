"""Every way in which files arrive in an inbox: each is delivered once, whole, and its original retired."""

import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from fakes import draw, encoded, wait_until
from house import running


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "outside" / "photo.jpg"
    path.parent.mkdir()
    path.write_bytes(encoded("JPEG", draw(200, 150)))
    return path


def test_copied_file_is_delivered_and_its_original_moved(tmp_path: Path, tiny: Path, photo: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        shutil.copy(photo, house.folder.inbox / "a.jpg")

        house.wait_for("a.png")
        wait_until(lambda: house.originals() == {"a.jpg"})

    assert house.cutout("a.png").mode == "RGBA"
    assert house.cutout("a.png").size == (200, 150)
    assert (house.folder.originals / "a.jpg").read_bytes() == photo.read_bytes()
    assert house.inbox() == set()


def test_file_moved_in_is_delivered(tmp_path: Path, tiny: Path, photo: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        os.rename(photo, house.folder.inbox / "a.jpg")

        house.wait_for("a.png")


def test_files_that_are_there_at_the_start_are_delivered(tmp_path: Path, tiny: Path, photo: Path) -> None:
    inbox = tmp_path / "root" / "inbox" / "sub"
    inbox.mkdir(parents=True)
    shutil.copy(photo, inbox / "old.jpg")

    with running(tmp_path / "root", tiny) as house:
        house.wait_for("sub/old.png")


@pytest.mark.parametrize("mode", [[], ["--inplace"], ["--partial"]])
def test_rsync_is_delivered_once_and_never_under_its_temporary_name(
    tmp_path: Path, tiny: Path, photo: Path, mode: list[str]
) -> None:
    rsync = shutil.which("rsync")
    if rsync is None:
        pytest.skip("rsync is not installed; scripts/test installs it where it may")
    with running(tmp_path / "root", tiny) as house:
        subprocess.run([rsync, "-a", *mode, photo, f"{house.folder.inbox}/"], check=True)

        house.wait_for("photo.png")
        wait_until(lambda: house.originals() == {"photo.jpg"})

    assert house.outputs() == {"photo.png"}


def test_temporary_name_then_rename_is_delivered_under_the_last_name(
    tmp_path: Path, tiny: Path, photo: Path
) -> None:
    with running(tmp_path / "root", tiny) as house:
        temp = house.folder.inbox / "a.jpg.part"
        shutil.copy(photo, temp)
        os.rename(temp, house.folder.inbox / "a.jpg")

        house.wait_for("a.png")

    assert house.outputs() == {"a.png"}


def test_slow_writer_is_waited_for(tmp_path: Path, tiny: Path, photo: Path) -> None:
    data = photo.read_bytes()
    with running(tmp_path / "root", tiny) as house:
        pause = threading.Event()
        with open(house.folder.inbox / "slow.jpg", "wb") as file:
            for start in range(0, len(data), len(data) // 8):
                file.write(data[start : start + len(data) // 8])
                file.flush()
                pause.wait(0.1)
            assert house.outputs() == set()
            assert house.failed() == set()

        house.wait_for("slow.png")

    assert house.cutout("slow.png").size == (200, 150)


def test_writer_that_pauses_longer_than_the_settle_time_is_waited_for(
    tmp_path: Path, tiny: Path, photo: Path
) -> None:
    data = photo.read_bytes()
    with running(tmp_path / "root", tiny) as house:
        target = house.folder.inbox / "paused.jpg"
        target.write_bytes(data[: len(data) // 2])  # closed, as an interrupted upload is
        threading.Event().wait(1.0)
        assert (house.outputs(), house.failed()) == (set(), set())
        with open(target, "ab") as file:
            file.write(data[len(data) // 2 :])

        house.wait_for("paused.png")


def test_two_hundred_files_go_through_a_queue_of_eight(tmp_path: Path, tiny: Path) -> None:
    data = encoded("JPEG", draw(40, 30))
    names = {f"{number:03}" for number in range(200)}
    with running(tmp_path / "root", tiny, {"queue.size": 8}) as house:
        for name in names:
            (house.folder.inbox / f"{name}.jpg").write_bytes(data)

        wait_until(lambda: len(house.originals()) == 200, within_s=40)

    assert house.outputs() == {f"{name}.png" for name in names}
    assert house.inbox() == set()


def test_nested_folders_moved_in_are_delivered_to_mirrored_folders(
    tmp_path: Path, tiny: Path, photo: Path
) -> None:
    tree = tmp_path / "tree"
    for below in ("", "one", "one/two", "one/two/three"):
        (tree / below).mkdir(exist_ok=True)
        shutil.copy(photo, tree / below / "x.jpg")
    with running(tmp_path / "root", tiny) as house:
        os.rename(tree, house.folder.inbox / "tree")
        house.wait_for("tree/x.png", "tree/one/x.png", "tree/one/two/x.png", "tree/one/two/three/x.png")

        shutil.copy(photo, house.folder.inbox / "tree" / "one" / "two" / "later.jpg")
        house.wait_for("tree/one/two/later.png")


@pytest.mark.parametrize(
    "name",
    [
        "größe – 写真 📷.jpg",
        "cafe\u0301.jpg",
        "two\nlines.jpg",
        " leading and trailing .jpg",
        "x" * 251 + ".jpg",
        "ü" * 125 + "y.jpg",
        "UPPER.JPG",
        os.fsdecode(b"latin1-\xe9.jpg"),
    ],
    ids=ascii,
)
def test_odd_names_survive(tmp_path: Path, tiny: Path, photo: Path, name: str) -> None:
    with running(tmp_path / "root", tiny) as house:
        shutil.copy(photo, house.folder.inbox / name)

        wait_until(lambda: house.originals() == {name}, within_s=20)

    assert house.outputs() == {os.path.splitext(name)[0] + ".png"}


def test_polling_finds_files_without_events(tmp_path: Path, tiny: Path, photo: Path) -> None:
    with running(tmp_path / "root", tiny, {"detect": "polling", "poll": "200ms"}) as house:
        shutil.copy(photo, house.folder.inbox / "a.jpg")

        house.wait_for("a.png")


def test_same_source_dropped_again_replaces_its_own_cutout(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        wait_until(lambda: house.originals() == {"a.jpg"}, within_s=20)
        (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(90, 60)))
        wait_until(lambda: house.originals() == {"a.jpg", "a-2.jpg"}, within_s=20)

    assert house.outputs() == {"a.png"}
    assert house.cutout("a.png").size == (90, 60)


def test_sources_that_map_to_one_name_do_not_overwrite_each_other(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        house.wait_for("a.png")
        (house.folder.inbox / "a.webp").write_bytes(encoded("WEBP", draw(90, 60)))
        house.wait_for("a.webp.png")

    assert house.cutout("a.png").size == (200, 150)
    assert house.cutout("a.webp.png").size == (90, 60)


def test_file_of_the_user_in_the_outbox_is_never_overwritten(tmp_path: Path, tiny: Path, photo: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        (house.folder.outbox / "a.png").write_text("mine")
        shutil.copy(photo, house.folder.inbox / "a.jpg")

        house.wait_for("a.jpg.png")

    assert (house.folder.outbox / "a.png").read_text() == "mine"


@pytest.mark.parametrize("after", ["keep", "delete"])
def test_original_is_kept_or_deleted_as_the_config_says(
    tmp_path: Path, tiny: Path, photo: Path, after: str
) -> None:
    with running(tmp_path / "root", tiny, {"after": after}) as house:
        shutil.copy(photo, house.folder.inbox / "a.jpg")
        house.wait_for("a.png")
        wait_until(lambda: house.inbox() == ({"a.jpg"} if after == "keep" else set()))

    assert house.originals() == set()


def test_kept_original_is_not_processed_again_after_a_restart(
    tmp_path: Path, tiny: Path, photo: Path
) -> None:
    with running(tmp_path / "root", tiny, {"after": "keep"}) as house:
        shutil.copy(photo, house.folder.inbox / "a.jpg")
        house.wait_for("a.png")
    (house.folder.outbox / "a.png").unlink()

    with running(tmp_path / "root", tiny, {"after": "keep"}) as house:
        shutil.copy(photo, house.folder.inbox / "b.jpg")
        house.wait_for("b.png")

    assert house.outputs() == {"b.png"}


def test_file_changed_after_its_delivery_is_processed_again(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny, {"after": "keep"}) as house:
        (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(200, 150)))
        house.wait_for("a.png")
        (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(90, 60)))

        wait_until(lambda: house.cutout("a.png").size == (90, 60), within_s=20)


def test_marked_files_are_taken_with_their_marker_and_no_sooner(
    tmp_path: Path, tiny: Path, photo: Path
) -> None:
    with running(tmp_path / "root", tiny, {"ready": "marker"}) as house:
        for name in ("a.jpg", "b.jpg", "batch/c.jpg", "batch/d.jpg"):
            (house.folder.inbox / name).parent.mkdir(exist_ok=True)
            shutil.copy(photo, house.folder.inbox / name)
        (house.folder.inbox / "b.jpg.ready").touch()
        house.wait_for("b.png")
        first = house.outputs()
        (house.folder.inbox / "batch" / ".done").touch()
        house.wait_for("batch/c.png", "batch/d.png")
        wait_until(lambda: house.inbox() == {"a.jpg", "batch/.done"})

    assert first == {"b.png"}
    assert house.outputs() == {"b.png", "batch/c.png", "batch/d.png"}
