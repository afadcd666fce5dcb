"""The table of several networks."""

from dataclasses import replace

from watchd.domain.comparereport import Comparison, Contender, Figures, Photo
from watchd.report.compareview import compared

SMALL = Contender("builtin", "/w/builtin.onnx", 5.9, "Apache-2.0", "Any subject.", None)
FAST = replace(SMALL, figures=Figures(0.11, 0.0334, 0.0178, 2, 1, 161_000_000))
SLOW = replace(FAST, label="u2netp", figures=Figures(0.6, 0.421, 0.348, 2, 1, 586_000_000))
PHOTOS = (Photo("/p/a.jpg", 40, 30, 0.9), Photo("/p/sub/b.jpg", 40, 30, 0.3))
FOUND = Comparison("/p", 7, PHOTOS, (), (FAST, SLOW), ((1.0, 0.84), (0.84, 1.0)), ("compare.png",))


def rows(found: Comparison) -> list[str]:
    return [" ".join(line.split()) for line in compared(found).splitlines()]


def test_every_network_has_a_row_of_its_figures_and_what_it_is_good_for() -> None:
    lines = rows(FOUND)

    assert "builtin 5.9 33 18 (2 × 1) 0.1 161" in lines
    assert "u2netp 5.9 421 348 (2 × 1) 0.6 586" in lines
    assert "builtin: Any subject. (Apache-2.0)" in lines


def test_how_far_each_two_agree_is_told_and_where_the_least() -> None:
    lines = rows(FOUND)

    assert "builtin – 0.840" in lines
    assert "u2netp 0.840 –" in lines
    assert "least on b.jpg (0.30), a.jpg (0.90)" in lines


def test_a_network_alone_agrees_with_nobody() -> None:
    assert "agree" not in compared(replace(FOUND, contenders=(FAST,), agreement=((1.0,),)))


def test_which_photos_were_looked_at_what_was_skipped_and_where_to_look_is_told() -> None:
    lines = rows(replace(FOUND, skipped=("c.jpg: truncated\x1b",), remarks=("it was busy",)))

    assert lines[0].startswith("2 of 7 photos in /p")
    for line in ("photos: a.jpg, sub/b.jpg", "skipped: c.jpg: truncated\\x1b", "it was busy"):
        assert line in lines
    assert lines[-1] == "to look at: compare.png"


def test_network_that_was_left_out_is_told_with_the_reason() -> None:
    out = replace(SMALL, label="large", left_out="its process died of SIGKILL")

    lines = rows(replace(FOUND, contenders=(FAST, SLOW, out)))

    assert "left out: large: its process died of SIGKILL" in lines
    assert not any(line.startswith("large ") for line in lines)
