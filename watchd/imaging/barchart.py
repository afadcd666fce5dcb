"""A chart of horizontal bars, as a picture."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from watchd.imaging.lettering import drawable, font_of

_WIDTH, _ROW, _TOP, _MARGIN = 900, 34, 64, 20
_FAINT, _STRONG, _INK = "#9db4c8", "#1f6fb2", "#222222"


@dataclass(frozen=True, slots=True)
class Bar:
    """`text` stands behind its end; `strong` ones stand out."""

    label: str
    value: float
    text: str
    strong: bool = False


def bar_chart(title: str, note: str, bars: Sequence[Bar]) -> bytes:
    """A PNG, the bars from top to bottom."""
    chart = Image.new("RGB", (_WIDTH, _TOP + _ROW * len(bars) + _MARGIN), "white")
    draw = ImageDraw.Draw(chart)
    large, small = (font_of(size) for size in (20, 15))
    draw.text((_MARGIN, 12), title, _INK, large)
    draw.text((_MARGIN, 38), drawable(note), "#666666", small)
    bars = [replace(bar, label=drawable(bar.label)) for bar in bars]
    left = 2 * _MARGIN + max(draw.textlength(bar.label, small) for bar in bars)
    behind = _MARGIN + max(draw.textlength(bar.text, small) for bar in bars)
    scale = (_WIDTH - left - behind - _MARGIN) / max(bar.value for bar in bars)
    for number, bar in enumerate(bars):
        top = _TOP + number * _ROW
        middle, end = top + _ROW // 2, left + bar.value * scale
        draw.text((left - _MARGIN / 2, middle), bar.label, _INK, small, anchor="rm")
        draw.rectangle((left, top + 5, end, top + _ROW - 5), _STRONG if bar.strong else _FAINT)
        draw.text((end + 8, middle), bar.text, _INK, small, anchor="lm")
    file = io.BytesIO()
    chart.save(file, "PNG")
    return file.getvalue()
