"""What may be reused and what may not: masks of the same shape, and never another picture's pixels."""

import hashlib
import io
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scenes
from fakes import FakeSegmenter, encoded, names, recall_of, watch_folder
from PIL import Image, ImageDraw, ImageEnhance

from watchd.domain.profile import Encode, Profile, WatchFolder
from watchd.domain.reuse import CachePolicy, Reuse, Tier
from watchd.imaging.compose import compose
from watchd.imaging.decode import Picture, open_picture
from watchd.imaging.encode import encode
from watchd.store.entryname import EntryName
from watchd.work.recall import Recall, space_of
from watchd.work.singleflight import SingleFlight

Change = Callable[[Image.Image], Image.Image]


class Subject(FakeSegmenter):
    """Says that whatever is not nearly white is the subject, so that its masks differ as pictures do."""

    def __call__(self, small: Image.Image) -> np.ndarray:
        super().__call__(small)
        return np.where(np.asarray(small.convert("L")) < 200, 255, 0).astype(np.uint8)


class Bench:
    """One watch folder's memory; `cut` does with a picture what the processor does."""

    def __init__(self, folder: WatchFolder, **changes: Any) -> None:
        self.folder = folder
        self.segmenter = Subject()
        self.counts: Counter[str] = Counter()
        self.changes = changes
        self.recall = self.another()

    def another(self, folder: WatchFolder | None = None) -> Recall:
        """As after a restart, or of another watch folder."""
        return recall_of(folder or self.folder, self.segmenter, self.counts, **self.changes)

    def cut(self, data: bytes, recall: Recall | None = None) -> tuple[bytes, Reuse]:
        recall = recall or self.recall
        sha256 = recall.digest(io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]
        stored = recall.finished(sha256)
        if stored is not None:
            with stored:
                reuse = recall.delivered(stored, sha256)
                return os.pread(stored.handle, stored.size, 0), reuse
        picture = decoded(data)
        mask, reuse = recall.mask(sha256, picture)
        finished = encode(compose(picture, mask), picture.icc, picture.dpi, {}, Encode.FAST)
        recall.keep(sha256, finished, hashlib.sha256(finished).hexdigest())
        return finished, reuse

    def tier(self, data: bytes, recall: Recall | None = None) -> Tier:
        return self.cut(data, recall)[1].tier

    @property
    def inferences(self) -> int:
        return len(self.segmenter.sizes)


@pytest.fixture
def bench(folder: WatchFolder) -> Bench:
    return bench_of(folder, audit_rate=0.0)


@pytest.fixture
def masks_only(tmp_path: Path) -> Bench:
    return bench_of(watch_folder(tmp_path / "masks"), outputs=False, audit_rate=0.0)


def bench_of(folder: WatchFolder, **policy: Any) -> Bench:
    return Bench(replace(folder, profile=Profile(cache=CachePolicy(**policy))))


def decoded(data: bytes) -> Picture:
    return open_picture(io.BytesIO(data), "x", 10**8).load()


def scene(colour: str = "firebrick", width: int = 900, height: int = 600, seed: int = 1) -> Image.Image:
    return scenes.scene(seed, colour).resize((width, height), Image.Resampling.LANCZOS)


def png(image: Image.Image) -> bytes:
    return encoded("PNG", image)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    return encoded("JPEG", image, quality=quality)


def test_same_file_again_is_the_finished_cutout_byte_for_byte(bench: Bench) -> None:
    first, made = bench.cut(png(scene()))
    second, reused = bench.cut(png(scene()))

    assert (made.tier, reused.tier) == (Tier.MISS, Tier.OUTPUT)
    assert first == second
    assert bench.inferences == 1


def test_same_file_with_other_options_has_its_own_mask_and_no_inference(bench: Bench) -> None:
    bench.cut(png(scene()))
    small = replace(bench.folder, profile=replace(bench.folder.profile, encode=Encode.SMALL))

    _, reused = bench.cut(png(scene()), bench.another(small))

    assert reused.tier is Tier.EXACT
    assert EntryName.parse(reused.entry)
    assert bench.inferences == 1


def test_hit_and_miss_give_the_same_bytes(masks_only: Bench) -> None:
    missed, _ = masks_only.cut(jpeg(scene()))
    exact, reuse = masks_only.cut(jpeg(scene()))

    assert reuse.tier is Tier.EXACT
    assert exact == missed


def test_memory_outlives_the_process(bench: Bench, masks_only: Bench) -> None:
    for each in (bench, masks_only):
        each.cut(png(scene()))

    assert bench.tier(png(scene()), bench.another()) is Tier.OUTPUT
    assert masks_only.tier(png(scene()), masks_only.another()) is Tier.EXACT


