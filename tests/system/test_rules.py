"""A .watchd.yml in a folder of the inbox, through the real daemon."""

from pathlib import Path

import pytest
from commands import daemon, watchd
from fakes import draw, encoded, wait_until
from tiny_model import build_tiny_model

from watchd.store.receipts import Receipts
from watchd.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    (root / "inbox" / "private").mkdir(parents=True)
    (root / "config.yaml").write_text("watch: [{root: ., rules: true}]\n")
    return root


def drop(root: Path, name: str, width: int) -> None:
    (root / "inbox" / name).write_bytes(encoded("JPEG", draw(width, 48)))


def tier(root: Path, name: str) -> str:
    wait_until((root / "originals" / name).exists, within_s=20)
    receipts = Receipts(Tree(root / ".watchd"))
    wait_until(lambda: (receipt := receipts.read(name)) and receipt.state == "delivered")
    receipt = receipts.read(name)
    assert receipt is not None
    return str(receipt.reuse.tier)


def test_rule_holds_for_its_folder_and_a_wrong_one_lets_its_files_wait(root: Path) -> None:
    rule = root / "inbox" / "private" / ".watchd.yml"
    shown = rule.with_name(".watchd.yml.error.txt")
    rule.write_text("cache: {enabled: false}\n")
    with daemon(root):
        drop(root, "private/a.jpg", 64)
        drop(root, "b.jpg", 80)
        tiers = tier(root, "private/a.jpg"), tier(root, "b.jpg")

        rule.write_text("cache: {enabled: false}\nafter: delete\n")
        wait_until(shown.exists, within_s=20)
        drop(root, "private/c.jpg", 96)
        drop(root, "d.jpg", 112)
        other = tier(root, "d.jpg")
        explained = watchd("explain", root / "inbox" / "private" / "c.jpg").stdout
        waits, words = (root / "inbox" / "private" / "c.jpg").exists(), shown.read_text()

        rule.unlink()
        mended = tier(root, "private/c.jpg")
        wait_until(lambda: not shown.exists(), within_s=20)

    assert (*tiers, other, mended) == ("off", "miss", "miss", "miss")
    assert waits
    assert words.startswith("private/.watchd.yml:2: after: unknown key: a rule may have profile, model")
    assert "NO  rule: private/.watchd.yml:2: after: unknown key" in explained
    assert not (root / "outbox" / "private" / ".watchd.yml.error.txt").exists()


def test_rule_waits_for_a_profile_that_the_configuration_does_not_have_yet(
    root: Path, tmp_path: Path
) -> None:
    other = build_tiny_model(tmp_path / "other.onnx")
    (root / "inbox" / "private" / ".watchd.yml").write_text("profile: other\n")
    with daemon(root):
        drop(root, "private/a.jpg", 64)
        wait_until((root / "inbox" / "private" / ".watchd.yml.error.txt").exists, within_s=20)
        (root / "config.yaml").write_text(
            f"watch: [{{root: ., rules: true}}]\nprofiles: {{other: {{model: {other}}}}}\n"
        )
        tier(root, "private/a.jpg")
        drop(root, "b.jpg", 80)
        tier(root, "b.jpg")
        receipts = Receipts(Tree(root / ".watchd"))
        models = [receipt.model for name in ("private/a.jpg", "b.jpg") if (receipt := receipts.read(name))]

    assert models == [str(other), "builtin"]
    assert not (root / "inbox" / "private" / ".watchd.yml.error.txt").exists()


def test_single_run_says_which_rule_files_were_left_for(root: Path) -> None:
    drop(root, "private/a.jpg", 64)
    (root / "inbox" / "private" / ".watchd.yml").write_text("profile: portrait\n")

    result = watchd("run", "--once", root)

    assert result.returncode == 1
    assert "no profile 'portrait': the configuration has default" in result.stderr
    assert (root / "inbox" / "private" / "a.jpg").exists()


def test_rule_is_not_read_where_the_configuration_does_not_say_so(root: Path) -> None:
    (root / "config.yaml").write_text("watch: [root: .]\n")
    drop(root, "private/a.jpg", 64)
    (root / "inbox" / "private" / ".watchd.yml").write_text("nonsense\n")

    assert watchd("run", "--once", root).returncode == 0
