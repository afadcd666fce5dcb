"""How far a long command has come: a bar on a terminal, lines elsewhere."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from watchd.report.latebar import LateBar

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class Steps(LateBar):
    """Tell it what there is to do, then of each step that is done; shows nothing until then."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._total = 0
        self._done = 0
        self._tenth = 0

    def expect(self, more: int) -> None:
        self._total += more

    def step(self, line: str = "", *, notable: bool = True) -> None:
        """Without a line each tenth is told; a line that is not notable is not shown above a bar."""
        self._done += 1
        if self._stream.isatty():
            self.draw(self._done, self._total, line if notable else "")
        elif line:
            print(f"{self._done}/{self._total} {line}", file=self._stream, flush=True)
        elif (tenth := self._done * 10 // max(self._total, 1)) > self._tenth:
            self._tenth = tenth
            print(f"{self._done}/{self._total}", file=self._stream, flush=True)

    def columns(self) -> "Sequence[str | ProgressColumn]":
        from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

        return MofNCompleteColumn(), BarColumn(), TimeRemainingColumn()
