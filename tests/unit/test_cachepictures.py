import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeSegmenter, encoded, names, recall_of, watch_folder
from PIL import Image, ImageOps
from scenes import scene

from watchd.cachepictures import current_spaces, explain, recomputed, sources_of
from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.cachereport import Explained
from watchd.domain.errors import StartupError
from watchd.domain.reuse import Tier
from watchd.imaging.decode import Picture
from watchd.imaging.segment import Segmenter
from watchd.store.cachefolder import CacheTree
from watchd.work.recall import Recall

Segmenters = Mapping[str, Segmenter]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(None, tmp_path, {}, {}).config


@pytest.fixture
def fake() -> FakeSegmenter:
    return FakeSegmenter()


@pytest.fixture
def segmenters(fake: FakeSegmenter) -> Segmenters:
    return {"builtin": fake}


@pytest.fixture
def recall(tmp_path: Path, fake: FakeSegmenter) -> Recall:
    return recall_of(watch_folder(tmp_path), fake)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return save(tmp_path / "image.png", scene())


def save(path: Path, image: Image.Image) -> Path:
    path.write_bytes(encoded("PNG", image))
    return path


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def told(config: Config, segmenters: Segmenters, image: Path) -> Explained:
    [found] = explain(config, segmenters, image)
    return found


def test_unknown_picture_is_a_miss_and_no_cache_is_made(
    config: Config, segmenters: Segmenters, image: Path
) -> None:
    found = told(config, segmenters, image)

    assert (found.decision, found.candidates, found.mask, found.output) == (Tier.MISS, (), "", "")
    assert (found.sha256, found.width, found.height) == (sha256_of(image), 600, 400)
    assert not (image.parent / ".watchd").exists()


def test_what_is_told_is_what_the_daemon_then_does(
    config: Config, segmenters: Segmenters, recall: Recall, image: Path
) -> None:
    recall.mask("7c" * 32, Picture(scene(colour="#3050a0")))

    found = told(config, segmenters, image)
    _, reuse = recall.mask(sha256_of(image), Picture(scene()))

    [near] = found.candidates
    assert found.decision is reuse.tier is Tier.PERCEPTUAL
    assert (near.entry, near.distance, near.refusal) == (reuse.entry, reuse.distance, "")
    assert near.edge == pytest.approx(reuse.edge, abs=0.001)


def test_own_mask_is_told(config: Config, segmenters: Segmenters, recall: Recall, image: Path) -> None:
    _, reuse = recall.mask(sha256_of(image), Picture(scene()))

    found = told(config, segmenters, image)

    assert (found.decision, found.mask, found.output) == (Tier.EXACT, reuse.entry, "")


def test_refused_candidate_is_told_with_its_reason(
    config: Config, segmenters: Segmenters, recall: Recall, image: Path
) -> None:
    recall.mask("7c" * 32, Picture(scene().resize((150, 100), Image.Resampling.LANCZOS)))

    found = told(config, segmenters, image)

    assert [near.refusal for near in found.candidates] == ["source_small"]
    assert found.decision is Tier.MISS


def test_flat_picture_is_told_to_be_flat(config: Config, segmenters: Segmenters, tmp_path: Path) -> None:
    white = save(tmp_path / "white.png", Image.new("RGB", (600, 400), "white"))

    assert told(config, segmenters, white).flat


def test_to_explain_runs_no_network_and_is_no_use_of_an_entry(
    tmp_path: Path,
    config: Config,
    segmenters: Segmenters,
    recall: Recall,
    fake: FakeSegmenter,
    image: Path,
) -> None:
    recall.mask(sha256_of(image), Picture(scene()))
    [entry] = (tmp_path / ".watchd" / "cache").glob("v1/*/*/*.png")
    os.utime(entry, (5000, 5000))
    before = names(tmp_path), len(fake.sizes)

    told(config, segmenters, image)

    assert (names(tmp_path), len(fake.sizes)) == before
    assert entry.stat().st_mtime == 5000


@pytest.mark.parametrize("data", [b"", b"this is no picture", encoded("PNG")[:200]])
def test_what_is_no_picture_is_one_line(
    config: Config, segmenters: Segmenters, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "bad.png").write_bytes(data)

    with pytest.raises(StartupError, match=r"^bad\.png: "):
        explain(config, segmenters, tmp_path / "bad.png")


def test_sources_of_a_picture_are_its_own_file_and_those_it_would_be_lent_from(
    tmp_path: Path, config: Config, segmenters: Segmenters, recall: Recall, image: Path
) -> None:
    recall.mask("7c" * 32, Picture(scene(colour="#3050a0")))
    recall.mask("a1" * 32, Picture(scene(seed=2)))
    recall.mask("b2" * 32, Picture(ImageOps.mirror(scene())))

    sources = sources_of(config, segmenters, image)

    assert sources == {tmp_path / ".watchd" / "cache": {sha256_of(image), "7c" * 32}}


def test_mask_of_the_same_picture_and_network_is_the_same_again(
    tmp_path: Path, config: Config, segmenters: Segmenters, recall: Recall, image: Path
) -> None:
    recall.mask(sha256_of(image), Picture(scene()))
    (tmp_path / "text.jpg").write_bytes(b"no picture")
    save(tmp_path / "unknown.png", scene(2))
    tree = CacheTree(tmp_path / ".watchd" / "cache")

    [found] = recomputed(config, segmenters, [tree], tmp_path, most=5)

    assert (found.source, found.overlap) == (str(image), 1.0)


def test_mask_that_the_network_does_not_give_is_told_by_its_overlap(
    tmp_path: Path, config: Config, segmenters: Segmenters, recall: Recall, image: Path
) -> None:
    recall.adopt(sha256_of(image), Picture(scene()), np.zeros((32, 32), np.uint8))
    tree = CacheTree(tmp_path / ".watchd" / "cache")

    [found] = recomputed(config, segmenters, [tree], tmp_path, most=5)

    assert found.overlap == 0.0


def test_no_more_masks_are_recomputed_than_asked_for(
    tmp_path: Path, config: Config, segmenters: Segmenters, recall: Recall, fake: FakeSegmenter
) -> None:
    for seed in (1, 2, 3):
        path = save(tmp_path / f"{seed}.png", scene(seed))
        recall.mask(sha256_of(path), Picture(scene(seed)))
    tree = CacheTree(tmp_path / ".watchd" / "cache")

    found = list(recomputed(config, segmenters, [tree], tmp_path, most=2))

    assert len(found) == 2
    assert len(fake.sizes) == 3 + 2


def test_space_of_another_network_is_not_current(tmp_path: Path, config: Config, recall: Recall) -> None:
    recall.mask("7c" * 32, Picture(scene()))
    other = FakeSegmenter()
    other.recipe = {"weights": "new"}
    root = tmp_path / ".watchd" / "cache"
    [space] = [path.name for path in (root / "v1").iterdir()]

    assert list(current_spaces(config, {"builtin": FakeSegmenter()}, root)) == [space]
    assert space not in current_spaces(config, {"builtin": other}, root)
