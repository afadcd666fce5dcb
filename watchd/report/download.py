"""How far a download has come: a bar on a terminal, a line at each tenth elsewhere."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from watchd.report.latebar import LateBar

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class DownloadBar(LateBar):
    """Call it with the bytes that are there and how many it shall be; shows nothing until then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream or sys.stderr)
        self._tenth = -1

    def __call__(self, have: int, total: int | None) -> None:
        if self._stream.isatty():
            self.draw(have, total)
        elif total and (tenth := have * 10 // total) > self._tenth:
            self._tenth = tenth
            print(f"downloaded {have / 1e6:.1f} of {total / 1e6:.1f} MB", file=self._stream, flush=True)

    def columns(self) -> "Sequence[str | ProgressColumn]":
        from rich.progress import BarColumn, DownloadColumn, TimeRemainingColumn

        return "downloading", BarColumn(), DownloadColumn(), TimeRemainingColumn()
