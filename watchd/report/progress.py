"""How far a run with `--once` has come."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TextIO, assert_never

from watchd.domain.events import Event, JobEnded
from watchd.domain.outcome import Deferred, Delivered, Failed, Outcome, Rejected, Skipped, word
from watchd.report.escape import escape

WORDS = ("delivered", "skipped", "deferred", "rejected", "failed")


@dataclass(frozen=True, slots=True)
class Step:
    done: int
    total: int
    per_second: float


class Progress:
    """A listener: a bar while entered on a terminal, a line for each file elsewhere.

    It counts files, not attempts: of a file that is tried again the last outcome counts.
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()
        self._view: _Bar | _Lines = _Bar(stream) if stream.isatty() else _Lines(stream)
        self._tally_lock = threading.Lock()
        self._total = 0
        self._delivered = 0
        self._others: dict[tuple[str, str], str] = {}  # bounded by the files in trouble

    def __enter__(self) -> Self:
        self._view.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._view.stop()

    def expect(self, total: int) -> None:
        """How many files there are, as far as the scan has come."""
        with self._tally_lock:
            self._total = total
        self._view.move(self._step())

    def __call__(self, event: Event) -> None:
        if isinstance(event, JobEnded):
            self._count(event)
            self._view.tell(event, self._step())

    @property
    def failed(self) -> bool:
        """Whether some file has no cutout though it should."""
        return bool({"deferred", "rejected", "failed"} & set(self._others.values()))

    def summary(self) -> str:
        """`40 files in 12.3 s: 38 delivered, 2 rejected; 3.2/s`"""
        step = self._step()
        if step.done == 0:
            return "no files to process"
        with self._tally_lock:
            counts = Counter(self._others.values()) + Counter(delivered=self._delivered)
        each = ", ".join(f"{counts[name]} {name}" for name in WORDS if counts[name])
        files = "1 file" if step.done == 1 else f"{step.done} files"
        return f"{files} in {self._clock() - self._began:.1f} s: {each}; {step.per_second:.1f}/s"

    def _count(self, event: JobEnded) -> None:
        source = (event.job.folder.name, event.job.source.relative)
        with self._tally_lock:
            self._others.pop(source, None)
            if isinstance(event.outcome, Delivered):
                self._delivered += 1
            else:
                self._others[source] = word(event.outcome)

    def _step(self) -> Step:
        seconds = max(self._clock() - self._began, 0.001)
        with self._tally_lock:
            done = self._delivered + len(self._others)
            return Step(done, max(done, self._total), done / seconds)


class _Lines:
    """`12/40 delivered photos/a.jpg → a.png`"""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def start(self) -> None:
        """Nothing is shown before the first file is done."""

    def stop(self) -> None:
        self._stream.flush()

    def move(self, step: Step) -> None:
        """A total alone is no news."""

    def tell(self, event: JobEnded, step: Step) -> None:
        name = escape(f"{event.job.folder.name}/{event.job.source.relative}")
        line = f"{step.done}/{step.total} {word(event.outcome)} {name}{_sequel(event.outcome)}"
        self._stream.write(f"{line}\n")
        self._stream.flush()


def _sequel(outcome: Outcome) -> str:
    match outcome:
        case Delivered(output):
            return f" → {escape(output)}"
        case Skipped(reason) | Deferred(reason) | Rejected(reason) | Failed(reason):
            return f": {escape(reason)}"
        case _:
            assert_never(outcome)


class _Bar:
    """Files done, rate and time left. While it is shown, what is written to stderr appears above it."""

    def __init__(self, stream: TextIO) -> None:
        # Only here, for a daemon without a terminal never needs it, and it costs 60 ms to load.
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[per_second]:.1f}/s"),
            TimeRemainingColumn(),
            console=Console(file=stream),
            redirect_stdout=False,
        )
        self._task = self._bar.add_task("", total=None, per_second=0.0)

    def start(self) -> None:
        self._bar.start()

    def stop(self) -> None:
        self._bar.stop()

    def move(self, step: Step) -> None:
        self._bar.update(
            self._task, completed=step.done, total=step.total or None, per_second=step.per_second
        )

    def tell(self, _event: JobEnded, step: Step) -> None:
        """The bar says how many; what went wrong is in the log, above the bar."""
        self.move(step)
