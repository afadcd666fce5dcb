import hashlib
import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from fakes import names, put

from watchd.domain.errors import TryAgain
from watchd.domain.job import SourceFile, Stamp
from watchd.store.claims import FileClaims
from watchd.store.outbox import Outbox, candidates
from watchd.store.receipts import Receipt, Receipts
from watchd.store.staging import Staging
from watchd.store.storedfile import BadEntry, StoredFile
from watchd.tree import Tree


class Desk:
    """An outbox with the receipts that go with it; `drop` takes one source through a delivery."""

    def __init__(self, root: Path) -> None:
        self.root = root / "outbox"
        self.root.mkdir()
        (root / ".watchd").mkdir()
        self.sidecar = Tree(root / ".watchd")
        self.outbox = Outbox(Tree(self.root))
        self.receipts = Receipts(self.sidecar)
        self.meanwhile: Callable[[str], None] = lambda output: None
        self._count = 0

    def gather(self) -> Staging:
        """From now on what lies in a folder is delivered with it."""
        staging = Staging(Tree(self.root), FileClaims(self.sidecar, 60), self.receipts)
        self.outbox = Outbox(Tree(self.root), staging, lambda relative: relative.rpartition("/")[0])
        return staging

    def claim(self, staging: Staging) -> None:
        """Another daemon begins to deliver what is gathered."""
        for batch in staging.gathered():
            assert FileClaims(self.sidecar, 60).acquire(batch.key)

    def begin(self, relative: str) -> Receipt:
        self._count += 1
        return self.receipts.begin(SourceFile(relative, Stamp(self._count, 2, 3, 4)), f"t-{self._count}")

    def stored(self, data: bytes, digest_of: bytes | None = None) -> StoredFile:
        """A cutout as the cache has it; `digest_of` is what it should have been."""
        put(self.root.parent, "entry", data)
        digest = hashlib.sha256(data if digest_of is None else digest_of).hexdigest()
        return StoredFile(Tree(self.root.parent).open("entry"), "entry", len(data), digest)

    def deliver(self, receipt: Receipt, data: bytes | StoredFile) -> str:
        def intend(output: str, digest: str) -> Receipt:
            intended = self.receipts.intend(receipt, output, digest)
            self.meanwhile(output)
            return intended

        return self.outbox.deliver(receipt, ".png", data, intend).output

    def drop(self, relative: str, data: bytes = b"cutout") -> str:
        return self.deliver(self.begin(relative), data)

    def read(self, output: str) -> bytes:
        return (self.root / output).read_bytes()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_cutout_has_its_sources_name_in_the_same_subfolder(desk: Desk) -> None:
    assert desk.drop("a.jpg", b"1") == "a.png"
    assert desk.drop("2024/may/a.JPEG", b"2") == "2024/may/a.png"
    assert (desk.read("a.png"), desk.read("2024/may/a.png")) == (b"1", b"2")


def test_another_source_of_the_same_stem_keeps_its_suffix_in_the_name(desk: Desk) -> None:
    outputs = [desk.drop(name, name.encode()) for name in ("a.jpg", "a.webp", "a.tif")]

    assert outputs == ["a.png", "a.webp.png", "a.tif.png"]
    assert [desk.read(output) for output in outputs] == [b"a.jpg", b"a.webp", b"a.tif"]


def test_source_dropped_again_replaces_its_own_cutout(desk: Desk) -> None:
    desk.drop("a.jpg", b"old")
    desk.drop("a.webp", b"other")

    outputs = [desk.drop("a.jpg", b"new"), desk.drop("a.webp", b"new other")]

    assert outputs == ["a.png", "a.webp.png"]
    assert names(desk.root) == ["a.png", "a.webp.png"]
    assert (desk.read("a.png"), desk.read("a.webp.png")) == (b"new", b"new other")


def test_file_of_the_users_is_never_overwritten(desk: Desk) -> None:
    put(desk.root, "a.png", b"the user's")
    put(desk.root, "a.jpg.png", b"the user's too")

    outputs = [desk.drop("a.jpg", b"1"), desk.drop("a.jpg", b"2")]

    assert outputs == ["a.jpg-2.png", "a.jpg-2.png"]
    assert (desk.read("a.png"), desk.read("a.jpg.png")) == (b"the user's", b"the user's too")
    assert desk.read("a.jpg-2.png") == b"2"


def test_cutout_that_someone_has_edited_counts_as_the_users(desk: Desk) -> None:
    desk.drop("a.jpg", b"ours")
    put(desk.root, "a.png", b"retouched by hand")

    outputs = [desk.drop("a.jpg", b"new"), desk.drop("a.jpg", b"newer")]

    assert outputs == ["a.jpg.png", "a.jpg.png"]
    assert desk.read("a.png") == b"retouched by hand"
    assert desk.read("a.jpg.png") == b"newer"


