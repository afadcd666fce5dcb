"""The table of what was measured."""

from dataclasses import replace

from watchd.domain.tunereport import Layout, Pace, Row, Tuning
from watchd.report.tuneview import tuned

AUTO = Row(
    Layout(None, None, "auto"),
    "fp32",
    2,
    1,
    pinned=True,
    pace=Pace(8.0, 0.25, 0.3, 0.4, 412_000_000),
    speeds=(8.0, 8.4, 7.6),
)
FREE = replace(AUTO, layout=Layout(2, 1, "none"), pinned=False, pace=Pace(4.0, 0.5, 0.6, 0.7, 400_000_000))
TUNING = Tuning("u2netp", "fp32", 2, 3, (AUTO, FREE), AUTO, "auto is the best")


def test_every_layout_has_a_row_with_a_bar_and_the_best_is_marked() -> None:
    _, _, first, second, *_ = tuned(TUNING).splitlines()

    assert " ".join(first.split()) == f"auto, 2 × 1 pinned fp32 {'█' * 24} 8.00 ±5% 0.250 300 400 412 ← best"
    assert " ".join(second.split()) == f"2 × 1 free fp32 {'█' * 12} 4.00 ±5% 0.500 600 700 400"


def test_what_was_left_out_is_told_with_the_reason() -> None:
    large = Row(Layout(64, 1, "none"), "fp32", 64, 1, pinned=False, left_out="needs more memory")

    assert "64 × 1 free" in tuned(replace(TUNING, rows=(AUTO, large)))
    assert "fp32: needs more memory" in tuned(replace(TUNING, rows=(AUTO, large)))


def test_choice_remarks_and_files_are_told() -> None:
    text = tuned(replace(TUNING, remarks=("it was busy",), chart="tune.png", written="/etc/config.yaml"))

    assert "\n  auto is the best\n  it was busy\n" in text
    assert "drawn: tune.png" in text
    assert "written into /etc/config.yaml; the daemon takes it at its next start" in text
