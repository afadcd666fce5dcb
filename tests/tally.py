"""What the fault tests have tried: counted by the oracle, told as a table at the end of the run."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Count:
    """Of one test: how often the oracle was asked, about how many files at most, and what it found."""

    checks: int = 0
    inputs: int = 0
    lost: int = 0
    partial: int = 0


@dataclass
class Tally:
    _counts: dict[str, Count] = field(default_factory=dict)

    def add(self, inputs: int, lost: int, partial: int) -> None:
        """Counts one look of the oracle, for the test that is running."""
        test = os.environ.get("PYTEST_CURRENT_TEST", "").partition(" ")[0]
        count = self._counts.setdefault(_sentence(test), Count())
        count.checks += 1
        count.inputs = max(count.inputs, inputs)
        count.lost += lost
        count.partial += partial

    def table(self) -> Iterator[str]:
        """Markdown; nothing where no fault test has run."""
        if not self._counts:
            return
        yield "| fault | looks | inputs | lost | partial |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        for name, count in sorted(self._counts.items()):
            yield f"| {name} | {count.checks} | {count.inputs} | {count.lost} | {count.partial} |"


TALLY = Tally()


def _sentence(test: str) -> str:
    """`tests/fault/test_kill.py::test_killed_at_random[x]` as `kill: killed at random [x]`."""
    path, _, name = test.partition("::")
    file = os.path.basename(path).removeprefix("test_").removesuffix(".py")
    words, bracket, parameters = name.removeprefix("test_").partition("[")
    return f"{file}: {words.replace('_', ' ')}" + (f" [{parameters}" if bracket else "")
