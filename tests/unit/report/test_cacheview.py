from dataclasses import replace

import pytest

from watchd.domain.cachereport import (
    COUNTS,
    Explained,
    Fault,
    Near,
    Purged,
    Recomputed,
    Shelf,
    Stock,
    Verified,
    Warmed,
    Warmth,
)
from watchd.domain.reuse import Tier
from watchd.report import cacheview

STOCK = Stock(
    cache="/photos/.watchd/cache",
    spaces=(Shelf("u2net-3f9c1a7be2d0", 1200, 18_000_000, 1_000.0),),
    outputs=Shelf("outputs", 1, 30_000_000, 4_000.0),
    counts={
        **dict.fromkeys(COUNTS, 0),
        "lookups": 1_234_567,
        "audits": 84,
        "audits_apart": 1,
        "hit_exact": 7,
    },
    error_rate=1 / 84,
    mean_overlap=0.9912,
)


def test_stock_tells_entries_bytes_and_the_error_rate_in_words() -> None:
    text = cacheview.stock(STOCK, 4_600.0)

    assert "u2net-3f9c1a7be2d0: 1200 masks, 18.0 MB, the longest unused for 1 h" in text
    assert "outputs: 1 cutout, 30.0 MB, the longest unused for 10 min" in text
    assert "lookups: 1234567," in text
    assert "error rate: 1.2 % (1 of 84 audited hits), mean overlap 0.991" in text


def test_empty_stock_says_so() -> None:
    empty = replace(
        STOCK, spaces=(), outputs=Shelf("outputs", 0, 0, None), error_rate=None, mean_overlap=None
    )

    text = cacheview.stock(empty, 0.0)

    assert "no masks yet" in text
    assert "outputs: none" in text
    assert "error rate: not known: no hit was audited yet" in text


def test_explanation_names_each_candidate_with_its_answer() -> None:
    found = Explained(
        folder="photos",
        cache="/cache",
        space="u2net-3f9c1a7be2d0",
        sha256="7c" * 32,
        width=600,
        height=400,
        output="",
        mask="",
        phash="9f" * 32,
        flat=False,
        candidates=(
            Near("one", 4, 0.931, ""),
            Near("two", 8, 0.61, "edges"),
            Near("three", 9, None, "aspect"),
        ),
        decision=Tier.PERCEPTUAL,
    )

    text = cacheview.explained(found)

    assert "one: 4 bits apart, edges agree to 0.93: accepted" in text
    assert "two: 8 bits apart, edges agree to 0.61: refused: its edges differ" in text
    assert "three: 9 bits apart: refused: it is of another shape" in text
    assert text.endswith("decision: perceptual: the mask of the nearest accepted picture would be used")


def test_purge_tells_what_was_removed_what_was_not_and_how_much_that_is() -> None:
    found = Purged("/cache", ("v1/a",), (), 2048, ("v1/b",))

    assert cacheview.purged(found, dry_run=False).splitlines() == [
        "removed v1/a",
        "v1/b cannot be removed",
        "/cache: 1 mask and 0 cutouts removed, 2.0 kB freed",
    ]
    assert "would be removed, 2.0 kB to be freed" in cacheview.purged(found, dry_run=True)


def test_verification_names_what_is_wrong() -> None:
    found = Verified("/cache", 2, 1, (Fault("v1/a", "truncated", False), Fault("v1/b", "truncated", True)))

    assert cacheview.verified(found).splitlines() == [
        "BAD     v1/a: truncated",
        "removed v1/b: truncated",
        "/cache: 2 masks and 1 cutout read, 2 wrong",
    ]


def test_recomputed_masks_are_told_with_their_mean() -> None:
    text = cacheview.recomputed([Recomputed("v1/a", "a.jpg", 1.0), Recomputed("v1/b", "b.jpg", 0.9)])

    assert text.splitlines()[-1] == "2 masks recomputed, mean overlap 0.950"
    assert "none of the pictures" in cacheview.recomputed([])


def test_warming_tells_each_photo_and_counts_what_became_of_them() -> None:
    failed = Warmed("photos", "sub/\x1b.jpg", Warmth.FAILED, reason="truncated")

    assert cacheview.warmed(failed) == "failed sub/\\x1b.jpg: truncated"
    assert cacheview.warmth([Warmth.FAILED, Warmth.MADE, Warmth.MADE]) == "2 made, 1 failed"
    assert cacheview.warmth([]) == "no photos there"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.84, "0.8 s"), (65, "1 min 5 s"), (7200, "2 h"), (200_000, "2 d 7 h"), (59.97, "1 min")],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert cacheview.duration(seconds) == words
