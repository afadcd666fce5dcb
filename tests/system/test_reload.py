"""A configuration that changes while the daemon runs."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import daemon, watchd
from fakes import draw, encoded, wait_until
from tiny_model import build_tiny_model

from watchd.store.receipts import Receipts
from watchd.tree import Tree

JPEG = encoded("JPEG", draw(300, 200))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    write(tmp_path / "photos", "")
    return tmp_path / "photos"


@pytest.fixture
def process(root: Path) -> Iterator["subprocess.Popen[str]"]:
    """Which reads its file again when it has changed, and only then."""
    with daemon(root) as process:
        yield process
        assert process.poll() is None


def write(root: Path, text: str, watch: str = "[root: .]") -> None:
    (root / "config.yaml").write_text(f"watch: {watch}\n{text}")


def says(root: Path, *texts: str) -> None:
    log = Path(f"{root}.log")
    wait_until(lambda: all(text in log.read_text() for text in texts), within_s=20)


def status(root: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((root / ".watchd" / "status.json").read_text())
    return found


def deliver(root: Path, name: str, data: bytes = JPEG) -> Receipts:
    (root / "inbox" / name).write_bytes(data)
    wait_until((root / "originals" / name).exists, within_s=20)
    receipts = Receipts(Tree(root / ".watchd"))
    wait_until(lambda: (receipt := receipts.read(name)) and receipt.state == "delivered")
    return receipts


def tier(root: Path, name: str, data: bytes = JPEG) -> str:
    receipt = deliver(root, name, data).read(name)
    assert receipt is not None
    return str(receipt.reuse.tier)


def refused(root: Path, reason: str) -> None:
    """The daemon has said why it does not follow the file, in the log and in its status, and works on."""
    says(root, "configuration not reloaded, the old one stays", reason)
    wait_until(lambda: reason in str(status(root)["config_error"]))
    wait_until(lambda: status(root)["state"] == "running")
    deliver(root, "still.jpg")


def test_what_is_live_changes_by_a_signal_and_the_rest_is_named(root: Path) -> None:
    write(root, "reload: signal")
    with daemon(root) as process:
        first, again = tier(root, "a.jpg"), tier(root, "b.jpg")
        write(root, "cache: {enabled: false}\nthreads: {workers: 3}\nlease: 2m\nreload: signal")
        process.send_signal(signal.SIGHUP)
        says(root, 'configuration reloaded changed="threads.workers, cache.enabled"')
        says(root, "needs a restart to change keys=lease")
        wait_until(lambda: status(root)["workers"] == 3)
        without = tier(root, "c.jpg")

        assert process.poll() is None
    assert [first, again, without] == ["miss", "output", "off"]


def test_file_is_read_again_as_soon_as_it_is_saved(root: Path, process: object) -> None:
    (root / "new").write_text("watch: [root: .]\ncache: {enabled: false}\n")

    os.rename(root / "new", root / "config.yaml")

    says(root, "configuration reloaded changed=cache.enabled")
    assert tier(root, "a.jpg") == "off"


def test_with_reload_signal_a_saved_file_waits_for_the_signal(root: Path) -> None:
    write(root, "reload: signal")
    with daemon(root) as process:
        write(root, "cache: {enabled: false}\nreload: signal")
        for name in ("a.jpg", "b.jpg"):
            before = tier(root, name)
        assert before == "output"
        process.send_signal(signal.SIGHUP)
        says(root, "configuration reloaded changed=cache.enabled")

        assert tier(root, "c.jpg") == "off"


def test_configuration_that_is_wrong_changes_nothing_until_it_is_mended(root: Path, process: object) -> None:
    write(root, "cache: {enabled: perhaps}\nthreads: {workers: 0}")
    refused(root, "cache.enabled: 'perhaps' is not allowed")
    shown = watchd("status", root).stdout

    write(root, "log: {level: debug}")
    says(root, "configuration reloaded changed=log.level")

    assert f"config  not reloaded: {root / 'config.yaml'}:2: cache.enabled: 'perhaps'" in shown
    assert "threads.workers: 0 is not allowed" in shown
    wait_until(lambda: status(root)["config_error"] == "")


def test_file_that_is_removed_changes_nothing_until_it_is_back(root: Path, process: object) -> None:
    (root / "config.yaml").unlink()
    refused(root, "config.yaml: cannot be read: No such file or directory")

    write(root, "log: {level: debug}")

    says(root, "configuration reloaded changed=log.level")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read_changes_nothing_until_it_may(root: Path, process: object) -> None:
    os.chmod(root / "config.yaml", 0)
    refused(root, "config.yaml: cannot be read: Permission denied")

    os.chmod(root / "config.yaml", 0o644)

    says(root, "configuration reloaded changed=nothing")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("binding: '4095'", "binding: we may not use CPU 4095"),
        ("profiles: {default: {model: nosuch}}", "nosuch"),
        ("profiles: {default: {model: bad.onnx}}", "bad.onnx cannot be loaded"),
    ],
)
def test_what_cannot_be_had_is_refused_with_all_that_came_with_it(
    root: Path, process: object, text: str, reason: str
) -> None:
    (root / "bad.onnx").write_bytes(b"no network")

    write(root, f"{text}\ncache: {{enabled: false}}")

    refused(root, reason)
    assert tier(root, "again.jpg") == "output"


@pytest.mark.parametrize(
    ("watch", "reason"),
    [
        ("[{root: .}, {root: inbox/more}]", "watch[1].inbox: "),
        ("[{root: .}, {root: in-the-way/more}]", "in-the-way/more/inbox: cannot be made: File exists"),
    ],
)
def test_new_folder_that_cannot_be_watched_is_refused(
    root: Path, process: object, watch: str, reason: str
) -> None:
    (root / "in-the-way").write_text("no folder")

    write(root, "", watch)

    refused(root, reason)
    assert status(root)["folders"] == {"photos": ""}


def test_folders_come_and_go_and_each_tells_how_it_stands(root: Path, process: object) -> None:
    more = root.with_name("more")
    deliver(root, "a.jpg")

    write(root, "", "[{root: .}, {root: ../more}]")
    says(root, "folder added folder=more", "configuration reloaded changed=watch.more")
    deliver(more, "b.jpg")
    both = status(more)["folders"]
    write(root, "", "[{root: ../more}]")
    says(root, "folder removed folder=photos", "configuration reloaded changed=watch.photos")
    wait_until(lambda: status(root)["state"] == "stopped")
    (root / "inbox" / "left.jpg").write_bytes(JPEG)
    deliver(more, "c.jpg")

    assert both == {"photos": "", "more": ""}
    assert status(more)["folders"] == {"more": ""}
    assert (root / "inbox" / "left.jpg").exists()
    write(root, "", "[{root: .}, {root: ../more}]")
    wait_until((root / "originals" / "left.jpg").exists, within_s=20)


def test_folder_that_changes_goes_on_as_it_is_told_to(root: Path, process: object) -> None:
    deliver(root, "a.jpg")

    write(root, "", "[{root: ., outbox: elsewhere, after: keep, ignore: ['no*']}]")
    says(root, 'changed="watch.photos.outbox, watch.photos.after, watch.photos.ignore"')
    for name in ("nothing.jpg", "b.jpg"):
        (root / "inbox" / name).write_bytes(JPEG)
    wait_until((root / "elsewhere" / "b.png").exists, within_s=20)

    assert sorted(os.listdir(root / "inbox")) == ["b.jpg", "nothing.jpg"]
    assert os.listdir(root / "elsewhere") == ["b.png"]


def test_folder_that_is_away_is_not_changed_and_nothing_is_made_in_its_place(
    root: Path, process: object
) -> None:
    deliver(root, "a.jpg")
    os.rename(root / "inbox", root / "away")
    wait_until(lambda: "is gone" in str(status(root)["folders"]), within_s=20)

    write(root, "", "[{root: ., settle: 1s}]")
    says(root, "photos cannot be changed while it is away", "inbox is gone")
    made = (root / "inbox").exists()
    os.rename(root / "away", root / "inbox")
    write(root, "", "[{root: ., settle: 900ms}]")
    says(root, "configuration reloaded changed=watch.photos.settle")
    deliver(root, "b.jpg")

    assert not made


def test_profile_gets_another_network_and_the_old_one_leaves_memory(root: Path, tmp_path: Path) -> None:
    one, other = (build_tiny_model(tmp_path / f"{name}.onnx", 32) for name in ("one", "other"))
    write(root, f"profiles: {{default: {{model: {one}}}}}")
    with daemon(root) as process:
        deliver(root, "a.jpg")
        write(root, f"profiles: {{default: {{model: {other}}}}}")
        says(root, "configuration reloaded changed=profiles.default.model")
        receipt = deliver(root, "b.jpg", encoded("JPEG", draw(200, 300))).read("b.jpg")

        assert process.poll() is None
    assert receipt is not None
    assert receipt.model == str(other)


def test_binding_and_network_threads_change_while_photos_come(root: Path, process: object) -> None:
    deliver(root, "a.jpg")

    write(root, "binding: none\nthreads: {workers: 2, intra_op: 1}\ncache: {enabled: false}")
    says(root, "configuration reloaded")
    deliver(root, "b.jpg")
    write(root, "threads: {workers: 1, intra_op: 2}\ncache: {enabled: false}")
    says(root, 'changed="threads.workers, threads.intra_op, binding"')

    assert tier(root, "c.jpg") == "off"
    wait_until(lambda: status(root)["workers"] == 1)


def test_format_and_level_of_the_log_change(root: Path, process: object) -> None:
    write(root, "log: {format: json, level: debug}")
    says(root, '"message": "configuration reloaded"')

    deliver(root, "a.jpg")

    says(root, '"message": "begun"')
