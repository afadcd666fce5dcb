"""Events get lost, in every way that is known: each file is delivered all the same, and soon."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from commands import daemon
from fakes import draw, encoded, wait_until
from house import House, files, running
from oracle import assert_converged

from watchd.intake.observer import Observation
from watchd.intake.watcher import Watcher

Drop = Callable[[str, bytes], str]

WATCHDOG_6 = version("watchdog").startswith("6.")
FLOOD = 6000  # three events each; the kernel's queue holds 16384

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def house(tmp_path: Path, tiny: Path) -> Iterator[House]:
    """Whose next rescan is an hour away."""
    with running(tmp_path / "root", tiny) as house:
        yield house


def observation_of(house: House) -> Observation:
    watcher = house.line.parts[-1]
    assert isinstance(watcher, Watcher)
    return watcher._watches[0].observation


def test_files_that_come_while_the_daemon_is_stopped_and_the_queue_overflows(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    rescan = "3s" if WATCHDOG_6 else "1h"  # 6.x says nothing of an overflow, so that the rescan must find it
    root.mkdir()
    (root / "config.yaml").write_text(f"watch:\n  - root: .\n    rescan: {rescan}\n")
    with daemon(root, "--model", tiny) as process:
        os.kill(process.pid, signal.SIGSTOP)
        for number in range(FLOOD):
            (root / "inbox" / f"{number}.txt").write_text("no picture")
        names = [f"{folder}{n}.jpg" for folder in ("", "new/", "new/deep/") for n in range(len(photos))]
        inputs = {name: drop(name, photos[n % len(photos)] + name.encode()) for n, name in enumerate(names)}
        os.kill(process.pid, signal.SIGCONT)

        wait_until(lambda: done(root, inputs), within_s=90)

    for number in range(FLOOD):
        (root / "inbox" / f"{number}.txt").unlink()
    assert_converged(root, inputs)


def test_folder_that_came_during_an_overflow_is_watched_from_then_on(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path
) -> None:
    if WATCHDOG_6:
        pytest.skip("watchdog 6 is silent about an overflow; its folders are scanned at the rescan")
    with daemon(root, "--model", tiny) as process:
        os.kill(process.pid, signal.SIGSTOP)
        for number in range(FLOOD):
            (root / "inbox" / f"{number}.txt").write_text("no picture")
        drop("new/first.jpg", photos[0])
        os.kill(process.pid, signal.SIGCONT)
        wait_until(lambda: files(root / "originals") == {"new/first.jpg"}, within_s=60)

        drop("new/second.jpg", photos[1])

        wait_until(lambda: "new/second.jpg" in files(root / "originals"), within_s=60)


@pytest.mark.parametrize("later", ["tree/a.jpg", "tree/one/a.jpg", "tree/one/two/new/a.jpg"])
def test_file_added_to_a_tree_that_was_moved_in(house: House, tmp_path: Path, later: str) -> None:
    (tmp_path / "tree" / "one" / "two").mkdir(parents=True)
    (tmp_path / "tree" / "one" / "first.jpg").write_bytes(encoded())
    os.rename(tmp_path / "tree", house.folder.inbox / "tree")
    house.wait_for("tree/one/first.png")
    if WATCHDOG_6:  # it is deaf in there until it is started anew
        before = observation_of(house)._observer
        wait_until(lambda: observation_of(house)._observer not in (before, None), within_s=30)

    path = house.folder.inbox / later
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded())

    house.wait_for(os.path.splitext(later)[0] + ".png", within_s=30)


def test_emitter_that_was_killed(house: House) -> None:
    observer = observation_of(house)._observer
    assert observer is not None
    for emitter in list(observer.emitters):
        emitter.stop()
        emitter.join(10)

    (house.folder.inbox / "a.jpg").write_bytes(encoded())

    house.wait_for("a.png", within_s=30)


def test_dispatcher_that_was_killed(house: House) -> None:
    observer = observation_of(house)._observer
    assert observer is not None
    observer.stop()

    (house.folder.inbox / "a.jpg").write_bytes(encoded())

    house.wait_for("a.png", within_s=30)


def test_rescan_finds_what_no_event_has_told_and_the_canary_that_none_arrives(
    tmp_path: Path, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def told() -> list[str]:
        return [record.message for record in caplog.records if record.name == "watchd.intake.watcher"]

    with running(tmp_path / "root", tiny, {"rescan": "4s"}) as house:
        observer = observation_of(house)._observer
        assert observer is not None
        wait_until(observation_of(house)._canary._heard.is_set)
        observer._handlers.clear()  # every event is swallowed
        (house.folder.inbox / "a.jpg").write_bytes(encoded())

        house.wait_for("a.png", within_s=30)
        wait_until(lambda: told() == ["no events, scanning instead", "events arrive again"], within_s=60)
        (house.folder.inbox / "b.jpg").write_bytes(encoded())
        house.wait_for("b.png", within_s=30)


def deleted(folder: Path) -> bool:
    """The daemon writes its status there, maybe while it is being emptied: then it takes another time."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def test_root_that_is_deleted_and_made_again(house: House) -> None:
    wait_until(lambda: deleted(house.root))
    house.folder.inbox.mkdir(parents=True)

    (house.folder.inbox / "a.jpg").write_bytes(encoded())

    house.wait_for("a.png", within_s=60)
    wait_until(lambda: house.originals() == {"a.jpg"})
    assert house.failed() == set()