@pytest.mark.parametrize(
    "change",
    [
        lambda image: Image.open(io.BytesIO(jpeg(image, 60))),
        lambda image: image.resize((600, 400), Image.Resampling.LANCZOS),
        lambda image: image.resize((1200, 800), Image.Resampling.BICUBIC),
        lambda image: ImageEnhance.Brightness(image).enhance(0.8),
        lambda image: image.convert("L").convert("RGB"),
    ],
    ids=["recompressed", "smaller", "larger", "darker", "grey"],
)
def test_copy_has_the_mask_of_the_first_and_its_own_pixels(masks_only: Bench, change: Change) -> None:
    masks_only.cut(png(scene()))
    copy = change(scene())

    cutout, reuse = masks_only.cut(png(copy))

    assert reuse.tier is Tier.PERCEPTUAL
    assert masks_only.inferences == 1
    assert_shows(cutout, copy)


def test_another_colour_has_the_mask_and_its_own_colour(masks_only: Bench) -> None:
    masks_only.cut(png(scene("firebrick")))
    other = scene("#3050a0")

    cutout, reuse = masks_only.cut(png(other))

    assert reuse.tier is Tier.PERCEPTUAL
    assert reuse.distance <= 16
    assert reuse.edge > 0.75
    assert_shows(cutout, other)


def assert_shows(cutout: bytes, picture: Image.Image) -> None:
    """Every pixel that can be seen is the picture's own."""
    pixels = np.asarray(Image.open(io.BytesIO(cutout)))
    seen = pixels[..., 3] > 0
    assert seen.any()
    assert (pixels[..., :3][seen] == np.asarray(picture.convert("RGB"))[seen]).all()


def pasted(image: Image.Image) -> Image.Image:
    image = image.copy()
    side = image.height * 15 // 100
    ImageDraw.Draw(image).rectangle((40, 40, 40 + side, 40 + side), fill="navy", outline="orange", width=6)
    return image


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.crop((9, 6, 891, 594)).resize(image.size, Image.Resampling.LANCZOS),
        lambda image: image.transform(
            image.size, Image.Transform.AFFINE, (1, 0, 5, 0, 1, 3), fillcolor="white"
        ),
        lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        lambda image: image.rotate(1, Image.Resampling.BICUBIC, fillcolor="white"),
        pasted,
        lambda _: scene(seed=2),
    ],
    ids=["cropped", "shifted", "flipped", "turned", "pasted", "another"],
)
def test_what_was_moved_or_added_is_another_picture(masks_only: Bench, change: Change) -> None:
    masks_only.cut(png(scene()))

    assert masks_only.tier(png(change(scene()))) is Tier.MISS


def test_upright_and_turned_by_a_tag_are_one_picture(masks_only: Bench) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by 90°
    masks_only.cut(png(scene()))

    tagged = encoded("PNG", scene().transpose(Image.Transpose.ROTATE_90), exif=exif)

    assert masks_only.tier(tagged) is Tier.PERCEPTUAL


def test_flat_pictures_are_never_alike(masks_only: Bench) -> None:
    for colour in ("white", "black", "#fdfdfd"):
        assert masks_only.tier(png(Image.new("RGB", (640, 480), colour))) is Tier.MISS

    assert masks_only.counts["rejected_flat"] == 3


def test_thumbnail_first_does_not_spoil_the_full_size_and_is_replaced(masks_only: Bench) -> None:
    thumbnail, full = png(scene(width=240, height=160)), png(scene())
    masks_only.cut(thumbnail)

    assert masks_only.tier(full) is Tier.MISS
    assert masks_only.counts["rejected_source_small"] == 1
    assert masks_only.tier(thumbnail) is Tier.PERCEPTUAL  # of the full-size picture's mask


def test_another_aspect_is_another_picture(masks_only: Bench) -> None:
    masks_only.cut(png(scene()))

    assert masks_only.tier(png(scene(width=920))) is Tier.MISS
    assert masks_only.counts["rejected_aspect"] >= 1


def test_distance_that_is_not_allowed_is_a_miss(tmp_path: Path) -> None:
    strict = bench_of(watch_folder(tmp_path), outputs=False, max_distance=0, min_edge_agreement=1.0)
    strict.cut(png(scene()))

    assert strict.tier(jpeg(scene(), 30)) is Tier.MISS


