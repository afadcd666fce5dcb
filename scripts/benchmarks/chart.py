"""Charts of a benchmark's figures, drawn with Pillow: lines on logarithmic axes, bars in groups."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 620, 420
_LEFT, _TOP, _RIGHT, _BOTTOM = 74, 62, 24, 84
_FINE = 2  # drawn that much larger, so that lines and letters are smooth
_INK, _FAINT, _PAPER = "#222222", "#dddddd", "#ffffff"
_COLOURS = ("#1f6fb4", "#d1602c", "#2f8f4e", "#8a5bb0", "#b8902a", "#5a6670")
_MOST_COLOURS = 64


def lines(title: str, across: str, up: str, series: Mapping[str, Points]) -> Image.Image:
    """Both axes logarithmic; every x and y is above zero. `across` and `up` name the axes, with units."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    sheet = _Sheet(title, across, up)
    right, above = _decades(xs), _decades(ys)
    for x in _powers(right):
        sheet.upright(_share(x, right), _number(x))
    for y in _powers(above):
        sheet.level(_share(y, above), _number(y))
    for colour, points in zip(_COLOURS, series.values(), strict=False):
        sheet.line([(_share(x, right), _share(y, above)) for x, y in points], colour)
    sheet.legend(list(series))
    return sheet.finished()


def bars(title: str, up: str, groups: Mapping[str, Mapping[str, float]]) -> Image.Image:
    """By group (below the axis) and by series (in the legend); each bar bears its figure. Starts at zero."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    top = _round_above(max(value for group in groups.values() for value in group.values()))
    sheet = _Sheet(title, "", up)
    for step in range(5):
        sheet.level(step / 4, _number(top * step / 4))
    width = 1 / len(groups)
    for number, (group, values) in enumerate(groups.items()):
        sheet.below((number + 0.5) * width, group)
        bar = 0.8 * width / len(names)
        for place, name in enumerate(names):
            if name in values:
                left = (number + 0.1) * width + place * bar
                sheet.bar(left, left + bar, values[name] / top, _COLOURS[place], _number(values[name]))
    sheet.legend(names)
    return sheet.finished()


def save(panels: Sequence[Image.Image], path: Path, columns: int = 2) -> None:
    """The panels in rows of so many, as a small PNG."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    whole = Image.new("RGB", (_WIDTH * columns, _HEIGHT * rows), _PAPER)
    for number, panel in enumerate(panels):
        whole.paste(panel, (_WIDTH * (number % columns), _HEIGHT * (number // columns)))
    whole.quantize(_MOST_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


class _Sheet:
    """One chart being drawn; places in it are shares of the plot's width and height, from its lower left."""

    def __init__(self, title: str, across: str, up: str) -> None:
        self._image = Image.new("RGB", (_WIDTH * _FINE, _HEIGHT * _FINE), _PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._text((_WIDTH / 2, 16), title, "mm", 17)
        self._text((_LEFT - 58, _TOP - 18), up, "lm")
        self._text((_LEFT + self._span[0] / 2, _HEIGHT - _BOTTOM + 38), across, "mm")

    @property
    def _span(self) -> tuple[int, int]:
        return _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def upright(self, x: float, label: str) -> None:
        self._stroke([(x, 0), (x, 1)], _FAINT, 1)
        self.below(x, label)

    def level(self, y: float, label: str) -> None:
        self._stroke([(0, y), (1, y)], _FAINT, 1)
        left, height = self._at(0, y)
        self._text((left - 8, height), label, "rm")

    def below(self, x: float, label: str) -> None:
        middle, bottom = self._at(x, 0)
        self._text((middle, bottom + 14), label, "mm")

    def line(self, points: Points, colour: str) -> None:
        self._stroke(points, colour, 2.5)
        for x, y in (self._at(*point) for point in points):
            box = [(edge * _FINE) for edge in (x - 4, y - 4, x + 4, y + 4)]
            self._draw.ellipse(box, fill=colour)

    def bar(self, left: float, right: float, height: float, colour: str, label: str) -> None:
        (x0, y0), (x1, y1) = self._at(left, height), self._at(right, 0)
        self._draw.rectangle([x0 * _FINE, y0 * _FINE, (x1 - 2) * _FINE, y1 * _FINE], fill=colour)
        self._text(((x0 + x1 - 2) / 2, y0 - 8), label, "mm", 11)

    def legend(self, names: Sequence[str]) -> None:
        x, y = float(_LEFT), _HEIGHT - 22
        for colour, name in zip(_COLOURS, names, strict=False):
            self._draw.rectangle([x * _FINE, (y - 5) * _FINE, (x + 14) * _FINE, (y + 5) * _FINE], fill=colour)
            self._text((x + 20, y), name, "lm")
            x += 20 + self._draw.textlength(name, _font(13)) / _FINE + 22

    def finished(self) -> Image.Image:
        self._stroke([(0, 0), (1, 0)], _INK, 1)
        return self._image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS)

    def _at(self, x: float, y: float) -> tuple[float, float]:
        return _LEFT + x * self._span[0], _HEIGHT - _BOTTOM - y * self._span[1]

    def _stroke(self, points: Points, colour: str, width: float) -> None:
        path = [(x * _FINE, y * _FINE) for x, y in (self._at(*point) for point in points)]
        self._draw.line(path, fill=colour, width=round(width * _FINE), joint="curve")

    def _text(self, place: tuple[float, float], text: str, anchor: str, size: int = 13) -> None:
        x, y = place
        self._draw.text((x * _FINE, y * _FINE), text, fill=_INK, font=_font(size), anchor=anchor)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * _FINE)


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten that hold all values between them, at least one apart."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _powers(decades: tuple[int, int]) -> list[float]:
    return [10.0**power for power in range(decades[0], decades[1] + 1)]


def _share(value: float, decades: tuple[int, int]) -> float:
    return (math.log10(value) - decades[0]) / (decades[1] - decades[0])


def _round_above(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten, so that quarters of it are short numbers."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 10, 20) if step * power >= value * 1.05)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