def test_root_that_is_renamed_and_replaced(house: House) -> None:
    old = house.root.with_name("old")
    house.root.rename(old)
    house.folder.inbox.mkdir(parents=True)
    (house.folder.inbox / "a.jpg").write_bytes(encoded("JPEG", draw(90, 60)))
    house.wait_for("a.png", within_s=60)

    (old / "inbox" / "ghost.jpg").write_bytes(encoded())  # seen by those who still watch the old one
    (house.folder.inbox / "b.jpg").write_bytes(encoded("JPEG", draw(80, 60)))

    house.wait_for("b.png", within_s=60)
    assert house.outputs() == {"a.png", "b.png"}
    assert (old / "inbox" / "ghost.jpg").exists()


def test_inbox_that_is_renamed_and_replaced(house: House) -> None:
    house.folder.inbox.rename(house.root / "old")
    house.folder.inbox.mkdir()

    (house.folder.inbox / "a.jpg").write_bytes(encoded())

    house.wait_for("a.png", within_s=60)


def test_sidecar_that_is_deleted(house: House) -> None:
    (house.folder.inbox / "a.jpg").write_bytes(encoded())
    house.wait_for("a.png")
    wait_until(lambda: house.originals() == {"a.jpg"})
    shutil.move(house.folder.sidecar, house.root.parent / "away")  # deleted at one blow

    (house.folder.inbox / "b.jpg").write_bytes(encoded())

    house.wait_for("b.png", within_s=60)
    assert house.failed() == set()


@pytest.mark.parametrize(
    ("name", "limit", "folders"),
    [("max_inotify_instances", 0, 0), ("max_inotify_watches", 0, 0), ("max_inotify_watches", 4, 8)],
)
def test_inotify_limits_that_are_used_up_are_told_once_and_scans_take_over(
    root: Path, drop: Drop, photos: list[bytes], tiny: Path, name: str, limit: int, folders: int
) -> None:
    if subprocess.run(["unshare", "--user", "--map-root-user", "true"], check=False).returncode:
        pytest.skip("no user namespace of our own is allowed here, and the limits of others are not ours")
    for number in range(folders):
        (root / "inbox" / str(number)).mkdir(parents=True)

    def told(words: str) -> int:
        return Path(f"{root}.log").read_text().count(words)

    limited = ("unshare", "--user", "--map-root-user", "sh", "-c", f"{_set(name, limit)}; exec $0 $*")
    with daemon(root, "--model", tiny, under=limited) as process:
        inputs = {photo: drop(photo, photos[0] + photo.encode()) for photo in ("a.jpg", "7/b.jpg")}
        wait_until(lambda: done(root, inputs), within_s=60)
        assert told("no events, scanning instead") == 1

        inside = ["nsenter", "--target", str(process.pid), "--user", "--preserve-credentials"]
        subprocess.run([*inside, "sh", "-c", _set(name, 1000)], check=True)

        wait_until(lambda: told("events arrive again"), within_s=120)
        inputs["7/c.jpg"] = drop("7/c.jpg", photos[1])
        wait_until(lambda: done(root, inputs), within_s=60)
        assert told("no events, scanning instead") == 1
    assert_converged(root, inputs)


def done(root: Path, inputs: Iterable[str]) -> bool:
    return files(root / "originals") == set(inputs) and not os.listdir(root / ".watchd" / "claims")


def _set(name: str, limit: int) -> str:
    return f"echo {limit} >/proc/sys/user/{name}"
