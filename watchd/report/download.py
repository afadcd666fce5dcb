"""How far a download has come: a bar on a terminal, a line at each tenth elsewhere."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class DownloadBar:
    """Call it with the bytes that are there and how many it shall be; shows nothing until then."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tuple[Progress, TaskID] | None = None
        self._tenth = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def __call__(self, have: int, total: int | None) -> None:
        if self._stream.isatty():
            self._draw(have, total)
        elif total and (tenth := have * 10 // total) > self._tenth:
            self._tenth = tenth
            print(f"downloaded {have / 1e6:.1f} of {total / 1e6:.1f} MB", file=self._stream, flush=True)

    def _draw(self, have: int, total: int | None) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

            columns = ("downloading", BarColumn(), DownloadColumn(), TimeRemainingColumn())
            progress = Progress(*columns, console=Console(file=self._stream))
            progress.start()
            self._bar = progress, progress.add_task("download")
        bar, task = self._bar
        bar.update(task, completed=have, total=total)
