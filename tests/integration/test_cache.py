"""What the line remembers: across jobs, watch folders and restarts, and while its cache is taken away."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from fakes import draw, encoded, wait_until
from house import House, files, running
from PIL import Image
from tiny_model import build_tiny_model

from watchd.assembly import Mailbox, assemble
from watchd.config.load import load
from watchd.domain.profile import WatchFolder
from watchd.domain.reuse import Reuse, Tier
from watchd.provision import Networks, thread_plan
from watchd.store.counters import total
from watchd.store.places import prepare
from watchd.store.receipts import Receipts
from watchd.tree import Tree

PHOTO = encoded("JPEG", draw(400, 300), quality=95)


def deliver(folder: WatchFolder, name: str, data: bytes = PHOTO) -> Reuse:
    """Drops it, waits for its end, and gives what its receipt says of the cache."""
    (folder.inbox / name).write_bytes(data)
    receipts = Receipts(Tree(folder.sidecar))

    def reuse() -> Reuse | None:
        receipt = receipts.read(name)
        return receipt.reuse if receipt is not None and receipt.state == "delivered" else None

    wait_until(reuse, within_s=20)
    found = reuse()
    assert found is not None
    return found


def counts(cache: Path) -> Mapping[str, float]:
    """What was counted, once the line has ended."""
    return total(Tree(cache))


def entries(cache: Path) -> set[str]:
    return {name for name in files(cache) if name.startswith("v1/") and not name.endswith("space.json")}


def test_same_file_again_is_a_copy_of_its_cutout_and_says_so(
    tmp_path: Path, tiny: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    with running(tmp_path / "root", tiny) as house:
        first = deliver(house.folder, "a.jpg")
        second = deliver(house.folder, "b.jpg")

    assert (first.tier, second.tier) == (Tier.MISS, Tier.OUTPUT)
    assert second.entry in {name.rpartition("/")[2] for name in entries(house.folder.sidecar / "cache")}
    assert cutouts(house, "a.png", "b.png") == 1
    delivered = {record.path: record for record in caplog.records if record.message == "delivered"}
    assert {path: record.cache for path, record in delivered.items()} == {"a.jpg": "miss", "b.jpg": "output"}
    assert delivered["b.jpg"].entry == second.entry


def cutouts(house: House, *names: str) -> int:
    """How many different ones they are."""
    return len({(house.folder.outbox / name).read_bytes() for name in names})


def test_like_picture_has_the_mask_and_its_own_pixels(tmp_path: Path) -> None:
    first, grey = encoded("PNG", tiles()), encoded("PNG", tiles().convert("L"))
    model = build_tiny_model(tmp_path / "tiny.onnx", side=320)  # as much as the real ones see

    with running(tmp_path / "root", model, {"cache.perceptual.audit_rate": 0}) as house:
        tiers = [deliver(house.folder, "a.png", first).tier, deliver(house.folder, "b.png", grey).tier]
        cutout = house.cutout("b.png")

    assert tiers == [Tier.MISS, Tier.PERCEPTUAL]
    red, green, blue, _ = cutout.split()
    assert red.tobytes() == green.tobytes() == blue.tobytes()


def tiles() -> Image.Image:
    """Enough edges to be known again."""
    colours = np.random.default_rng(3).integers(0, 256, (9, 12, 3)).astype(np.uint8)
    return Image.fromarray(colours).resize((600, 450), Image.Resampling.NEAREST)


def test_five_equal_files_at_once_are_one_inference(tmp_path: Path, tiny: Path) -> None:
    inbox, large = tmp_path / "root" / "inbox", encoded("JPEG", draw(2000, 1500))
    inbox.mkdir(parents=True)
    for number in range(5):
        (inbox / f"{number}.jpg").write_bytes(large)

    with running(tmp_path / "root", tiny, {"threads.workers": 5}) as house:
        house.wait_for(*(f"{number}.png" for number in range(5)))
        wait_until(lambda: len(house.originals()) == 5)

    counted = counts(house.folder.sidecar / "cache")
    assert (counted["lookups"], counted["miss"], counted["hit_output"]) == (5, 1, 4)
    assert 1 <= counted["coalesced"] <= 4
    assert cutouts(house, *house.outputs()) == 1


@pytest.mark.parametrize(("outputs", "tier"), [(True, Tier.OUTPUT), (False, Tier.EXACT)])
def test_what_was_remembered_outlives_the_daemon(
    tmp_path: Path, tiny: Path, outputs: bool, tier: Tier
) -> None:
    options = {"cache.outputs.enabled": outputs}
    with running(tmp_path / "root", tiny, options) as house:
        deliver(house.folder, "a.jpg")

    with running(tmp_path / "root", tiny, options) as house:
        again = deliver(house.folder, "b.jpg")

    assert again.tier is tier
    assert cutouts(house, "a.png", "b.png") == 1
    assert counts(house.folder.sidecar / "cache")["miss"] == 1


def test_cache_that_is_removed_while_it_runs_is_made_anew(tmp_path: Path, tiny: Path) -> None:
    with running(tmp_path / "root", tiny) as house:
        cache = house.folder.sidecar / "cache"
        tiers = [deliver(house.folder, name).tier for name in ("a.jpg", "b.jpg")]
        shutil.rmtree(cache)
        tiers += [deliver(house.folder, name).tier for name in ("c.jpg", "d.jpg")]

    assert tiers == [Tier.MISS, Tier.OUTPUT, Tier.MISS, Tier.OUTPUT]
    assert (cache / "CACHEDIR.TAG").exists()
    assert len(entries(cache)) == 2
    assert house.failed() == set()


@pytest.mark.parametrize("switch", ["cache.enabled", "profiles.default.cache.enabled"])
def test_profile_without_a_cache_remembers_nothing(tmp_path: Path, tiny: Path, switch: str) -> None:
    with running(tmp_path / "root", tiny, {switch: False}) as house:
        reuses = [deliver(house.folder, name) for name in ("a.jpg", "b.jpg")]

    assert reuses == [Reuse(Tier.OFF), Reuse(Tier.OFF)]
    assert not (house.folder.sidecar / "cache").exists()


def test_watch_folders_that_share_a_cache_know_each_others_pictures(tmp_path: Path, tiny: Path) -> None:
    cache = tmp_path / "cache"
    with two_running(tmp_path, tiny, cache) as (shop, studio):
        tiers = [deliver(shop, "a.jpg").tier, deliver(studio, "b.jpg").tier]

    assert tiers == [Tier.MISS, Tier.OUTPUT]
    assert (shop.outbox / "a.png").read_bytes() == (studio.outbox / "b.png").read_bytes()
    assert not (shop.sidecar / "cache").exists()
    assert counts(cache)["lookups"] == 2


@contextmanager
def two_running(root: Path, model: Path, cache: Path) -> Iterator[tuple[WatchFolder, WatchFolder]]:
    """One daemon with two watch folders and one cache; what `house.running` does for one."""
    text = "\n".join(["watch:", *(f"  - {{root: {name}, settle: 300ms}}" for name in ("shop", "studio"))])
    (root / "config.yaml").write_text(text)
    given = {"profiles.default.model": str(model), "cache.dir": str(cache), "threads.workers": 2}
    config = load(root / "config.yaml", None, given, {}).config
    first, second = folders = config.watch_folders()
    for folder in folders:
        prepare(folder)
    plan, mailbox = thread_plan(config), Mailbox()
    segmenters = Networks(plan, {}).load([str(model)], lambda have, total: None)
    line = assemble(config, segmenters=segmenters, plan=plan, mailbox=mailbox, environ={})
    with ExitStack() as life:
        for part in line.parts:
            life.enter_context(part)
        yield first, second
    assert mailbox.empty(), f"the line asked for something: {mailbox.get()}"
