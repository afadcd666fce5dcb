"""A configuration that changes while the daemon runs."""

import signal
from pathlib import Path

import pytest
from commands import daemon
from fakes import draw, encoded, wait_until

from watchd.store.receipts import Receipts
from watchd.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def write(root: Path, text: str) -> None:
    (root / "config.yaml").write_text("watch: [root: .]\n" + text)


def says(root: Path, text: str) -> None:
    log = Path(f"{root}.log")
    wait_until(lambda: text in log.read_text(), within_s=20)


def tier(root: Path, name: str, data: bytes) -> str:
    (root / "inbox" / name).write_bytes(data)
    wait_until((root / "originals" / name).exists, within_s=20)
    receipts = Receipts(Tree(root / ".watchd"))
    wait_until(lambda: (receipt := receipts.read(name)) and receipt.state == "delivered")
    receipt = receipts.read(name)
    assert receipt is not None
    return str(receipt.reuse.tier)


def test_what_is_reused_changes_by_a_signal_and_the_rest_is_named(root: Path) -> None:
    data = encoded("JPEG", draw(300, 200))
    write(root, "")
    with daemon(root) as process:
        first, again = tier(root, "a.jpg", data), tier(root, "b.jpg", data)
        write(root, "cache: {enabled: false}\nthreads: {workers: 1}\n")
        process.send_signal(signal.SIGHUP)
        says(root, "configuration reloaded changed=cache.enabled")
        says(root, "needs a restart to change keys=threads.workers")
        without = tier(root, "c.jpg", data)

        assert process.poll() is None
    assert [first, again, without] == ["miss", "output", "off"]


def test_configuration_that_is_wrong_changes_nothing(root: Path) -> None:
    data = encoded("JPEG", draw(300, 200))
    write(root, "")
    with daemon(root) as process:
        tier(root, "a.jpg", data)
        write(root, "cache: {enabled: perhaps}\n")
        process.send_signal(signal.SIGHUP)
        says(root, "configuration not reloaded, the old one stays")
        says(root, "cache.enabled")

        assert tier(root, "b.jpg", data) == "output"