def test_likeness_can_be_switched_off(tmp_path: Path) -> None:
    exact_only = bench_of(watch_folder(tmp_path), outputs=False, perceptual=False)
    exact_only.cut(png(scene()))

    assert exact_only.tier(jpeg(scene())) is Tier.MISS
    assert exact_only.tier(png(scene())) is Tier.EXACT


def test_without_a_cache_nothing_is_remembered(tmp_path: Path) -> None:
    folder = watch_folder(tmp_path)
    off = bench_of(folder, enabled=False)

    assert [off.tier(png(scene())) for _ in range(2)] == [Tier.OFF, Tier.OFF]
    assert off.inferences == 2
    assert names(folder.sidecar) == []


def test_another_model_never_meets_the_masks_of_the_first(masks_only: Bench) -> None:
    masks_only.cut(png(scene()))
    other = Subject()
    other.recipe = {"weights": "other"}

    assert space_of("u2net", other) != space_of("u2net", masks_only.segmenter)
    recall = recall_of(masks_only.folder, other, masks_only.counts)
    assert masks_only.tier(png(scene()), recall) is Tier.MISS


@pytest.mark.parametrize("damage", [b"", b"\x89PNG\r\n\x1a\n", b"x" * 600_000])
def test_damaged_mask_is_a_miss_and_is_replaced(masks_only: Bench, damage: bytes) -> None:
    masks_only.cut(png(scene()))
    (path,) = (masks_only.folder.sidecar / "cache").glob("v1/builtin-*/*/*.png")
    path.write_bytes(damage)

    assert masks_only.tier(png(scene())) is Tier.MISS
    assert masks_only.tier(png(scene())) is Tier.EXACT


def test_mask_under_the_name_of_another_picture_is_removed(masks_only: Bench) -> None:
    for seed in (1, 2):
        masks_only.cut(png(scene(seed=seed)))
    one, other = (masks_only.folder.sidecar / "cache").glob("v1/builtin-*/*/*.png")
    one.write_bytes(other.read_bytes())

    tiers = sorted(masks_only.tier(png(scene(seed=seed))) for seed in (1, 2))

    assert tiers == [Tier.EXACT, Tier.MISS]
    assert masks_only.counts["corrupt"] == 1


def test_one_in_so_many_hits_is_audited(tmp_path: Path) -> None:
    chances = iter([0.5, 0.01])
    bench = Bench(
        replace(watch_folder(tmp_path), profile=Profile(cache=CachePolicy(outputs=False, audit_rate=0.1))),
        chance=lambda: next(chances),
    )
    bench.cut(png(scene()))

    assert [bench.tier(jpeg(scene(), quality)) for quality in (90, 80)] == [Tier.PERCEPTUAL] * 2
    assert bench.counts["audits"] == 1
    assert bench.counts["audit_overlap"] > 0.95
    assert bench.counts["audits_apart"] == 0
    assert bench.inferences == 2


def test_saved_seconds_are_those_of_the_inference_that_was_not_made(folder: WatchFolder) -> None:
    times = iter([10.0, 10.25])
    bench = Bench(folder, clock=lambda: next(times))

    for _ in range(3):
        bench.cut(png(scene()))

    assert bench.counts["hit_output"] == 2
    assert bench.counts["saved_seconds"] == 0.5


def test_same_picture_five_times_at_once_is_one_inference(folder: WatchFolder) -> None:
    bench = Bench(folder, flights=SingleFlight())
    data, tiers = png(scene()), []

    def work() -> None:
        sha256 = hashlib.sha256(data).hexdigest()
        with bench.recall.alone(sha256, threading.Lock):  # type: ignore[arg-type]  # any context manager
            tiers.append(bench.tier(data))

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert bench.inferences == 1
    assert sorted(tiers) == [Tier.MISS] + [Tier.OUTPUT] * 4
    assert bench.counts["coalesced"] == 4


def test_policy_may_change_while_it_works(masks_only: Bench) -> None:
    masks_only.cut(png(scene()))
    masks_only.recall.policy = replace(masks_only.recall.policy, perceptual=False)

    assert masks_only.tier(jpeg(scene())) is Tier.MISS


def test_only_the_network_is_timed_and_not_what_is_remembered(bench: Bench) -> None:
    entered: list[int] = []

    @contextmanager
    def timed() -> Iterator[None]:
        entered.append(bench.inferences)
        yield
        entered.append(bench.inferences)

    picture = Picture(scene())
    for sha256 in ("7c" * 32, "7c" * 32, "a1" * 32):  # made, remembered, like
        bench.recall.mask(sha256, picture, timed)

    assert entered == [0, 1]
