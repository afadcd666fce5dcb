"""A bar of a terminal that appears with its first step, and goes when its context is left."""

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID


class LateBar:
    """`columns` is asked for once there is something to draw, since rich takes 60 ms to load."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def columns(self) -> "Sequence[str | ProgressColumn]":
        raise NotImplementedError

    def draw(self, done: int, total: int | None, line: str = "") -> None:
        """The line, if there is one, stands above the bar."""
        if self._bar is None:
            from rich.console import Console
            from rich.progress import Progress

            progress = Progress(*self.columns(), console=Console(file=self._stream), redirect_stdout=False)
            progress.start()
            self._bar = progress, progress.add_task("")
        bar, task = self._bar
        if line:
            bar.console.print(line, markup=False, highlight=False)
        bar.update(task, completed=done, total=total)
