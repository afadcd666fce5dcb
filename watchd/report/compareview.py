"""What `watchd models compare` reports, as text for a terminal."""

import os
import textwrap
from collections.abc import Iterable, Iterator

from watchd.domain.comparereport import Comparison, Contender, Figures
from watchd.report.escape import escape

_DIFFER = 3
_WIDTH = 110


def compared(found: Comparison) -> str:
    running = [(each, each.figures) for each in found.contenders if each.figures]
    labels = [escape(each.label) for each, _ in running]
    width = max(len("network"), *map(len, labels))
    lines = [
        f"{len(found.photos)} of {found.found} photos in {escape(found.folder)}, the network alone:",
        f"{'network':{width}}   file MB   ms, one core   ms, as configured   start s   peak MB",
        *(_row(each, its, width) for each, its in running),
        *(_table(found, labels, width) if len(running) > 1 else ()),
        *_wrapped(f"{escape(each.label)}: {escape(each.good_for)} ({each.licence})" for each, _ in running),
        *(f"left out: {escape(each.label)}: {escape(each.left_out)}" for each in _left_out(found)),
        *(f"skipped: {escape(each)}" for each in found.skipped),
        *map(escape, found.remarks),
        *_wrapped([f"photos: {', '.join(_names(found))}"]),
        f"to look at: {escape(', '.join(found.sheets))}",
    ]
    return "\n  ".join(lines)


def _row(each: Contender, its: Figures, width: int) -> str:
    configured = f"{its.configured_s * 1000:.0f} ({its.workers} × {its.intra_op})"
    return (
        f"{escape(each.label):{width}} {each.megabytes:9.1f} {its.one_core_s * 1000:14.0f} {configured:>19} "
        f"{its.start_s:9.1f} {its.peak_bytes / 1e6:9.0f}"
    )


def _table(found: Comparison, labels: list[str], width: int) -> Iterator[str]:
    """Each network beside each."""
    wide = [max(7, len(label) + 2) for label in labels]
    yield "how far they agree (mean overlap of their cutouts, 1 is the same):"
    yield " " * width + "".join(f"{label:>{each}}" for label, each in zip(labels, wide, strict=True))
    for number, (label, row) in enumerate(zip(labels, found.agreement, strict=True)):
        cells = ["–" if column == number else f"{cell:.3f}" for column, cell in enumerate(row)]
        yield f"{label:{width}}" + "".join(f"{cell:>{each}}" for cell, each in zip(cells, wide, strict=True))
    least = sorted(found.photos, key=lambda photo: photo.agreement)[:_DIFFER]
    named = (f"{escape(os.path.basename(photo.path))} ({photo.agreement:.2f})" for photo in least)
    yield from _wrapped([f"least on {', '.join(named)}"])


def _left_out(found: Comparison) -> list[Contender]:
    return [each for each in found.contenders if each.left_out]


def _names(found: Comparison) -> list[str]:
    return [escape(os.path.relpath(photo.path, found.folder)) for photo in found.photos]


def _wrapped(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from textwrap.wrap(text, _WIDTH, subsequent_indent="  ", break_on_hyphens=False)
