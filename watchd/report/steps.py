"""How far a long command has come: a bar on a terminal, lines elsewhere."""

from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Steps:
    """Tell it what there is to do, then of each step that is done; shows nothing until then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._total = 0
        self._done = 0
        self._tenth = 0
        self._bar: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar[0].stop()
            self._bar = None

    def expect(self, more: int) -> None:
        self._total += more

    def step(self, line: str = "", *, notable: bool = True) -> None:
        """Without a line each tenth is told; a line that is not notable is not shown above a bar."""
        self._done += 1
        if self._stream.isatty():
            self._draw(line if notable else "")
        elif line:
            print(f"{self._done}/{self._total} {line}", file=self._stream, flush=True)
        elif (tenth := self._done * 10 // max(self._total, 1)) > self._tenth:
            self._tenth = tenth
            print(f"{self._done}/{self._total}", file=self._stream, flush=True)

    def _draw(self, line: str) -> None:
        if self._bar is None:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

            columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
            progress = Progress(*columns, console=Console(file=self._stream), redirect_stdout=False)
            progress.start()
            self._bar = progress, progress.add_task("")
        bar, task = self._bar
        if line:
            bar.console.print(line, markup=False, highlight=False)
        bar.update(task, completed=self._done, total=self._total)
