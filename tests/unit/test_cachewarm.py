from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeSegmenter, encoded, put
from PIL import Image
from scenes import scene

from watchd.cachepictures import photos_of
from watchd.cachewarm import targets, warm, warm_from_pairs
from watchd.config.load import load
from watchd.config.schema import Config
from watchd.domain.cachereport import Warmed, Warmth
from watchd.domain.errors import FolderError, StartupError
from watchd.work.photos import picture_files


class Bench:
    """A watch folder whose cache is to be warmed, and photos elsewhere."""

    def __init__(self, root: Path) -> None:
        self.config = load(None, root / "photos", {}, {}).config
        (root / "photos" / ".watchd").mkdir(parents=True)
        self.cache = root / "photos" / ".watchd" / "cache"
        self.segmenter = FakeSegmenter()
        self.library = root / "library"
        self.library.mkdir()

    def warm(self) -> Sequence[Warmed]:
        [target] = targets(self.config, {"builtin": self.segmenter}, None)
        with photos_of(self.config) as photos:
            return list(warm(target, photos, picture_files(self.library, recursive=True)))

    def warm_from(self, cutouts: Path) -> Sequence[Warmed]:
        [target] = targets(self.config, {"builtin": self.segmenter}, None)
        paths = picture_files(self.library, recursive=True)
        with photos_of(self.config) as photos:
            return list(warm_from_pairs(target, photos, paths, self.library, cutouts))

    def masks(self) -> list[Path]:
        return list(self.cache.glob("v1/builtin-*/*/*.png"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def states(found: Sequence[Warmed]) -> dict[str, Warmth]:
    return {Path(each.path).name: each.state for each in found}


def test_each_photo_is_remembered_once_and_skipped_the_next_time(bench: Bench) -> None:
    for seed in (1, 2):
        put(bench.library, f"sub/{seed}.png", encoded("PNG", scene(seed)))

    first, again = bench.warm(), bench.warm()

    assert states(first) == {"1.png": Warmth.MADE, "2.png": Warmth.MADE}
    assert states(again) == {"1.png": Warmth.KNOWN, "2.png": Warmth.KNOWN}
    assert len(bench.segmenter.sizes) == 2
    assert len(bench.masks()) == 2


def test_copy_of_a_photo_has_its_mask_without_another_entry(bench: Bench) -> None:
    put(bench.library, "a.png", encoded("PNG", scene()))
    put(bench.library, "b.jpg", encoded("JPEG", scene(), quality=90))

    assert states(bench.warm()) == {"a.png": Warmth.MADE, "b.jpg": Warmth.LIKE}
    assert len(bench.masks()) == 1


def test_broken_photo_is_named_and_the_next_one_follows(bench: Bench) -> None:
    put(bench.library, "a.jpg", b"no picture")
    put(bench.library, "b.png", encoded("PNG", scene()))

    broken, made = bench.warm()

    assert (broken.state, made.state) == (Warmth.FAILED, Warmth.MADE)
    assert broken.reason.startswith("a.jpg: ")


def test_what_was_done_before_an_interruption_is_not_done_again(bench: Bench) -> None:
    for seed in (1, 2, 3):
        put(bench.library, f"{seed}.png", encoded("PNG", scene(seed)))

    def interrupt() -> None:
        if len(bench.segmenter.sizes) == 2:
            raise KeyboardInterrupt

    bench.segmenter.meanwhile = interrupt
    with pytest.raises(KeyboardInterrupt):
        bench.warm()
    bench.segmenter.meanwhile = lambda: None

    assert list(states(bench.warm()).values()) == [Warmth.KNOWN, Warmth.MADE, Warmth.MADE]


def test_cache_that_cannot_be_written_ends_it_with_one_line(bench: Bench) -> None:
    put(bench.library, "a.png", encoded("PNG", scene()))
    bench.cache.write_text("a file where a folder should be")

    with pytest.raises(FolderError, match="photos: its cache cannot be written"):
        bench.warm()


def test_mask_of_a_pair_is_the_cutouts_alpha_and_no_network_ran_for_it(bench: Bench, tmp_path: Path) -> None:
    put(bench.library, "sub/a.jpg", encoded("JPEG", scene()))
    put(tmp_path / "out", "sub/a.png", encoded("PNG", cutout(half(600, 400))))

    [found] = bench.warm_from(tmp_path / "out")

    assert found.state is Warmth.TAKEN
    [entry] = bench.masks()
    mask = np.asarray(Image.open(entry))
    assert mask.shape == (32, 32)
    assert (mask[:, :12] == 0).all()
    assert (mask[:, 20:] == 255).all()
    assert entry.name == found.entry
    assert states(bench.warm()) == {"a.jpg": Warmth.KNOWN}


def test_turned_photo_has_its_cutout_upright(bench: Bench, tmp_path: Path) -> None:
    sideways = Image.Exif()
    sideways[0x0112] = 6
    put(bench.library, "a.jpg", encoded("JPEG", scene(), exif=sideways))
    put(tmp_path / "out", "a.png", encoded("PNG", cutout(half(400, 600))))

    [found] = bench.warm_from(tmp_path / "out")

    assert found.state is Warmth.TAKEN


def test_pairs_that_do_not_fit_are_named_and_skipped(bench: Bench, tmp_path: Path) -> None:
    for number, name in enumerate(("alone.jpg", "opaque.jpg", "other_size.jpg", "torn.jpg")):
        put(bench.library, name, encoded("JPEG", scene(number)))
    put(tmp_path / "out", "opaque.png", encoded("PNG", scene()))
    put(tmp_path / "out", "other_size.png", encoded("PNG", cutout(half(300, 200))))
    put(tmp_path / "out", "torn.png", encoded("PNG", cutout(half(600, 400)))[:500])

    found = bench.warm_from(tmp_path / "out")

    assert {each.state for each in found} == {Warmth.SKIPPED}
    for each, reason in zip(
        found, ("no cutout", "no transparency", "300×200, the picture of 600×400", "truncated"), strict=True
    ):
        assert reason in each.reason
    assert bench.masks() == []


def half(width: int, height: int) -> Image.Image:
    """An alpha that shows the right half."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, width // 2 :] = 255
    return Image.fromarray(pixels)


def cutout(alpha: Image.Image) -> Image.Image:
    image = scene().resize(alpha.size)
    image.putalpha(alpha)
    return image


def two_watch_folders(root: Path, cache: str) -> Config:
    file = root / "config.yaml"
    file.write_text(f"watch:\n  - root: a\n  - root: b\ncache: {{{cache}}}\n")
    return load(file, None, {}, {}).config


def test_watch_folders_that_share_a_cache_and_a_network_are_warmed_once(tmp_path: Path) -> None:
    apart = targets(two_watch_folders(tmp_path, ""), {"builtin": FakeSegmenter()}, None)
    shared = targets(two_watch_folders(tmp_path, "dir: both"), {"builtin": FakeSegmenter()}, None)

    assert [len(apart), len(shared)] == [2, 1]


def test_only_the_wanted_watch_folder_is_warmed(tmp_path: Path) -> None:
    config = two_watch_folders(tmp_path, "")

    [target] = targets(config, {"builtin": FakeSegmenter()}, "b")

    assert target.folder.name == "b"
    with pytest.raises(StartupError, match="no watch folder c; there are: a, b"):
        targets(config, {"builtin": FakeSegmenter()}, "c")


def test_cache_that_is_off_is_not_warmed(tmp_path: Path) -> None:
    config = two_watch_folders(tmp_path, "enabled: false")

    with pytest.raises(StartupError, match=r"the cache is off \(cache.enabled\)"):
        targets(config, {"builtin": FakeSegmenter()}, None)