def test_cutout_that_someone_took_away_comes_back_under_its_name(desk: Desk) -> None:
    desk.drop("a.jpg")
    (desk.root / "a.png").unlink()

    assert desk.drop("a.jpg") == "a.png"


@pytest.mark.parametrize("kind", ["folder", "dangling link", "link to a file", "fifo"])
def test_name_taken_by_anything_else_is_left_alone(desk: Desk, kind: str, tmp_path: Path) -> None:
    path = desk.root / "a.png"
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    match kind:
        case "folder":
            path.mkdir()
        case "dangling link":
            path.symlink_to(tmp_path / "nowhere")
        case "link to a file":
            path.symlink_to(victim)
        case _:
            os.mkfifo(path)

    assert desk.drop("a.jpg") == "a.jpg.png"
    assert victim.read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


def test_own_cutout_swapped_for_a_link_is_not_written_through(desk: Desk, tmp_path: Path) -> None:
    desk.drop("a.jpg", b"ours")
    (tmp_path / "victim").write_bytes(b"ours")
    (desk.root / "a.png").unlink()
    (desk.root / "a.png").symlink_to(tmp_path / "victim")

    output = desk.drop("a.jpg", b"new")

    assert output == "a.jpg.png"
    assert (tmp_path / "victim").read_bytes() == b"ours"


def test_of_two_sources_that_race_for_one_name_both_get_a_cutout(desk: Desk) -> None:
    slow = desk.begin("a.jpg")

    def other_wins(output: str) -> None:
        desk.meanwhile = lambda output: None
        desk.drop("a.webp", b"fast")

    desk.meanwhile = other_wins
    output = desk.deliver(slow, b"slow")

    assert output == "a.jpg.png"
    assert (desk.read("a.png"), desk.read("a.jpg.png")) == (b"fast", b"slow")


def test_receipt_names_the_cutout_before_it_is_there(desk: Desk) -> None:
    seen = []

    def look(output: str) -> None:
        receipt = desk.receipts.read("a.jpg")
        assert receipt is not None
        seen.append((receipt.output, bool(receipt.digest), (desk.root / output).exists()))

    desk.meanwhile = look
    desk.drop("a.jpg")

    assert seen == [("a.png", True, False)]


@pytest.mark.parametrize("published", [False, True])
def test_delivery_that_was_killed_is_made_again_under_the_same_name(desk: Desk, published: bool) -> None:
    killed = desk.begin("a.jpg")
    desk.meanwhile = _kill
    with pytest.raises(KeyboardInterrupt):
        desk.deliver(killed, b"cutout")
    if published:
        put(desk.root, "a.png", b"cutout")
    desk.meanwhile = lambda output: None

    assert desk.drop("a.jpg", b"cutout") == "a.png"
    assert names(desk.root) == ["a.png"]


def test_file_that_took_the_name_of_a_killed_delivery_is_the_users(desk: Desk) -> None:
    killed = desk.begin("a.jpg")
    desk.meanwhile = _kill
    with pytest.raises(KeyboardInterrupt):
        desk.deliver(killed, b"cutout")
    put(desk.root, "a.png", b"the user's")
    desk.meanwhile = lambda output: None

    assert desk.drop("a.jpg", b"cutout") == "a.jpg.png"
    assert desk.read("a.png") == b"the user's"


@pytest.mark.parametrize("stem", ["x" * 251, "ü" * 125 + "x", os.fsdecode(b"\xe9" * 251)])
def test_name_of_255_bytes_gets_a_cutout_and_so_does_its_twin(desk: Desk, stem: str) -> None:
    outputs = [desk.drop(stem + suffix, suffix.encode()) for suffix in (".jpg", ".gif", ".tif")]

    assert len(set(outputs)) == 3
    assert [desk.read(output) for output in outputs] == [b".jpg", b".gif", b".tif"]
    assert all(len(os.fsencode(output)) <= 255 and output.endswith(".png") for output in outputs)


def test_longer_suffix_of_the_cutout_fits_too(desk: Desk) -> None:
    assert all(
        len(name.encode()) <= 255 for name in islice(candidates("x" * 251 + ".jpg", ".long-suffix"), 100)
    )


def test_last_name_with_another_suffix_is_not_used_for_a_new_format() -> None:
    names_tried = list(islice(candidates("a.jpg", ".webp", last="a.png"), 3))

    assert names_tried == ["a.webp", "a.jpg.webp", "a.jpg-2.webp"]


