"""What there is to look at."""

import io

from PIL import Image

from watchd.imaging.barchart import Bar, bar_chart


def coloured(row: int, chart: Image.Image) -> tuple[int, tuple[int, ...]]:
    """How long the bar of a row is, and its colour."""
    colours = [chart.getpixel((column, 64 + 34 * row + 8)) for column in range(chart.width)]
    bar = [colour for colour in colours if isinstance(colour, tuple) and colour != (255, 255, 255)]
    return len(bar), bar[0]


def test_bars_are_as_long_as_their_values_and_the_strong_one_stands_out() -> None:
    bars = [Bar("2 × 1", 6.0, "6.00/s"), Bar("1 × 2", 3.0, "3.00/s", strong=True)]

    chart = Image.open(io.BytesIO(bar_chart("u2netp", "median", bars)))

    (long, faint), (short, strong) = coloured(0, chart), coloured(1, chart)
    assert abs(long - 2 * short) <= 2
    assert faint != strong


def test_text_behind_the_longest_bar_is_inside_the_picture() -> None:
    chart = Image.open(io.BytesIO(bar_chart("u2netp", "", [Bar("a long label indeed", 1.0, "W" * 20)])))

    edge = [
        chart.getpixel((chart.width - 1 - column, row)) for column in range(8) for row in range(chart.height)
    ]
    assert set(edge) == {(255, 255, 255)}
