"""What the fault tests have tried: counted by the oracle, told as a table at the end of the run."""

import ast
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path


@dataclass
class Count:
    """Of one test: how often the oracle was asked, about how many files at most, and what it found."""

    looks: int = 0
    inputs: int = 0
    lost: int = 0
    partial: int = 0


@dataclass
class Tally:
    _counts: dict[str, Count] = field(default_factory=dict)

    def add(self, inputs: int, lost: int, partial: int) -> None:
        """Counts one look of the oracle, for the test that is running."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
        count = self._counts.setdefault(test, Count())
        count.looks += 1
        count.inputs = max(count.inputs, inputs)
        count.lost += lost
        count.partial += partial

    def told(self) -> dict[str, tuple[int, ...]]:
        """All counts, for the process that prints the table."""
        return {test: astuple(count) for test, count in self._counts.items()}

    def hear(self, told: Mapping[str, tuple[int, ...]]) -> None:
        self._counts |= {test: Count(*counts) for test, counts in told.items()}

    def table(self) -> Iterator[str]:
        """Markdown, a row for each module; nothing where no fault test has run."""
        if not self._counts:
            return
        yield "| faults | tests | looks | inputs | lost | partial |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: |"
        for file in sorted({_file(test) for test in self._counts}):
            counts = [count for test, count in self._counts.items() if _file(test) == file]
            yield _row(_about(file), counts)
        yield _row("all", self._counts.values())


TALLY = Tally()


def _file(test: str) -> str:
    return test.partition("::")[0]


def _about(file: str) -> str:
    """What the module says of itself."""
    path = Path(__file__).parents[1] / file
    about = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else None
    return (about or file).splitlines()[0].rstrip(".")


def _row(name: str, counts: Iterable[Count]) -> str:
    counts = list(counts)
    numbers = [
        len(counts),
        sum(count.looks for count in counts),
        sum(count.inputs for count in counts),
        sum(count.lost for count in counts),
        sum(count.partial for count in counts),
    ]
    return f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |"
