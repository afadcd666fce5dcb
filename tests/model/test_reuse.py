"""What of real photographs counts as the same picture, and that each cutout has its own one's pixels."""

import hashlib
import io
from pathlib import Path

import pytest
from alterations import COPIES, OTHERS, RECOLOURED, TONED
from fakes import recall_of, watch_folder
from likeness import Likeness, of_unrelated

from watchd.domain.profile import Profile
from watchd.domain.reuse import CachePolicy, Tier
from watchd.imaging.compose import compose
from watchd.imaging.cpus import ThreadPlan
from watchd.imaging.decode import open_picture
from watchd.imaging.encode import encode
from watchd.imaging.models import find
from watchd.imaging.segment import Segmenter
from watchd.imaging.session import load_segmenter

pytestmark = [pytest.mark.shared, pytest.mark.timeout(180)]

WHISK = "0161.jpg"  # of the pictures for evaluation: the photograph whisk.png, made smaller


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    """One will do: all of them see the same of a picture, and likeness is told from that."""
    return load_segmenter(find("builtin", {}), lambda: ThreadPlan(1, 1, 1, (None,)))


@pytest.fixture(scope="module")
def photos(shared: Path) -> list[Path]:
    return sorted(path for path in (shared / "photos").iterdir() if path.suffix in (".jpg", ".png"))


@pytest.fixture(scope="module")
def likeness(photos: list[Path], segmenter: Segmenter, tmp_path_factory: pytest.TempPathFactory) -> Likeness:
    return Likeness(photos, segmenter, tmp_path_factory.mktemp("likeness"))


def test_recompressed_and_resized_copies_have_the_mask_and_their_own_pixels(likeness: Likeness) -> None:
    copies = likeness.of(COPIES)

    assert copies.asked == 12 * 14
    assert copies.share >= 0.99, copies.missed
    assert copies.wrong_pixels == 0


def test_toned_copies_have_the_mask_and_their_own_pixels(likeness: Likeness) -> None:
    toned = likeness.of(TONED)

    assert toned.share >= 0.9, toned.missed
    assert toned.wrong_pixels == 0


def test_recoloured_picture_never_has_the_colours_of_the_first(likeness: Likeness) -> None:
    recoloured = likeness.of(RECOLOURED)

    assert recoloured.known
    assert recoloured.wrong_pixels == 0


def test_what_was_moved_cut_turned_or_added_to_is_another_picture(likeness: Likeness) -> None:
    others = likeness.of(OTHERS)

    assert others.known == []
    assert others.wrong_pixels == 0


def test_unrelated_photographs_never_share_a_mask(
    shared: Path, photos: list[Path], segmenter: Segmenter, tmp_path: Path
) -> None:
    strangers = [path for path in sorted((shared / "eval" / "images").iterdir()) if path.name != WHISK]

    tally = of_unrelated([*photos, *strangers], segmenter, tmp_path)

    assert tally.asked == 211
    assert tally.known == []
    assert tally.wrong_pixels == 0


def test_smaller_copy_of_a_photograph_is_found_among_strangers(
    shared: Path, photos: list[Path], segmenter: Segmenter, tmp_path: Path
) -> None:
    images = shared / "eval" / "images"

    tally = of_unrelated([*photos, images / "0001.jpg", images / WHISK], segmenter, tmp_path)

    assert tally.known == [WHISK]


def test_cutout_of_a_photograph_is_the_same_whether_its_mask_was_made_or_remembered(
    photos: list[Path], segmenter: Segmenter, tmp_path: Path
) -> None:
    folder = watch_folder(tmp_path, profile=Profile(cache=CachePolicy(outputs=False, audit_rate=0.0)))
    recall = recall_of(folder, segmenter)

    for photo in photos[:4]:
        data = photo.read_bytes()
        cutouts, tiers = [], []
        for _ in range(2):
            picture = open_picture(io.BytesIO(data), photo.name, 200_000_000).load()
            mask, reuse = recall.mask(hashlib.sha256(data).hexdigest(), picture)
            cutouts.append(encode(compose(picture, mask), picture.icc, picture.dpi, {}))
            tiers.append(reuse.tier)

        assert tiers == [Tier.MISS, Tier.EXACT]
        assert cutouts[0] == cutouts[1]