def test_names_are_tried_in_the_documented_order() -> None:
    assert list(islice(candidates("s/a.jpg", ".png", last="s/a.jpg-7.png"), 5)) == [
        "s/a.jpg-7.png",
        "s/a.png",
        "s/a.jpg.png",
        "s/a.jpg-2.png",
        "s/a.jpg-3.png",
    ]


@pytest.mark.parametrize("name", [".jpg", "a", "a.b.c.jpg", "new\nline.jpg", os.fsdecode(b"\xff.jpg")])
def test_odd_names_get_a_cutout(desk: Desk, name: str) -> None:
    output = desk.drop(name)

    assert desk.read(output) == b"cutout"
    assert output.endswith(".png")


def test_outbox_in_which_every_name_is_taken_says_so(desk: Desk) -> None:
    class Full(Tree):
        def exists(self, relative: str) -> bool:
            return True

    with pytest.raises(TryAgain, match="tidy up"):
        Outbox(Full(desk.root)).deliver(
            desk.begin("a.jpg"), ".png", b"x", lambda output, digest: desk.begin("b")
        )


def test_cutout_out_of_the_cache_is_delivered_and_known_as_this_sources_own(desk: Desk) -> None:
    desk.drop("a.jpg", b"old")

    with desk.stored(b"cutout") as content:
        output = desk.deliver(desk.begin("a.jpg"), content)
    again = desk.drop("a.jpg", b"new")

    assert (output, again) == ("a.png", "a.png")
    assert desk.read("a.png") == b"new"
    assert names(desk.root) == ["a.png"]


def test_damaged_cutout_out_of_the_cache_is_told_apart_and_a_fresh_one_takes_its_place(desk: Desk) -> None:
    desk.drop("a.jpg", b"old")
    receipt = desk.begin("a.jpg")

    with desk.stored(b"damaged", digest_of=b"cutout") as content, pytest.raises(BadEntry):
        desk.deliver(receipt, content)
    before = desk.read("a.png")
    output = desk.deliver(receipt, b"cutout")

    assert (before, output) == (b"old", "a.png")
    assert desk.read("a.png") == b"cutout"
    assert names(desk.root) == ["a.png"]


def test_outbox_that_is_gone_is_trouble_of_the_disk(desk: Desk) -> None:
    desk.root.rmdir()

    with pytest.raises(FileNotFoundError):
        desk.drop("a.jpg")


def test_cutout_of_a_batch_is_out_of_sight_and_known_by_the_name_that_it_will_have(desk: Desk) -> None:
    staging = desk.gather()

    outputs = [desk.drop("shoot/a.jpg"), desk.drop("shoot/a.webp"), desk.drop("b.jpg")]
    out_of_sight = names(desk.root)
    [batch] = staging.gathered()
    staging.deliver(batch)

    assert outputs == ["shoot/a.png", "shoot/a.webp.png", "b.png"]
    places = [".watchd-batches/shoot/1/a.png", ".watchd-batches/shoot/1/a.webp.png", "b.png"]
    assert out_of_sight == places
    assert names(desk.root) == sorted(outputs)


def test_source_dropped_again_replaces_its_own_cutout_in_the_same_batch_but_not_in_one_delivered(
    desk: Desk,
) -> None:
    staging = desk.gather()
    outputs = [desk.drop("shoot/a.jpg", b"1"), desk.drop("shoot/a.jpg", b"2")]
    staging.deliver(staging.gathered()[0])

    outputs.append(desk.drop("shoot/a.jpg", b"3"))

    assert outputs == ["shoot/a.png", "shoot/a.png", "shoot-2/a.png"]
    assert names(desk.root) == [".watchd-batches/shoot/2/a.png", "shoot/a.png"]
    assert desk.read("shoot/a.png") == b"2"


def test_kill_between_intention_and_delivery_leaves_the_name_in_the_batch_to_its_source(desk: Desk) -> None:
    desk.gather()
    receipt = desk.begin("shoot/a.jpg")
    desk.meanwhile = _kill
    with pytest.raises(KeyboardInterrupt):
        desk.deliver(receipt, b"1")
    desk.meanwhile = lambda _: None

    assert desk.drop("shoot/a.jpg", b"2") == "shoot/a.png"
    assert names(desk.root) == [".watchd-batches/shoot/1/a.png"]


def test_cutout_that_comes_too_late_for_its_batch_is_left_to_the_next_and_leaves_no_temp(desk: Desk) -> None:
    staging = desk.gather()
    desk.drop("shoot/a.jpg")
    receipt = desk.begin("shoot/b.jpg")
    desk.meanwhile = lambda _: desk.claim(staging)

    with pytest.raises(TryAgain):
        desk.deliver(receipt, b"b")

    assert names(desk.root) == [".watchd-batches/shoot/1/a.png"]


def _kill(output: str) -> None:
    raise KeyboardInterrupt
